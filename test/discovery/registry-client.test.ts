import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import {
  createRegistryClient,
  type RegistryClient,
  type Send,
} from "../../src/discovery/registry-client.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { announcement, idOf, memoryLog, MemoryRegistry } from "../support/registry.ts";
import { member, ScriptedRegistry } from "../support/scripted-registry.ts";

async function failureOf(work: Promise<unknown>): Promise<GeeError> {
  try {
    await work;
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it did not fail");
}

function clientOf(send: Send): RegistryClient {
  const clock = new FakeClock();
  return createRegistryClient({ url: "http://r.test", log: silentLog, clock, fetch: send });
}

function failing(code: string): Send {
  return () => Promise.reject(Object.assign(new TypeError("x"), { code }));
}

test("an instance registers, beats, is listed and withdraws", async () => {
  const { client } = new MemoryRegistry(new FakeClock(), silentLog);
  const granted = await client.register(announcement({ leaseMs: 600 }));
  expect(granted).toMatchObject({ kind: "granted", leaseMs: 600 });
  const secret = granted.kind === "granted" ? granted.secret : "";
  const beat = announcement({ load: 3, lagMs: 7, weight: 2 });
  expect(await client.renew(beat, secret)).toEqual(granted);
  const list = await client.list();
  expect(list).toMatchObject({ leaseMs: 9_000, warming: true, frozen: false, skipped: [] });
  expect(list.members).toMatchObject([{ ...beat, state: "up" }]);
  expect(list.token).toMatch(/^[0-9a-f]{16}-2$/);
  await client.withdraw({ id: idOf("a"), revision: 2 }, secret);
  expect((await client.list()).members).toMatchObject([{ state: "left", revision: 2 }]);
});

test("what a registry refuses comes back with its code", async () => {
  const { client } = new MemoryRegistry(new FakeClock(), silentLog);
  const codes = [
    await failureOf(client.renew(announcement(), "x")),
    await failureOf(client.withdraw({ id: idOf("a"), revision: 1 }, "x")),
    await client.register(announcement()).then(() => failureOf(client.renew(announcement(), "x"))),
  ];
  expect(codes.map(({ code, executed }) => `${code} ${executed}`)).toEqual([
    "NOT_FOUND no",
    "NOT_FOUND no",
    "PERMISSION_DENIED no",
  ]);
});

test.each([
  ["ECONNREFUSED", "connection refused"],
  ["ENOTFOUND", "its host name is unknown"],
  ["ECONNRESET", "it closed the connection without an answer"],
  ["UnexpectedRedirect", "it redirects elsewhere, which is not followed"],
])("%s is UNAVAILABLE, executed no, in plain words", async (code, words) => {
  const error = await failureOf(clientOf(failing(code)).list());
  expect(error).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  expect(error.message).toBe(`registry http://r.test/_geerpc_/registry: ${words}`);
});

const page = { headers: { "content-type": "text/html" } };
const json = { headers: { "content-type": "application/json" } };

test.each([
  ["a page of something else", () => new Response("<html>", page), "is no registry"],
  ["a 404", () => new Response("nope", { status: 404 }), "it answered 404; is a registry there?"],
  ["a 500 with JSON", () => new Response("{}", { ...json, status: 500 }), "it answered 500"],
  ["broken JSON", () => new Response("{", json), "no JSON text"],
  ["other JSON", () => new Response('{"a":1}', json), "its answer makes no sense: answer."],
])("%s is UNAVAILABLE for reading and for writing", async (_name, answer, words) => {
  const client = clientOf(() => Promise.resolve(answer()));
  for (const work of [client.list(), client.register(announcement())]) {
    const error = await failureOf(work);
    expect(error).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(error.message).toContain(words);
  }
});

test("a registry that says nothing fails at its time, by the clock that was handed in", async () => {
  const registry = new MemoryRegistry(new FakeClock(), silentLog);
  registry.hung = true;
  const clock = registry.clock;
  if (!(clock instanceof FakeClock)) throw new Error("a fake was handed in");
  const outcome = failureOf(registry.client.list());
  const short = failureOf(registry.client.list({ timeoutMs: 50 }));
  await clock.advance(50);
  expect((await short).message).toEndWith("no answer within 50 ms");
  expect(clock.pending()).toBe(1);
  await clock.advance(1_950);
  expect((await outcome).message).toEndWith("no answer within 2000 ms");
  expect(clock.pending()).toBe(0);
});

test("a list is asked for after a token, and to wait, in the query alone", async () => {
  const urls: string[] = [];
  const client = clientOf((url) => {
    urls.push(url);
    return Promise.resolve(new Response(null, { headers: { "X-Geerpc-Servers": "" } }));
  });
  await client.list();
  await client.list({ after: "0f-12" });
  await client.list({ after: "a&b=c d", waitMs: 60_000 });
  const url = "http://r.test/_geerpc_/registry";
  expect(urls).toEqual([url, `${url}?after=0f-12`, `${url}?after=a%26b%3Dc+d&wait=60000ms`]);
});

test("what has changed since a token comes when it changes", async () => {
  const clock = new FakeClock();
  const registry = new ScriptedRegistry(clock);
  registry.put(member("a"), member("b"));
  const list = await registry.client.list();
  expect(list).toMatchObject({ delta: false, epoch: "epoch1", index: 2, hash: registry.hash });
  const changes = registry.client.list({ after: list.token, waitMs: 60_000 });
  await clock.advance(59_999);
  registry.put(member("b", { weight: 3 }));
  expect(await changes).toMatchObject({
    delta: true,
    index: 3,
    members: [{ weight: 3 }],
    gone: [],
  });
  registry.remove("a");
  const rest = await registry.client.list({ after: list.token });
  expect(rest).toMatchObject({ delta: true, members: [{ weight: 3 }], gone: [{ id: idOf("a") }] });
  expect(clock.pending()).toBe(0);
});

test("a request that waits has its wait, a sixteenth of it, and the time-out", async () => {
  const clock = new FakeClock();
  const registry = new ScriptedRegistry(clock);
  registry.hung = true;
  let over = false;
  const outcome = failureOf(registry.client.list({ after: "x", waitMs: 16_000 }));
  void outcome.then(() => (over = true));
  await clock.advance(16_000 + 1_000 + 1_999);
  expect(over).toBe(false);
  expect(clock.pending("foreground")).toBe(0);
  await clock.advance(1);
  expect((await outcome).message).toEndWith("no answer within 19000 ms");
});

test("10,000 members with much to say fit in an answer", async () => {
  const registry = new ScriptedRegistry(new FakeClock());
  const tags = Object.fromEntries(
    Array.from({ length: 8 }, (_, n) => [`tag-${n}`, "v".repeat(64)]),
  );
  const services = Array.from({ length: 16 }, (_, n) => `InventoryReservations${n}`);
  const facts = { tags, services, zone: "eu-central-1a", version: "12.34.56", load: 17, lagMs: 3 };
  const many = Array.from({ length: 10_000 }, (_, n) => ({
    ...member("a", facts),
    id: n.toString(16).padStart(32, "0"),
    address: parseAddress(`tcp@some-host-${n}.internal.example:4000`),
  }));
  registry.put(...many);
  const size = JSON.stringify(registry.answer(undefined)).length;
  expect(size).toBeGreaterThan(10_000_000);
  expect(size).toBeLessThan(limits.maxRegistryAnswerBytes);
  const list = await registry.client.list();
  expect([list.members.length, list.skipped.length]).toEqual([10_000, 0]);
});

test("a body that stops half way fails at the same time", async () => {
  const clock = new FakeClock();
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from('{"protocol":'));
    },
  });
  const send: Send = () => Promise.resolve(new Response(body, json));
  const client = createRegistryClient({ url: "http://r.test", log: silentLog, clock, fetch: send });
  const outcome = failureOf(client.list());
  await clock.advance(2_000);
  expect((await outcome).message).toEndWith("no answer within 2000 ms");
});

test("a caller that gives up is told so at once, with its own reason", async () => {
  const registry = new MemoryRegistry(new FakeClock(), silentLog);
  registry.hung = true;
  const own = new GeeError("DEADLINE_EXCEEDED", "too late", { executed: "no" });
  const controller = new AbortController();
  const outcome = failureOf(registry.client.list({ signal: controller.signal }));
  await turn();
  controller.abort(own);
  expect(await outcome).toBe(own);
  const aborted = AbortSignal.abort();
  const early = await failureOf(registry.client.list({ signal: aborted }));
  expect(early).toMatchObject({ code: "CANCELLED", executed: "no" });
  expect(registry.requests).toHaveLength(1);
});

test("no request carries credentials or follows a redirect", async () => {
  const inits: unknown[] = [];
  const client = clientOf((_url, init) => {
    inits.push(init);
    return Promise.resolve(new Response(null));
  });
  await client.register(announcement());
  expect(inits).toMatchObject([{ redirect: "error", credentials: "omit", method: "POST" }]);
  expect(JSON.stringify(inits).toLowerCase()).not.toContain("authorization");
});

test("a token goes with every request, and nowhere else", async () => {
  const inits: RequestInit[] = [];
  const client = createRegistryClient({
    url: "http://r.test",
    token: "a-token",
    log: silentLog,
    clock: new FakeClock(),
    fetch: (_url, init) => {
      inits.push(init);
      return Promise.resolve(new Response(null, { headers: { "X-Geerpc-Servers": "" } }));
    },
  });
  await client.list();
  await client.register(announcement());
  await client.renew(announcement(), "x");
  await client.withdraw(announcement(), "x");
  expect(inits.map(({ method = "GET" }) => method)).toEqual(["GET", "POST", "POST", "DELETE"]);
  for (const init of inits) {
    expect(init).toMatchObject({ redirect: "error", credentials: "omit" });
    expect(new Headers(init.headers).get("authorization")).toBe("Bearer a-token");
    expect(JSON.stringify(init.body ?? "")).not.toContain("a-token");
  }
  expect(client.url).not.toContain("a-token");
  expect(Bun.inspect(client)).not.toContain("a-token");
});

test("a member that makes no sense is skipped, with one line until something else is wrong", async () => {
  const { log, lines } = memoryLog();
  let servers = "tcp@a:1,nonsense";
  const send: Send = () =>
    Promise.resolve(new Response(null, { headers: { "X-Geerpc-Servers": servers } }));
  const clock = new FakeClock();
  const client = createRegistryClient({ url: "http://r.test", log, clock, fetch: send });
  for (let n = 0; n < 3; n++) {
    expect((await client.list()).members).toMatchObject([{ address: "tcp@a:1" }]);
  }
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("nonsense");
  servers = "tcp@a:1";
  await client.list();
  servers = "tcp@a:1,nonsense";
  await client.list();
  expect(lines).toHaveLength(2);
});

/** GeeRPC's registry as the Go code has it, over a real port. */
function serveOldRegistry(): { server: Bun.Server<undefined>; servers: Set<string> } {
  const servers = new Set<string>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    fetch(request) {
      if (new URL(request.url).pathname !== "/_geerpc_/registry") {
        return new Response("404 page not found\n", { status: 404 });
      }
      if (request.method === "GET") {
        const headers = { "X-Geerpc-Servers": [...servers].sort().join(",") };
        return new Response(null, { headers });
      }
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const address = request.headers.get("X-Geerpc-Server");
      if (address === null) return new Response(null, { status: 500 });
      servers.add(address);
      return new Response(null);
    },
  });
  return { server, servers };
}

test("a GeeRPC registry takes our registration and gives its list, over a real port", async () => {
  const { server, servers } = serveOldRegistry();
  try {
    servers.add("tcp@[::]:33833");
    const client = createRegistryClient({ url: server.url.origin, log: silentLog });
    expect(await client.register(announcement())).toEqual({ kind: "old" });
    expect(await client.renew(announcement(), "secret")).toEqual({ kind: "old" });
    const { members } = await client.list();
    expect<unknown[]>(members.map(({ address }) => address)).toEqual([
      "tcp@127.0.0.1:4000",
      "tcp@[::]:33833",
    ]);
    expect(members.every(({ id, services }) => id === undefined && services === undefined)).toBe(
      true,
    );
    expect(
      (await failureOf(client.withdraw({ id: idOf("a"), revision: 1 }, "x"))).message,
    ).toEndWith("it answered 405; is a registry there?");
  } finally {
    await server.stop(true);
  }
});

test("nobody on the port is UNAVAILABLE, over a real port", async () => {
  const { server } = serveOldRegistry();
  const url = server.url.origin;
  await server.stop(true);
  const error = await failureOf(createRegistryClient({ url, log: silentLog }).list());
  expect(error).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  expect(error.message).toBe(`registry ${url}/_geerpc_/registry: connection refused`);
  expect(error.hint).toContain("gee registry");
});
