import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { limits } from "../src/base/limits.ts";
import { silentLog } from "../src/base/log.ts";
import { connect } from "../src/client.ts";
import { callContext } from "../src/rpc/context.ts";
import { newInstanceId } from "../src/discovery/member.ts";
import { type Registry, type RegistryOptions, serveRegistry } from "../src/registry.ts";
import { serve } from "../src/server.ts";
import { FakeClock, turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { memoryLog } from "./support/memory-log.ts";
import { connectRaw, exchange, registryPath as path } from "./support/raw-http.ts";
import { announcement } from "./support/registry.ts";

// A registry and those who mean no good, over real ports.

const reader = "reads-everything-0001";
const writer = "writes-everything-0002";
const tokens = `${reader} read\n${writer} write\n`;

function open(options: RegistryOptions = {}): Promise<Registry> {
  return serveRegistry({ listen: "127.0.0.1:0", log: silentLog, ...options });
}

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
}

test("a server and a client with tokens find one another", async () => {
  await using registry = await open({ tokens });
  const common = { registry: registry.url, log: silentLog };
  await using server = await serve({
    lameDuckMs: 0,
    ...common,
    services: { Foo: new Foo() },
    registryToken: writer,
  });
  expect(await server.registered).toBe(`${registry.url}${path}`);
  await using gee = connect({ ...common, registryToken: reader });
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
  expect(await gee.members("Foo")).toMatchObject([{ id: server.id }]);
});

test("a handler's own calls carry the server's token", async () => {
  await using registry = await open({ tokens });
  class Relay {
    async Ask(): Promise<unknown> {
      return callContext()?.call("Foo.Sum", [2, 3]);
    }
  }
  const common = { registry: registry.url, log: silentLog, registryToken: writer };
  const services = { Foo: new Foo(), Relay: new Relay() };
  await using server = await serve({ ...common, services, lameDuckMs: 0 });
  await server.registered;
  await using gee = connect(common);
  expect(await gee.call("Relay.Ask")).toBe(5);
});

test("without the token, or with another, neither gets anywhere, and is told why", async () => {
  await using registry = await open({ tokens });
  for (const registryToken of [undefined, "another-token-0000"]) {
    const { log, lines } = memoryLog();
    const common = { registry: registry.url, log, registryToken };
    await using server = await serve({ ...common, services: { Foo: new Foo() }, lameDuckMs: 0 });
    await using gee = connect(common);
    const error = await failureOf(gee.members());
    expect(error).toMatchObject({ code: "UNAUTHENTICATED", executed: "no" });
    expect(error.message).toContain("bearer token");
    expect(error.hint).toContain("registryToken");
    await until(() => lines.some((line) => line.includes("takes no beats")), "a warning");
    expect(lines.join("\n")).not.toContain("another-token-0000");
    expect(server.inFlight()).toBe(0);
  }
  expect(registry.memberCount()).toBe(0);
});

test("a server whose token only reads is not listed", async () => {
  const { log, lines } = memoryLog();
  await using registry = await open({ tokens, log });
  const common = { registry: registry.url, log: silentLog, registryToken: reader };
  await using server = await serve({ ...common, services: { Foo: new Foo() }, lameDuckMs: 0 });
  await until(() => lines.length > 0, "a line");
  expect(server.inFlight()).toBe(0);
  expect(lines[0]).toContain('registry write refused method=POST source=127.0.0.1 token="line 1"');
  expect(registry.memberCount()).toBe(0);
});

test("a token that no header can carry is refused before anything is opened", async () => {
  const registryToken = "a token\r\nX-Evil: 1";
  const bad = { code: "INVALID_ARGUMENT", reason: "BAD_TOKEN", executed: "no" };
  expect(await failureOf(serve({ services: { Foo: new Foo() }, registryToken }))).toMatchObject(
    bad,
  );
  expect(await failureOf((async () => connect({ registryToken }))())).toMatchObject(bad);
});

test("a token for a registry elsewhere, over plain http, is one warning for a server and its client", async () => {
  const { log, lines } = memoryLog();
  const registry = "http://192.0.2.1:9999";
  const clock = new FakeClock();
  const common = { registry, log, clock, registryToken: writer };
  const server = await serve({ ...common, services: { Foo: new Foo() } });
  const gee = connect(common);
  expect(lines.filter((line) => line.includes("in the clear"))).toEqual([
    `warn the registry token is sent in the clear; https would hide it url=${registry}${path}`,
  ]);
  const ends = Promise.all([server.stop(), gee[Symbol.asyncDispose]()]);
  await clock.advance(30_000);
  await ends;
});

test("beyond loopback tokens are a protection, and without them it does not start", async () => {
  const error = await failureOf(open({ listen: "0.0.0.0:0" }));
  expect(error).toMatchObject({ code: "FAILED_PRECONDITION", reason: "INSECURE_BIND" });
  expect(error.hint).toContain("--token-file");
  expect(error.hint).toContain("--insecure");
  await using registry = await open({ listen: "0.0.0.0:0", tokens });
  expect((await fetch(`${registry.url}${path}`)).status).toBe(401);
  expect((await fetch(`${registry.url}/livez`)).status).toBe(200);
});

test.each([
  [{ tokens: "" }, "BAD_TOKENS"],
  [{ tokens: "short read" }, "BAD_TOKENS"],
  [{ listen: "0.0.0.0:0", tokens: "# nobody" }, "BAD_TOKENS"],
  [{ hosts: ["http://a"] }, "BAD_HOST"],
])("with %j it does not start", async (options, reason) => {
  expect(await failureOf(open(options))).toMatchObject({ code: "INVALID_ARGUMENT", reason });
});

/** Registers another instance. */
async function register(registry: Registry, address: string): Promise<number> {
  const headers = { "content-type": "application/json" };
  const id = newInstanceId();
  const body = JSON.stringify({ instance: { ...announcement({ id }), address } });
  return (await fetch(`${registry.url}${path}`, { method: "POST", headers, body })).status;
}

test.each<[RegistryOptions, number]>([
  [{}, 200],
  [{ listen: "localhost:0", allowLoopback: false }, 200],
  [{ listen: "0.0.0.0:0", insecure: true }, 403],
  [{ listen: "0.0.0.0:0", insecure: true, allowLoopback: true }, 200],
])("with %j a loopback address is a %d", async (options, status) => {
  await using registry = await open(options);
  expect(await register(registry, "tcp@127.0.0.1:4000")).toBe(status);
  const go = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n`;
  const answer = await exchange(registry, `${go}X-Geerpc-Server: tcp@[::]:1\r\n\r\n`);
  expect(answer).toStartWith(`HTTP/1.1 ${status} `);
  expect(await register(registry, "tcp@169.254.169.254:80")).toBe(400);
  expect(await register(registry, "tcp@10.0.0.1:80")).toBe(200);
});

test("another name in the Host header is a 421, be it with the right path in full", async () => {
  await using registry = await open({ hosts: ["registry.internal"] });
  const status = async (target: string, host: string): Promise<string> => {
    const answer = await exchange(registry, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(answer.toLowerCase()).not.toContain("access-control");
    return answer.slice(9, 12);
  };
  for (const host of ["localhost", "127.0.0.1:1", "[::1]", "registry.internal:80"]) {
    expect(await status(path, host)).toBe("200");
    expect(await status(`http://evil.example${path}`, host)).toBe("200");
  }
  for (const host of [
    "evil.example",
    "evil.example:9999",
    "",
    "a b",
    "[::1",
    "localhost/x?",
    "u@localhost",
  ]) {
    expect(await status(path, host)).toBe("421");
    expect(await status(`http://localhost${path}`, host)).toBe("421");
  }
  expect(await status(path, "localhost\r\nHost: evil.example")).toBe("421");
  // HTTP/1.0 need not name a host; no browser speaks that.
  expect(await exchange(registry, `GET ${path} HTTP/1.0\r\n\r\n`)).toStartWith("HTTP/1.1 200 ");
});

/** This machine's name; not every machine has one that it can listen on. */
const own = `${hostname()}:0`;
const listens = await open({ listen: own, insecure: true }).then(
  (registry) => registry[Symbol.asyncDispose]().then(() => true),
  () => false,
);

test.skipIf(!listens)("a name that it listens on is a name that it may be asked for", async () => {
  await using registry = await open({ listen: own, insecure: true });
  expect(registry.url).toStartWith(`http://${hostname()}:`);
  expect((await fetch(`${registry.url}${path}`)).status).toBe(200);
});

const post = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
const get = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n`;
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;
/** What would be taken for a request of its own by whoever disagrees on where the first one ends. */
const hidden = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nX-Geerpc-Server: tcp@10.6.6.6:1\r\n\r\n`;
const cl = (value: string, name = "Content-Length"): string =>
  `${post}${name}: ${value}\r\n\r\n${hidden}`;
const te = (value: string, name = "Transfer-Encoding"): string =>
  `${post}${name}: ${value}\r\n\r\n0\r\n\r\n${hidden}`;

test.each([
  [
    "a length and chunks",
    `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  ],
  [
    "chunks and a length",
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  ],
  ["two lengths", `${post}Content-Length: 0\r\nContent-Length: 5\r\n\r\n${hidden}`],
  ["a list of lengths", cl("0, 5")],
  ["a signed length", cl("+0")],
  ["a negative length", cl("-1")],
  ["a length in hex", cl("0x0")],
  ["a length with words", cl("0 x")],
  ["a length beyond all numbers", cl("9".repeat(30))],
  ["a length with a space before its colon", cl("0", "Content-Length ")],
  ["a list of encodings", te("identity, chunked")],
  ["an unknown encoding", te("xchunked")],
  ["two encodings", te("chunked\r\nTransfer-Encoding: identity")],
  ["an encoding with a space before its colon", te("chunked", "Transfer-Encoding ")],
  ["an encoding folded", te("\r\n chunked")],
  ["a folded header", `${post}X-A: b\r\n c\r\n\r\n${hidden}`],
  ["a bare CR in a header", `${post}X-A: b\rX-B: c\r\n\r\n${hidden}`],
  ["a NUL in a header", `${post}X-A: b\0c\r\n\r\n${hidden}`],
  ["a chunk with another end", `${chunked}2\r\n{}XX0\r\n\r\n${hidden}`],
  ["a chunk of no size", `${chunked}zz\r\n{}\r\n0\r\n\r\n${hidden}`],
  ["a chunk of negative size", `${chunked}-1\r\n{}\r\n0\r\n\r\n${hidden}`],
  ["a chunk beyond all numbers", `${chunked}${"f".repeat(20)}\r\n{}\r\n0\r\n\r\n${hidden}`],
  ["a chunk with bare LF", `${chunked}2\n{}\n0\n\n${hidden}`],
  ["no host", `GET ${path} HTTP/1.1\r\n\r\n${hidden}`],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
])("%s is a 400 and the end of the connection, and no second request", async (_name, bytes) => {
  await using registry = await open();
  using peer = await connectRaw(registry.url);
  peer.say(bytes);
  await until(() => peer.isClosed, "the end of the connection");
  expect(peer.heard.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 400"]);
  expect(registry.memberCount()).toBe(0);
});

test.each([
  ["a header of 20 KB", `${get}X-A: ${"x".repeat(20_000)}\r\n\r\n`],
  ["300 headers", `${get}${Array.from({ length: 300 }, (_, n) => `X-${n}: 1\r\n`).join("")}\r\n`],
  ["a target of 20 KB", `GET ${path}?${"x".repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
  ["a token of 20 KB", `${get}Authorization: Bearer ${"x".repeat(20_000)}\r\n\r\n`],
])("%s is a 431 and the end of the connection", async (_name, bytes) => {
  await using registry = await open({ tokens });
  using peer = await connectRaw(registry.url);
  peer.say(bytes);
  await until(() => peer.isClosed, "the end of the connection");
  expect(peer.heard).toStartWith("HTTP/1.1 431 ");
});

test("of 200 MB that are announced none is waited for", async () => {
  await using registry = await open({ tokens });
  const authorization = `Authorization: Bearer ${writer}\r\n`;
  const length = "Content-Length: 200000000\r\n\r\n";
  expect(await exchange(registry, `${post}${authorization}${length}{`)).toStartWith(
    "HTTP/1.1 413 ",
  );
  // Bun looks at the length before anybody looks at the token.
  expect(await exchange(registry, `${post}${length}{`)).toMatch(/^HTTP\/1\.1 (401|413) /);
});

test("a body that comes slowly has 5 seconds, and takes nothing from anybody else", async () => {
  const clock = new FakeClock();
  await using registry = await open({ clock });
  const slow = await Promise.all(Array.from({ length: 200 }, () => connectRaw(registry.url)));
  try {
    for (const [n, peer] of slow.entries()) {
      peer.say(n % 2 === 0 ? `${post}Content-Length: 100\r\n\r\n{` : `${chunked}1\r\n{\r\n`);
    }
    expect(await register(registry, "tcp@10.0.0.1:80")).toBe(200);
    // The deadline begins when the head is there, for each of them before this one answers.
    for (let second = 0; second < 4; second++) {
      await clock.advance(1_000);
      for (const [n, peer] of slow.entries()) peer.say(n % 2 === 0 ? " " : "1\r\n \r\n");
      for (let n = 0; n < 20; n++) await turn();
    }
    expect(slow.filter((peer) => peer.heard !== "" || peer.isClosed)).toEqual([]);
    expect((await fetch(`${registry.url}${path}`)).headers.get("x-geerpc-servers")).toBe(
      "tcp@10.0.0.1:80",
    );
    await clock.advance(limits.registryBodyMs);
    await until(() => slow.every((peer) => peer.isClosed), "the end of all");
    for (const peer of slow) expect(peer.heard).toStartWith("HTTP/1.1 408 ");
  } finally {
    for (const peer of slow) peer[Symbol.dispose]();
  }
});

test("a token in two headers, or beside another scheme, is none", async () => {
  await using registry = await open({ tokens });
  for (const headers of [
    `Authorization: Bearer ${reader}\r\nAuthorization: Bearer ${reader}\r\n`,
    `Authorization: Basic ${reader}\r\n`,
    `Proxy-Authorization: Bearer ${reader}\r\n`,
    `X-Authorization: Bearer ${reader}\r\n`,
    `Cookie: token=${reader}\r\n`,
  ]) {
    const answer = await exchange(registry, `${get}${headers}\r\n`);
    expect(answer).toStartWith("HTTP/1.1 401 ");
    expect(answer.toLowerCase()).toContain("\r\nwww-authenticate: bearer\r\n");
  }
  const query = get.replace(path, `${path}?access_token=${reader}`);
  expect(await exchange(registry, `${query}\r\n`)).toStartWith("HTTP/1.1 401 ");
  const good = `${get}authorization: bearer ${reader}\r\n\r\n`;
  expect(await exchange(registry, good)).toStartWith("HTTP/1.1 200 ");
});

test("a Go peer that can send a header can send the token", async () => {
  await using registry = await open({ tokens });
  const go = (token: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: localhost:9999\r\nUser-Agent: Go-http-client/1.1\r\n` +
    `Content-Length: 0\r\nAuthorization: Bearer ${token}\r\n` +
    `X-Geerpc-Server: tcp@[::]:33833\r\nAccept-Encoding: gzip\r\n\r\n`;
  expect(await exchange(registry, go("x"))).toStartWith("HTTP/1.1 401 ");
  expect(await exchange(registry, go(reader))).toStartWith("HTTP/1.1 403 ");
  expect(await exchange(registry, go(writer))).toStartWith("HTTP/1.1 200 ");
  expect(registry.memberCount()).toBe(1);
});

test.each(["OPTIONS", "TRACE", "CONNECT", "PROPFIND"])("%s opens nothing", async (method) => {
  await using registry = await open();
  const target = method === "CONNECT" ? "127.0.0.1:1" : path;
  const answer = await exchange(
    registry,
    `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  );
  expect(answer.slice(9, 12)).toMatch(/^(400|404|405|501)$/);
  expect(answer.toLowerCase()).not.toContain("access-control");
});

test("what a registry says of a failure has no path and no stack", async () => {
  await using registry = await open({ tokens });
  for (const bytes of [
    `${post}Authorization: Bearer ${writer}\r\nContent-Length: 1\r\n\r\n{`,
    `${post}Content-Length: 0\r\n\r\n`,
    `GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET ${path}?after=%ff&wait=%00 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${reader}\r\nAccept: application/json\r\n\r\n`,
  ]) {
    const answer = await exchange(registry, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).not.toMatch(/\.ts\b|\bat .*:\d+|node_modules|\/work\//);
    expect(answer.length).toBeLessThan(600);
  }
});
