import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { LocalDirectory } from "../../src/directory/local-directory.ts";
import { createRegistryRoutes, type RegistryRoutes } from "../../src/directory/registry-routes.ts";
import { MemoryStore } from "../../src/directory/store.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { announcement, idOf } from "../support/registry.ts";

const path = "/_geerpc_/registry";
const wantsJson = { accept: "text/html, Application/JSON;q=0.9" };

interface Answer {
  readonly status: number;
  readonly servers: string | null;
  readonly type: string | null;
  readonly text: string;
}

interface Peer extends Disposable {
  readonly clock: FakeClock;
  readonly directory: LocalDirectory;
  readonly routes: RegistryRoutes;
  /** Idle time-outs that were asked for, in seconds. */
  readonly idle: number[];
  ask(method: string, init?: RequestInit, source?: string, at?: string): Promise<Answer>;
  /** GET of the list as JSON, with this query. */
  read(query?: string, signal?: AbortSignal): Promise<Record<string, unknown>>;
  /** POST with the header of GeeRPC; answers status and text. */
  header(address: string, source?: string): Promise<readonly [number, string]>;
  json(method: string, body: unknown): Promise<readonly [number, unknown]>;
}

function setUp(): Peer {
  const clock = new FakeClock();
  const directory = new LocalDirectory({ clock, log: silentLog, store: new MemoryStore() });
  const routes = createRegistryRoutes({
    directory,
    clock,
    log: silentLog,
    allowLoopback: true,
    random: () => 0,
  });
  const idle: number[] = [];
  const ask: Peer["ask"] = async (method, init = {}, source = "10.0.0.9", at = path) => {
    const answer = await routes.answer(new Request(`http://r${at}`, { ...init, method }), {
      sourceAddress: source,
      setIdleTimeout: (seconds) => idle.push(seconds),
    });
    const { status, headers } = answer;
    const servers = headers.get("x-geerpc-servers");
    return { status, servers, type: headers.get("content-type"), text: await answer.text() };
  };
  return {
    clock,
    directory,
    routes,
    idle,
    ask,
    async read(query = "", signal) {
      const init = { headers: wantsJson, ...(signal && { signal }) };
      const answer = await ask("GET", init, "10.0.0.9", `${path}${query}`);
      return Object(answer.type === "application/json" ? JSON.parse(answer.text) : answer);
    },
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
    [Symbol.dispose]: () => routes[Symbol.dispose](),
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
  "http@a",
  "http@a:0",
  "http@a:1/",
  "https@a:1",
  "HTTP@a:1",
  "http://a:1",
  "tcp@user@a:1",
  "tcp@0x7f.1:1",
  "tcp@[fe80::1%eth0]:1",
  "tcp@[::]:0",
])("the header %p is refused in one line and lists nobody", async (address) => {
  const { header, directory } = setUp();
  const [status, text] = await header(address);
  expect(status).toBe(400);
  expect(text).toMatch(/^INVALID_ARGUMENT malformed address [^\n]+\n$/);
  expect(directory.addresses()).toEqual([]);
});

test("two address headers are as bad as a comma", async () => {
  const { ask, directory } = setUp();
  const headers = new Headers([
    ["X-Geerpc-Server", "tcp@a:1"],
    ["X-Geerpc-Server", "tcp@b:1"],
  ]);
  expect((await ask("POST", { headers })).status).toBe(400);
  expect(directory.addresses()).toEqual([]);
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
  ["10.0.0.9", "http@10.0.0.8:7001", "http@10.0.0.8:7001"],
  ["10.0.0.9", "http@[::]:7001", "http@10.0.0.9:7001"],
  ["127.0.0.1", "http@[::]:7001", "http@[::]:7001"],
])("from %p the header-only address %p is listed as %p", async (source, written, listed) => {
  const { header, directory } = setUp();
  expect((await header(written, source))[0]).toBe(200);
  expect<readonly string[]>(directory.addresses()).toEqual([listed]);
});

test("a registration that is not wrapped is told how one looks, and no beat's error", async () => {
  const { json, directory } = setUp();
  const message = 'body.instance: it is missing; a registration is {"instance": {"id": ...}}';
  expect(await json("POST", announcement())).toEqual([
    400,
    { error: { code: "INVALID_ARGUMENT", message } },
  ]);
  expect(directory.list()).toEqual([]);
});

test("an instance registers, beats, is listed whole, and leaves", async () => {
  const { ask, json, clock } = setUp();
  const [status, granted] = await json("POST", { instance: announcement({ leaseMs: 600 }) });
  expect([status, granted]).toMatchObject([200, { id: idOf("a"), leaseMs: 600, index: 1 }]);
  const { secret } = Object(granted);
  expect(secret).toMatch(/^[0-9a-f]{32}$/);

  await clock.advance(500);
  const beat = await json("POST", { id: idOf("a"), secret, revision: 1, load: 7, lagMs: 8 });
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
    warming: true,
    frozen: false,
    hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    instances: [{ ...announcement(), load: 7, lagMs: 8, state: "up", ageMs: 1_000, beatMs: 500 }],
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
  const { ask, directory } = setUp();
  const headers = { "content-type": "application/json", "X-Geerpc-Server": "tcp@other:1" };
  await ask("POST", { headers, body: JSON.stringify({ instance: announcement() }) });
  expect(directory.list()).toMatchObject([{ id: idOf("a"), address: "tcp@127.0.0.1:4000" }]);
});

test("a POST of another type is a header-only peer's, whatever its body", async () => {
  const { ask, directory } = setUp();
  const headers = { "content-type": "text/plain", "X-Geerpc-Server": "tcp@other:1" };
  expect(await ask("POST", { headers, body: "{" })).toMatchObject({ status: 200, text: "" });
  expect<readonly string[]>(directory.addresses()).toEqual(["tcp@other:1"]);
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
  const { clock, directory } = setUp();
  const lines: string[] = [];
  const say = (message: string): unknown => lines.push(message);
  directory.addresses = () => {
    throw new Error("a secret of the process");
  };
  const log = { debug: say, info: say, warn: say, error: say };
  using routes = createRegistryRoutes({ directory, clock, log, allowLoopback: true });
  const answer = await routes.answer(new Request(`http://r${path}`), { sourceAddress: undefined });
  expect([answer.status, await answer.text()]).toEqual([
    500,
    "INTERNAL the registry failed; its log says why\n",
  ]);
  expect(lines).toEqual(["registry request failed"]);
});

test("a beat may carry a weight, and a changed one is a change", async () => {
  const { json, read } = setUp();
  const [, granted] = await json("POST", { instance: announcement() });
  const { secret } = Object(granted);
  const said = { id: idOf("a"), secret, revision: 1 };
  expect(await json("POST", { ...said, weight: 0 })).toMatchObject([200, { index: 2 }]);
  expect(await json("POST", { ...said, weight: 0, load: 1 })).toMatchObject([200, { index: 2 }]);
  expect(await read()).toMatchObject({ instances: [{ weight: 0, load: 1 }] });
  for (const wrong of [{ weight: -1 }, { weight: "1" }, { lagMs: -1 }, { load: null }]) {
    expect((await json("POST", { ...said, ...wrong }))[0]).toBe(400);
  }
});

test("a watch is answered with what changed, and its connection may be silent until then", async () => {
  const { clock, read, json, idle, routes } = setUp();
  const { token } = await read();
  const answer = read(`?after=${String(token)}&wait=60s`);
  await clock.advance(5_000);
  expect([routes.watchers, idle]).toEqual([1, [0]]);
  await json("POST", { instance: announcement() });
  await clock.advance(5);
  expect(await answer).toMatchObject({
    delta: true,
    index: 1,
    instances: [{ id: idOf("a"), state: "up" }],
    gone: [],
  });
  expect([routes.watchers, idle]).toEqual([0, [0, 10]]);
});

test("a watch in whose time nothing happens is an empty delta", async () => {
  const { clock, read } = setUp();
  const { token, hash } = await read();
  const answer = read(`?after=${String(token)}&wait=2s`);
  await clock.advance(2_000);
  expect(await answer).toMatchObject({ delta: true, token, hash, instances: [], gone: [] });
});

test("a withdrawal and draining are pushed at once", async () => {
  const { clock, read, json } = setUp();
  const [, granted] = await json("POST", { instance: announcement() });
  const { secret } = Object(granted);
  let { token } = await read();
  const draining = read(`?after=${String(token)}&wait=60s`);
  await json("POST", { instance: announcement({ revision: 2, draining: true }), secret });
  await clock.advance(5);
  expect(await draining).toMatchObject({ instances: [{ draining: true, state: "up" }] });
  ({ token } = await draining);
  const left = read(`?after=${String(token)}&wait=60s`);
  await json("DELETE", { id: idOf("a"), secret, revision: 3 });
  await clock.advance(5);
  expect(await left).toMatchObject({ instances: [{ state: "left", revision: 3 }] });
});

test("silence is pushed as it is noticed: suspect after a lease, gone after three", async () => {
  const { clock, read, json } = setUp();
  await json("POST", { instance: announcement({ leaseMs: 600 }) });
  let { token } = await read();
  const suspect = read(`?after=${String(token)}&wait=60s`);
  await clock.advance(605);
  expect(await suspect).toMatchObject({ instances: [{ state: "suspect" }] });
  ({ token } = await suspect);
  const gone = read(`?after=${String(token)}&wait=60s`);
  await clock.advance(1_200);
  expect(await gone).toMatchObject({ gone: [{ id: idOf("a"), address: "tcp@127.0.0.1:4000" }] });
});

test("nothing is waited for without a token of this epoch", async () => {
  const { read } = setUp();
  const { token } = await read();
  const queries = [
    "?wait=60s",
    "?after=&wait=60s",
    "?after=nonsense&wait=60s",
    "?after=0123456789abcdef-0&wait=60s",
    `?after=${"x".repeat(5_000)}&wait=60s`,
    `?after=${String(token)}x&wait=60s`,
  ];
  for (const query of queries) {
    const answer = await read(query);
    expect(answer).toMatchObject({ token, instances: [] });
    expect(answer).not.toContainKey("delta");
  }
  expect(await read(`?after=${String(token)}`)).toMatchObject({ delta: true, instances: [] });
});

test.each([
  ["60s", 60_000],
  ["500ms", 500],
  ["1.5s", 1_500],
  ["2m", 120_000],
  ["750", 750],
])("a wait of %p is %d ms", async (wait, ms) => {
  const { clock, read, routes } = setUp();
  await clock.advance(10_000);
  const { token } = await read();
  const answer = read(`?after=${String(token)}&wait=${wait}`);
  await clock.advance(ms - 1);
  expect(routes.watchers).toBe(1);
  await clock.advance(1);
  expect(routes.watchers).toBe(0);
  expect(await answer).toMatchObject({ delta: true });
});

test.each(["", "x", "-1", "1h", "1 s", "60S", "1e3", "Infinity", "9999999999"])(
  "a wait of %p is refused",
  async (wait) => {
    const { read } = setUp();
    const { token } = await read();
    for (const after of ["", `&after=${String(token)}`]) {
      expect(await read(`?wait=${encodeURIComponent(wait)}${after}`)).toMatchObject({
        error: { code: "INVALID_ARGUMENT", message: expect.stringContaining("wait: ") },
      });
    }
  },
);

test("a watcher that went away is forgotten", async () => {
  const { read, routes } = setUp();
  const { token } = await read();
  const controller = new AbortController();
  const answer = read(`?after=${String(token)}&wait=60s`, controller.signal);
  await turn();
  expect(routes.watchers).toBe(1);
  controller.abort();
  await answer;
  expect(routes.watchers).toBe(0);
});

test("its end answers the watches", async () => {
  const { read, routes } = setUp();
  const { token } = await read();
  const answer = read(`?after=${String(token)}&wait=60s`);
  await turn();
  routes[Symbol.dispose]();
  expect(await answer).toMatchObject({ delta: true, instances: [], gone: [] });
});

test("it is alive at once, and ready when it is warm and its store is well", async () => {
  const { clock, ask, directory } = setUp();
  const health = async (at: string): Promise<readonly [number, string]> => {
    const { status, text } = await ask("GET", {}, "10.0.0.9", at);
    return [status, text];
  };
  expect(await health("/livez")).toEqual([200, "ok\n"]);
  expect(await health("/readyz")).toEqual([503, "warming: it started less than a lease ago\n"]);
  await clock.advance(9_000);
  expect(await health("/readyz")).toEqual([200, "ok\n"]);
  const trouble = "the disk is full";
  Object.defineProperty(directory, "status", { get: () => ({ warming: false, trouble }) });
  expect(await health("/readyz")).toEqual([503, "the disk is full\n"]);
  expect(await health("/livez")).toEqual([200, "ok\n"]);
  expect((await ask("POST", {}, "10.0.0.9", "/livez")).status).toBe(404);
});
