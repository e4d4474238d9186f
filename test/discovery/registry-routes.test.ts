import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { LeaseTable } from "../../src/discovery/lease-table.ts";
import { createRegistryRoutes } from "../../src/discovery/registry-routes.ts";
import { FakeClock } from "../support/clock.ts";
import { announcement, idOf } from "../support/registry.ts";

const path = "/_geerpc_/registry";
const wantsJson = { accept: "text/html, Application/JSON;q=0.9" };

interface Answer {
  readonly status: number;
  readonly servers: string | null;
  readonly type: string | null;
  readonly text: string;
}

interface Peer {
  readonly clock: FakeClock;
  readonly table: LeaseTable;
  ask(method: string, init?: RequestInit, source?: string, at?: string): Promise<Answer>;
  /** POST with the header of GeeRPC; answers status and text. */
  header(address: string, source?: string): Promise<readonly [number, string]>;
  json(method: string, body: unknown): Promise<readonly [number, unknown]>;
}

function setUp(): Peer {
  const clock = new FakeClock();
  const table = new LeaseTable({ clock });
  const routes = createRegistryRoutes({ table, log: silentLog });
  const ask: Peer["ask"] = async (method, init = {}, source = "10.0.0.9", at = path) => {
    const answer = await routes(new Request(`http://r${at}`, { ...init, method }), source);
    const { status, headers } = answer;
    const servers = headers.get("x-geerpc-servers");
    return { status, servers, type: headers.get("content-type"), text: await answer.text() };
  };
  return {
    clock,
    table,
    ask,
    async header(address, source) {
      const init = { headers: { "X-Geerpc-Server": address } };
      const { status, text } = await ask("POST", init, source);
      return [status, text];
    },
    async json(method, body) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const headers = { "content-type": "application/json; charset=utf-8" };
      const answer = await ask(method, { headers, body: text });
      return [answer.status, JSON.parse(answer.text)];
    },
  };
}

test("a header-only peer that registers is answered with nothing and then listed, sorted", async () => {
  const { header, ask } = setUp();
  expect(await header("tcp@b:1")).toEqual([200, ""]);
  expect(await header("tcp@10.0.0.1:1")).toEqual([200, ""]);
  expect(await header("tcp@b:1")).toEqual([200, ""]);
  expect(await ask("GET")).toEqual({
    status: 200,
    servers: "tcp@10.0.0.1:1,tcp@b:1",
    type: null,
    text: "",
  });
});

test("an empty list is an empty header, not none", async () => {
  expect(await setUp().ask("GET")).toMatchObject({ status: 200, servers: "", text: "" });
});

test("a POST without an address is a 500, and every other method a 405", async () => {
  const { ask } = setUp();
  expect((await ask("POST")).status).toBe(500);
  expect((await ask("POST", { headers: { "X-Geerpc-Server": "" } })).status).toBe(500);
  for (const method of ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]) {
    expect((await ask(method)).status).toBe(405);
  }
});

test("only the one path is the registry", async () => {
  const { ask } = setUp();
  const paths = ["/", "/_geerpc_", `${path}/`, `${path}/x`, "/_geerpc_/Registry", `/x${path}`];
  for (const at of paths) {
    const plain = await ask("GET", {}, "10.0.0.9", at);
    expect(plain).toMatchObject({ status: 404, servers: null });
    expect(plain.text).toBe("NOT_FOUND the registry is at /_geerpc_/registry\n");
  }
  const json = await ask("GET", { headers: wantsJson }, "10.0.0.9", "/");
  expect([json.status, JSON.parse(json.text).error.code]).toEqual([404, "NOT_FOUND"]);
});

test.each([
  "tcp@a:1,tcp@evil:2",
  "tcp@a:1, tcp@evil:2",
  "tcp@a",
  "a:1",
  "tcp@a:0",
  "tcp@a:65536",
  "http@a:1",
  "tcp@user@a:1",
  "tcp@0x7f.1:1",
  "tcp@[fe80::1%eth0]:1",
  "tcp@[::]:0",
])("the header %p is refused in one line and lists nobody", async (address) => {
  const { header, table } = setUp();
  const [status, text] = await header(address);
  expect(status).toBe(400);
  expect(text).toMatch(/^INVALID_ARGUMENT malformed address [^\n]+\n$/);
  expect(table.addresses()).toEqual([]);
});

test("two address headers are as bad as a comma", async () => {
  const { ask, table } = setUp();
  const headers = new Headers([
    ["X-Geerpc-Server", "tcp@a:1"],
    ["X-Geerpc-Server", "tcp@b:1"],
  ]);
  expect((await ask("POST", { headers })).status).toBe(400);
  expect(table.addresses()).toEqual([]);
});

test.each([
  ["127.0.0.1", "tcp@[::]:33833", "tcp@[::]:33833"],
  ["::1", "tcp@0.0.0.0:33833", "tcp@0.0.0.0:33833"],
  ["::ffff:127.0.0.1", "tcp@[::]:33833", "tcp@[::]:33833"],
  ["10.0.0.9", "tcp@[::]:33833", "tcp@10.0.0.9:33833"],
  ["::ffff:10.0.0.9", "tcp@[::]:33833", "tcp@10.0.0.9:33833"],
  ["2001:db8::1", "tcp@0.0.0.0:33833", "tcp@[2001:db8::1]:33833"],
  ["10.0.0.9", "tcp@[::0.0.0.0]:33833", "tcp@10.0.0.9:33833"],
  ["10.0.0.9", "tcp@10.0.0.8:33833", "tcp@10.0.0.8:33833"],
])("from %p the header-only address %p is listed as %p", async (source, written, listed) => {
  const { header, table } = setUp();
  expect((await header(written, source))[0]).toBe(200);
  expect<readonly string[]>(table.addresses()).toEqual([listed]);
});

test("an instance registers, beats, is listed whole, and leaves", async () => {
  const { ask, json, clock } = setUp();
  const [status, granted] = await json("POST", { instance: announcement({ leaseMs: 600 }) });
  expect([status, granted]).toMatchObject([200, { id: idOf("a"), leaseMs: 600, index: 1 }]);
  const { secret } = Object(granted);
  expect(secret).toMatch(/^[0-9a-f]{32}$/);

  await clock.advance(500);
  const beat = await json("POST", { id: idOf("a"), secret, revision: 1, load: 7 });
  expect(beat).toEqual([200, { id: idOf("a"), leaseMs: 600, index: 1 }]);
  await clock.advance(500);

  const listed = await ask("GET", { headers: wantsJson });
  expect(listed).toMatchObject({
    status: 200,
    servers: "tcp@127.0.0.1:4000",
    type: "application/json",
  });
  const answer = JSON.parse(listed.text);
  expect(answer).toEqual({
    protocol: 1,
    epoch: expect.stringMatching(/^[0-9a-f]{16}$/),
    index: 1,
    token: `${answer.epoch}-1`,
    leaseMs: 9_000,
    warming: false,
    frozen: false,
    instances: [{ ...announcement(), load: 7, state: "up", ageMs: 1_000, beatMs: 500 }],
  });

  expect(await json("DELETE", { id: idOf("a"), secret, revision: 2 })).toEqual([
    200,
    { id: idOf("a"), index: 2 },
  ]);
  const after = await ask("GET", { headers: wantsJson });
  expect(after.servers).toBe("");
  expect(JSON.parse(after.text).instances).toMatchObject([{ state: "left", revision: 2 }]);
});

test("a POST with JSON and the header is an instance's, not a header-only peer's", async () => {
  const { ask, table } = setUp();
  const headers = { "content-type": "application/json", "X-Geerpc-Server": "tcp@other:1" };
  await ask("POST", { headers, body: JSON.stringify({ instance: announcement() }) });
  expect(table.list()).toMatchObject([{ id: idOf("a"), address: "tcp@127.0.0.1:4000" }]);
});

test("a POST of another type is a header-only peer's, whatever its body", async () => {
  const { ask, table } = setUp();
  const headers = { "content-type": "text/plain", "X-Geerpc-Server": "tcp@other:1" };
  expect(await ask("POST", { headers, body: "{" })).toMatchObject({ status: 200, text: "" });
  expect<readonly string[]>(table.addresses()).toEqual(["tcp@other:1"]);
});

test("both kinds are in both lists", async () => {
  const { ask, header, json } = setUp();
  await header("tcp@a:1");
  await json("POST", { instance: announcement() });
  expect((await ask("GET")).servers).toBe("tcp@127.0.0.1:4000,tcp@a:1");
  const { instances } = JSON.parse((await ask("GET", { headers: wantsJson })).text);
  expect(instances).toMatchObject([{ id: idOf("a"), services: ["Foo"] }, { address: "tcp@a:1" }]);
  expect(instances[1]).not.toContainKeys(["id", "services"]);
});

const beat = { id: idOf("a"), secret: "x", revision: 1 };

test.each([
  ["POST", "{", 400, "INVALID_ARGUMENT", "the body is no JSON text in UTF-8"],
  ["POST", "", 400, "INVALID_ARGUMENT", "the body is no JSON text in UTF-8"],
  ["POST", "[]", 400, "INVALID_ARGUMENT", "body: it must be an object"],
  ["POST", {}, 400, "INVALID_ARGUMENT", "body.id: it is missing"],
  ["POST", { ...beat, id: "A" }, 400, "INVALID_ARGUMENT", "body.id: it must match"],
  ["POST", { ...beat, revision: "1" }, 400, "INVALID_ARGUMENT", "body.revision: it must be"],
  ["POST", { instance: null }, 400, "INVALID_ARGUMENT", "body.instance: it must be an object"],
  ["POST", beat, 404, "NOT_FOUND", `instance ${idOf("a")} is unknown`],
  ["DELETE", beat, 404, "NOT_FOUND", `instance ${idOf("a")} is unknown`],
  ["DELETE", { id: idOf("a") }, 400, "INVALID_ARGUMENT", "body.secret: it is missing"],
  ["PUT", beat, 405, "UNIMPLEMENTED", "no PUT here"],
  ["POST", `"${"x".repeat(65_535)}"`, 413, "RESOURCE_EXHAUSTED", "the body has more than 65536"],
])("%s %j is answered %d %s, saying why", async (method, body, status, code, message) => {
  const [got, answer] = await setUp().json(method, body);
  expect(got).toBe(status);
  expect(answer).toEqual({ error: { code, message: expect.stringContaining(message) } });
});

test("the wrong secret is a 403, and what has left a 409", async () => {
  const { json } = setUp();
  const [, granted] = await json("POST", { instance: announcement() });
  const { secret } = Object(granted);
  expect(await json("POST", beat)).toMatchObject([403, { error: { code: "PERMISSION_DENIED" } }]);
  expect(await json("DELETE", beat)).toMatchObject([403, {}]);
  await json("DELETE", { ...beat, secret });
  const late = await json("POST", { instance: announcement(), secret });
  expect(late).toMatchObject([409, { error: { code: "FAILED_PRECONDITION" } }]);
});

test("a JSON peer has to say where it is, over loopback too", async () => {
  for (const address of ["tcp@[::]:1", "tcp@0.0.0.0:1", "tcp@[::ffff:0:0]:1"]) {
    const [status, answer] = await setUp().json("POST", {
      instance: { ...announcement(), address },
    });
    expect([status, answer]).toMatchObject([400, { error: { code: "INVALID_ARGUMENT" } }]);
  }
});

test("JSON in another character set is a 415", async () => {
  const headers = { "content-type": "application/json; charset=utf-16" };
  expect((await setUp().ask("POST", { headers, body: "{}" })).status).toBe(415);
});

test("no answer shows what went wrong inside", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const say = (message: string): unknown => lines.push(message);
  const table = new LeaseTable({ clock });
  table.sweep = () => {
    throw new Error("a secret of the process");
  };
  const log = { debug: say, info: say, warn: say, error: say };
  const routes = createRegistryRoutes({ table, log });
  const answer = await routes(new Request(`http://r${path}`), undefined);
  expect([answer.status, await answer.text()]).toEqual([
    500,
    "INTERNAL the registry failed; its log says why\n",
  ]);
  expect(lines).toEqual(["registry request failed"]);
});
