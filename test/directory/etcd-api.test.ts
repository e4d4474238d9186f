import { expect, test } from "bun:test";
import { EtcdApi } from "../../src/directory/etcd-api.ts";
import { EtcdClient } from "../../src/directory/etcd-client.ts";
import { FakeClock } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { etcdParts } from "./etcd-parts.ts";

const encode = (plain: string): string => Buffer.from(plain).toString("base64");

/** An API whose etcd gives one answer to everything. */
function answering(...answers: readonly unknown[]): EtcdApi {
  const text = answers.map((answer) => JSON.stringify(answer)).join("\n");
  const fetch = async (): Promise<Response> => new Response(text);
  return new EtcdApi(new EtcdClient({ members: ["http://a:1"], clock: new FakeClock(), fetch }));
}

const header = { cluster_id: "14841639068965178418", revision: "7", raft_term: "3" };

test("the head has the cluster's id in hex, and what is zero is left out", async () => {
  expect(await answering({ header }).head(0)).toEqual({
    cluster: "cdf818194e3a8c32",
    revision: 7,
    term: 3,
  });
  expect(await answering({ header: { cluster_id: "5" } }).head(0)).toEqual({
    cluster: "5",
    revision: 0,
    term: 0,
  });
});

test("a write is done if the key is as it was seen, else what is there is told", async () => {
  const { api, etcd } = etcdParts();
  const { lease } = await api.grant(5);
  const put = (seen: number, value: string) => api.commit("gee/x", seen, { value, lease });
  expect(await put(0, "ä1")).toMatchObject({ done: true, head: { revision: 2 } });
  expect(await put(0, "2")).toMatchObject({
    done: false,
    found: { key: "gee/x", revision: 2, lease, value: encode("ä1") },
  });
  expect(await put(2, "3")).toMatchObject({ done: true, head: { revision: 3 } });
  expect(await api.get("gee/x")).toMatchObject({ revision: 3, value: encode("3"), lease });
  expect(await api.commit("gee/x", 2, undefined)).toMatchObject({ done: false });
  expect(await api.commit("gee/x", 3, undefined)).toMatchObject({ done: true });
  expect(await api.get("gee/x")).toBeUndefined();
  expect(await put(3, "4")).toMatchObject({ done: false, found: undefined });
  etcd.revoke(lease);
  expect((await failureOf(put(0, "5"))).code).toBe("NOT_FOUND");
});

test("a range is read in pages, each from behind the last key, all as of one revision", async () => {
  const { api, etcd } = etcdParts();
  for (const name of ["gee/a", "gee/b", "gee/b\0", "gee/c", "gef", "ge"]) etcd.put(name, name);
  const names: string[] = [];
  let after: string | undefined;
  let revision: number | undefined;
  for (let more = true; more;) {
    const page = await api.range("gee/", { after, limit: 2, revision });
    names.push(...page.entries.map(({ key }) => key));
    after = page.entries.at(-1)?.rawKey;
    revision = page.head.revision;
    ({ more } = page);
  }
  expect(names).toEqual(["gee/a", "gee/b", "gee/b\0", "gee/c"]);
  etcd.put("gee/d", "");
  etcd.compact();
  const old = api.range("gee/", { after, limit: 2, revision });
  expect((await failureOf(old)).code).toBe("OUT_OF_RANGE");
});

test("leases begin, are kept alive together, and end", async () => {
  const { api, etcd, clock } = etcdParts();
  const [first, second] = [await api.grant(1), await api.grant(10)];
  expect(await api.timeToLive(first.lease)).toMatchObject({ grantedSeconds: 2, leftSeconds: 2 });
  await clock.advance(1_500);
  expect(await api.timeToLive(first.lease)).toMatchObject({ leftSeconds: 0 });
  const both = [first.lease, second.lease, "12345"];
  const { kept, term } = await api.keepAlive(both);
  expect([[...kept], term]).toEqual([[first.lease, second.lease], 2]);
  expect(etcd.count("/v3/lease/keepalive")).toBe(1);
  expect(await api.timeToLive(first.lease)).toMatchObject({ leftSeconds: 2 });
  await clock.advance(2_500);
  expect((await api.timeToLive(first.lease)).leftSeconds).toBeUndefined();
  expect(await api.timeToLive(second.lease)).toMatchObject({ grantedSeconds: 10, leftSeconds: 7 });
});

test("a watch tells what happened since a revision, in order", async () => {
  const { api, etcd } = etcdParts();
  etcd.put("gee/a", "1");
  etcd.put("other", "x");
  const stop = new AbortController();
  const { messages } = await api.watch("gee/", 2, stop.signal);
  const next = async () => (await messages.next()).value;
  expect(await next()).toMatchObject({ events: [], compacted: false, cancelled: undefined });
  expect(await next()).toMatchObject({ events: [{ put: { key: "gee/a", revision: 2 } }] });
  etcd.remove("gee/a");
  expect(await next()).toMatchObject({ events: [{ vanished: "gee/a", revision: 4 }] });
  etcd.say({ fragment: true });
  expect(await next()).toMatchObject({ partial: true });
  etcd.say({ canceled: true, cancel_reason: "etcd\nstops" });
  expect(await next()).toMatchObject({ cancelled: "etcd\\u000astops", compacted: false });
  etcd.say({ canceled: true, compact_revision: "9" });
  expect(await next()).toMatchObject({ compacted: true });
  await messages.return(undefined);
});

const kv = { key: encode("gee/x"), mod_revision: "4" };

test.each([
  [null],
  [[]],
  [{}],
  [{ header: {} }],
  [{ header: { cluster_id: 5 } }],
  [{ header: { cluster_id: "x" } }],
  [{ header: { ...header, revision: "-1" } }],
  [{ header: { ...header, revision: "99999999999999999999" } }],
  [{ header, kvs: {} }],
  [{ header, kvs: [{}] }],
  [{ header, kvs: [{ ...kv, key: "?" }] }],
  [{ header, kvs: [{ ...kv, mod_revision: 4 }] }],
  [{ header, kvs: [{ ...kv, value: "%" }] }],
  [{ header, kvs: [{ ...kv, lease: "x" }] }],
  [{ header, more: 1 }],
])("the answer %p makes no sense, and is refused", async (answer) => {
  const range = { after: undefined, limit: 1, revision: undefined };
  const error = await failureOf(answering(answer).range("gee/", range));
  expect(error.code).toBe("INVALID_ARGUMENT");
});

test.each([
  [{ error: { grpc_code: 14, message: "no leader" } }, "UNAVAILABLE"],
  [{ neither: 1 }, "INVALID_ARGUMENT"],
  [{ result: {} }, "INVALID_ARGUMENT"],
  [{ result: { header, ID: 5, TTL: "3" } }, "INVALID_ARGUMENT"],
] as const)("the line %p among answers to keepalives is refused", async (line, code) => {
  const fine = { result: { header, ID: "1", TTL: "3" } };
  expect((await failureOf(answering(fine, line).keepAlive(["1", "2"]))).code).toBe(code);
});

test("a value that is larger than any record is not kept", async () => {
  const large = { ...kv, value: "A".repeat(90_000) };
  expect(await answering({ header, kvs: [large] }).get("gee/x")).toMatchObject({
    revision: 4,
    value: undefined,
  });
});

test("a key that is no text can be gone on behind", async () => {
  const raw = Buffer.of(0x67, 0xff, 0xfe).toString("base64");
  const entry = await answering({ header, kvs: [{ ...kv, key: raw }] }).get("x");
  expect(entry?.rawKey).toBe(raw);
});
