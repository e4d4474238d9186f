import { expect, test } from "bun:test";
import { silentLog } from "../src/base/log.ts";
import { createHeartbeat } from "../src/discovery/heartbeat.ts";
import { createRegistryClient } from "../src/discovery/registry-client.ts";
import { createRegistryResolver } from "../src/discovery/resolver.ts";
import { type Registry, type RegistryOptions, serveRegistry } from "../src/registry.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { ended, exchange, registryPath } from "./support/raw-http.ts";
import { announcement, idOf, memoryLog } from "./support/registry.ts";

const path = registryPath;

function serve(options: RegistryOptions = {}): Promise<Registry> {
  return serveRegistry({ listen: "127.0.0.1:0", log: silentLog, ...options });
}

/** The answer without the one header that time changes. */
function undated(answer: string): string {
  return answer.replace(/^Date: .*\r\n/im, "");
}

const goPost = (address: string): string =>
  [
    `POST ${path} HTTP/1.1`,
    "Host: localhost:9999",
    "User-Agent: Go-http-client/1.1",
    "Content-Length: 0",
    `X-Geerpc-Server: ${address}`,
    "Accept-Encoding: gzip",
    "\r\n",
  ].join("\r\n");

const goGet = [
  `GET ${path} HTTP/1.1`,
  "Host: localhost:9999",
  "User-Agent: Go-http-client/1.1",
  "Accept-Encoding: gzip",
  "\r\n",
].join("\r\n");

test("the bytes of a Go GeeRPC server and client are answered as Go's registry does", async () => {
  await using registry = await serve();
  expect(undated(await exchange(registry, goGet, ended))).toBe(
    "HTTP/1.1 200 OK\r\nX-Geerpc-Servers: \r\nContent-Length: 0\r\n\r\n",
  );
  for (const address of ["tcp@[::]:33833", "tcp@10.0.0.1:1", "tcp@[::]:33833"]) {
    expect(undated(await exchange(registry, goPost(address), ended))).toBe(
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
  }
  expect(undated(await exchange(registry, goGet, ended))).toBe(
    "HTTP/1.1 200 OK\r\n" +
      "X-Geerpc-Servers: tcp@10.0.0.1:1,tcp@[::]:33833\r\n" +
      "Content-Length: 0\r\n\r\n",
  );
  expect(registry.memberCount()).toBe(2);
});

test("a Go client's beats over one kept connection are all answered", async () => {
  await using registry = await serve();
  const beats = Array.from({ length: 20 }, (_, index) => goPost(`tcp@10.0.0.1:${index + 1}`));
  const count = (answer: string): number => answer.split("200 OK").length - 1;
  const answer = await exchange(registry, beats.join(""), (text) => count(text) === 20);
  expect(count(answer)).toBe(20);
  expect(registry.memberCount()).toBe(20);
});

test("without the header it is a 500, with a comma a 400, for a raw socket too", async () => {
  await using registry = await serve();
  const empty = goPost("x").replace("X-Geerpc-Server: x\r\n", "");
  expect(await exchange(registry, empty, ended)).toStartWith("HTTP/1.1 500 ");
  const comma = await exchange(registry, goPost("tcp@a:1,tcp@evil:2"), ended);
  expect(comma).toStartWith("HTTP/1.1 400 ");
  expect(registry.memberCount()).toBe(0);
});

test("a server and a client of ours find one another, over a real port", async () => {
  await using registry = await serve({ leaseMs: 600 });
  expect(registry.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(registry.leaseMs).toBe(600);
  const clock = new FakeClock();
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  await using resolver = createRegistryResolver({ registries: [client], clock, log: silentLog });
  const heartbeat = createHeartbeat({
    registries: [client],
    announcement: () => announcement(),
    clock,
    log: silentLog,
  });
  heartbeat.start();
  await clock.advance(250);
  expect(await heartbeat.registered()).toBe(client.url);
  expect(await resolver.members()).toMatchObject([{ id: idOf("a"), services: ["Foo"] }]);
  expect(registry.memberCount()).toBe(1);
  await heartbeat.withdraw();
  await clock.advance(100);
  await resolver.refresh();
  expect([resolver.current(), registry.memberCount()]).toEqual([[], 0]);
});

test("a body beyond the limit is refused, whether its head says so or not", async () => {
  await using registry = await serve();
  const url = `${registry.url}${path}`;
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify("x".repeat(65_536));
  const little = await fetch(url, { method: "POST", headers, body });
  expect([little.status, await little.json()]).toMatchObject([
    413,
    { error: { code: "RESOURCE_EXHAUSTED" } },
  ]);
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  const huge = `${head}Content-Length: 200000000\r\n\r\n{`;
  expect(await exchange(registry, huge, ended)).toStartWith("HTTP/1.1 413 ");
  const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}`;
  expect(await exchange(registry, chunked, ended)).toStartWith("HTTP/1.1 413 ");
});

test("who expires leaves without anybody asking, and the log says so", async () => {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  await using registry = await serve({ clock, log, leaseMs: 600, oldLeaseMs: 1_000 });
  await exchange(registry, goPost("tcp@10.0.0.1:1"), ended);
  await clock.advance(1_200);
  expect(lines).toEqual([
    "info member joined address=tcp@10.0.0.1:1",
    "info warm: everybody had a lease to say hello",
    "info member expired address=tcp@10.0.0.1:1",
  ]);
  expect(clock.pending("foreground")).toBe(0);
});

test("an old lease of 0 is for ever", async () => {
  const clock = new FakeClock();
  await using registry = await serve({ clock, oldLeaseMs: 0 });
  await exchange(registry, goPost("tcp@10.0.0.1:1"), ended);
  await clock.advance(1e6);
  expect(registry.memberCount()).toBe(1);
});

test("a port in use is named", async () => {
  await using registry = await serve();
  const { host } = new URL(registry.url);
  const error = await failureOf(serve({ listen: host }));
  expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "ADDRESS_IN_USE" });
  expect(error.message).toBe(`cannot listen on ${host}: the port is in use`);
});

test("a host that is not this machine's is named", async () => {
  for (const host of ["192.0.2.1", "no-such-host.invalid"]) {
    const error = await failureOf(serve({ listen: `${host}:0`, insecure: true }));
    expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "ADDRESS_NOT_AVAILABLE" });
    expect(error.message).toContain(`cannot listen on ${host}:0: `);
  }
});

test("beyond loopback it listens only when told that this is fine", async () => {
  for (const listen of ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0"]) {
    const error = await failureOf(serve({ listen }));
    expect(error).toMatchObject({ code: "FAILED_PRECONDITION", reason: "INSECURE_BIND" });
    expect(error.hint).toContain("--insecure");
  }
  await using registry = await serve({ listen: "0.0.0.0:0", insecure: true });
  expect(registry.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${registry.url}${path}`)).status).toBe(200);
});

test("it listens on an IPv6 host, by name, and with tcp@ before it", async () => {
  for (const listen of ["[::1]:0", "localhost:0", "tcp@127.0.0.1:0"]) {
    await using registry = await serve({ listen });
    expect((await fetch(`${registry.url}${path}`)).status).toBe(200);
  }
});

test.each(["", "9999", ":9999", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:1", "unix@/a"])(
  "it does not listen on %p",
  async (listen) => {
    const error = await failureOf(serve({ listen }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_ADDRESS" });
  },
);

test.each([
  { leaseMs: 199 },
  { leaseMs: 300_001 },
  { leaseMs: Number.NaN },
  { oldLeaseMs: -1 },
  { oldLeaseMs: Number.POSITIVE_INFINITY },
])("it does not start with %j", async (options) => {
  expect(await failureOf(serve(options))).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_LEASE",
  });
});

test("disposing frees the port at once when nothing is under way, with connections kept open", async () => {
  const clock = new FakeClock();
  const registry = await serve({ clock });
  const { host } = new URL(registry.url);
  await (await fetch(`${registry.url}${path}`)).arrayBuffer();
  await Promise.all([registry[Symbol.asyncDispose](), registry[Symbol.asyncDispose]()]);
  await registry[Symbol.asyncDispose]();
  expect(clock.pending()).toBe(0);
  await using next = await serve({ listen: host });
  expect(next.url).toBe(registry.url);
});

async function listed(registry: Registry, query = ""): Promise<Record<string, unknown>> {
  const headers = { accept: "application/json" };
  return Object(await (await fetch(`${registry.url}${path}${query}`, { headers })).json());
}

async function register(registry: Registry): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ instance: announcement() });
  await (await fetch(`${registry.url}${path}`, { method: "POST", headers, body })).json();
}

const watchHead = (token: unknown, wait: string): string =>
  `GET ${path}?after=${String(token)}&wait=${wait} HTTP/1.1\r\nHost: localhost\r\n` +
  "Accept: application/json\r\n\r\n";

test("a watch over a real port is answered with what changed", async () => {
  const clock = new FakeClock();
  await using registry = await serve({ clock });
  const { token } = await listed(registry);
  const watch = exchange(registry, watchHead(token, "60s"), (text) => text.includes("gone"));
  await register(registry);
  // The watch may have come before or after the change: it is one round either way.
  const answers: string[] = [];
  void watch.then((text) => answers.push(text));
  while (answers.length === 0) await clock.advance(5);
  const answer = await watch;
  expect(answer).toStartWith("HTTP/1.1 200 OK");
  expect(answer).toContain(`"delta":true,"instances":[{"id":"${idOf("a")}"`);
});

test("disposing answers the watches", async () => {
  const clock = new FakeClock();
  const registry = await serve({ clock });
  const { token } = await listed(registry);
  const watch = exchange(registry, watchHead(token, "10m"), (text) => text.includes("gone"));
  await until(() => registry.watcherCount() === 1, "a watch");
  const disposed = registry[Symbol.asyncDispose]();
  expect(await watch).toContain('"delta":true,"instances":[],"gone":[]');
  await clock.advance(1_000);
  await disposed;
  expect(clock.pending("foreground")).toBe(0);
});

test("a watcher that hangs up is forgotten", async () => {
  await using registry = await serve({ clock: new FakeClock() });
  const { token } = await listed(registry);
  await exchange(registry, watchHead(token, "10m"), () => registry.watcherCount() === 1);
  await until(() => registry.watcherCount() === 0, "the end of the watch");
});

test("it says over HTTP whether it lives and is ready", async () => {
  const clock = new FakeClock();
  await using registry = await serve({ clock, leaseMs: 600 });
  const health = async (at: string): Promise<number> => (await fetch(registry.url + at)).status;
  expect([await health("/livez"), await health("/readyz")]).toEqual([200, 503]);
  await clock.advance(600);
  expect(await health("/readyz")).toBe(200);
});

test("a store that nobody knows is named, and nothing listens", async () => {
  const error = await failureOf(serve({ store: "papyrus:scroll" }));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_STORE" });
});

test("disposing waits a second for a request under way, and no longer", async () => {
  const clock = new FakeClock();
  const registry = await serve({ clock });
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  const { promise: written, resolve } = Promise.withResolvers<void>();
  const slow = exchange(registry, `${head}Content-Length: 100\r\n\r\n{`, ended, resolve);
  await written;
  // The registry answers what came later: so it has begun with what came before.
  await exchange(registry, goGet, ended);
  await turn();
  let done = false;
  const disposed = registry[Symbol.asyncDispose]().then(() => (done = true));
  await clock.advance(999);
  expect(done).toBe(false);
  await clock.advance(1);
  await disposed;
  expect(await slow).toBe("");
});
