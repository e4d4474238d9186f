import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { runPing } from "../../src/cli/ping.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { serve, serveRegistry, type Registry, type Server } from "../../src/index.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { parseAddress } from "../../src/base/address.ts";
import { until } from "../support/clock.ts";
import { keptOutput, type KeptOutputOptions } from "../support/output.ts";
import { announcement, idOf } from "../support/registry.ts";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly ended: Promise<Ran>;
  stderr(): string;
}

function begin(words: readonly string[], options: KeptOutputOptions = {}): Running {
  const invocation = parseArguments(["ping", ...words], {});
  if (invocation.kind !== "ping") throw new Error("it is no ping");
  const { output, stdout, stderr } = keptOutput(options);
  const ended = runPing(invocation, output).then((code) => ({
    code,
    stdout: stdout(),
    stderr: stderr(),
  }));
  return { ended, stderr };
}

async function ping(words: readonly string[], options: KeptOutputOptions = {}): Promise<Ran> {
  return await begin(words, options).ended;
}

async function ownRegistry(): Promise<Registry> {
  return await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
}

async function start(registry: string | undefined, ...names: readonly string[]): Promise<Server> {
  const server = await serve({
    services: Object.fromEntries(names.map((name) => [name, new Foo()])),
    registry,
    lameDuckMs: 0,
    log: silentLog,
  });
  await server.registered;
  return server;
}

/** Where nobody listens, because somebody did and has left. */
async function deadAddress(): Promise<string> {
  const server = await start(undefined, "Foo");
  await server.stop();
  return server.address;
}

/** Has a registry list a server that is not there. */
async function announceGhost(registry: Registry, services: readonly string[]): Promise<string> {
  const address = parseAddress(await deadAddress());
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  await client.register(announcement({ id: idOf("a"), address, services }));
  return address;
}

const time = String.raw`\d+(\.\d+)?m?s`;

test("all is well: the registry, and each service with its instances and how far they are", async () => {
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await ownRegistry());
  stack.use(await start(registry.url, "Foo", "Bar"));
  stack.use(await start(registry.url, "Foo"));
  const ran = await ping(["--registry", registry.url]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  const lines = [
    `registry   ${registry.url}   ok   ${time}`,
    `Bar        1/1 ok   p50 ${time}`,
    `Foo        2/2 ok   p50 ${time}`,
  ];
  expect(ran.stdout).toMatch(new RegExp(`^${lines.join("\n")}\n$`));
  const one = await ping(["Bar", "--registry", registry.url]);
  expect(one.code).toBe(0);
  expect(one.stdout).not.toContain("Foo");
});

test("in JSON it is rows with numbers", async () => {
  await using registry = await ownRegistry();
  await using _ = await start(registry.url, "Foo");
  const ran = await ping(["--registry", registry.url], { json: true });
  expect(JSON.parse(ran.stdout)).toEqual({
    well: true,
    registries: [{ url: registry.url, ok: true, roundTripMs: expect.any(Number), error: null }],
    services: [
      {
        name: "Foo",
        instances: 1,
        ok: 1,
        draining: 0,
        suspect: 0,
        p50Ms: expect.any(Number),
        troubles: [],
      },
    ],
    tookMs: expect.any(Number),
  });
});

test("an instance that is listed and does not answer is named, and it is exit 1", async () => {
  await using registry = await ownRegistry();
  await using _ = await start(registry.url, "Foo");
  const ghost = await announceGhost(registry, ["Foo"]);
  const ran = await ping(["--registry", registry.url]);
  expect(ran.code).toBe(1);
  expect(ran.stdout).toMatch(/^Foo {8}1\/2 ok {3}p50 /m);
  expect(ran.stdout).toContain(`\n  ${ghost}   `);
  expect(ran.stderr).toStartWith("error: UNAVAILABLE  1 of 2 instances of Foo is not well\n");
  const json = await ping(["Foo", "--registry", registry.url], { json: true });
  expect(JSON.parse(json.stdout)).toMatchObject({
    well: false,
    services: [{ ok: 1, instances: 2, troubles: [{ id: idOf("a"), address: ghost, state: "up" }] }],
  });
  expect(JSON.parse(json.stderr).error).toMatchObject({ reason: "NOT_WELL" });
});

test("where nobody answers who is listed it is exit 1 as well", async () => {
  await using registry = await ownRegistry();
  await announceGhost(registry, ["Foo"]);
  const ran = await ping(["Foo", "--registry", registry.url]);
  expect([ran.code, ran.stdout.split("\n")[1]]).toEqual([1, "Foo        0/1 ok"]);
});

test("nobody is listed: exit 1, and 78 for a service that is asked for", async () => {
  await using registry = await ownRegistry();
  const empty = await ping(["--registry", registry.url]);
  expect(empty.code).toBe(1);
  expect(empty.stdout).toStartWith(`registry   ${registry.url}   ok   `);
  expect(empty.stderr).toStartWith("error: UNAVAILABLE  no server is registered\n");
  await using _ = await start(registry.url, "Foo");
  const other = await ping(["Fooo", "--registry", registry.url]);
  expect(other.code).toBe(78);
  expect(other.stderr).toBe(
    "error: UNAVAILABLE  no server of Fooo is registered\nhint: did you mean Foo?\n",
  );
});

test("no registry is exit 78, one of two is exit 1", async () => {
  const gone = await ownRegistry();
  await gone[Symbol.asyncDispose]();
  const none = await ping(["--registry", gone.url]);
  expect([none.code, none.stdout]).toEqual([78, `registry   ${gone.url}   away\n`]);
  expect(none.stderr).toContain("error: UNAVAILABLE");
  expect(none.stderr).toContain("gee registry");
  await using registry = await ownRegistry();
  await using _ = await start(registry.url, "Foo");
  const half = await ping(["--registry", `${gone.url},${registry.url}`]);
  expect(half.code).toBe(1);
  expect(half.stdout).toStartWith(
    `registry   ${gone.url}   away\nregistry   ${registry.url}   ok `,
  );
  expect(half.stdout).toContain("\nFoo        1/1 ok ");
});

test("a registry that does not answer takes no longer than a try may", async () => {
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const url = `http://127.0.0.1:${silent.port}`;
  const ran = await ping(["--registry", url, "--timeout", "20ms"]);
  expect(ran.code).toBe(78);
  expect(ran.stderr).toContain("DEADLINE_EXCEEDED");
});

test("a server is asked by its address, without a registry", async () => {
  await using server = await start(undefined, "Foo");
  const well = await ping([server.address]);
  expect(well.code).toBe(0);
  expect(well.stdout).toMatch(new RegExp(`^${server.address}   1/1 ok   p50 ${time}\n$`));
  const named = await ping(["Foo", "--address", server.address]);
  expect(named.stdout).toMatch(/^Foo {8}1\/1 ok {3}p50 /);
  const dead = await deadAddress();
  const ran = await ping([dead]);
  expect(ran.code).toBe(78);
  expect(ran.stdout).toStartWith(`${dead}   0/1 ok\n  ${dead}   cannot connect`);
});

test("with --wait it tries until all is well", async () => {
  await using registry = await ownRegistry();
  const running = begin(["Foo", "--registry", registry.url, "--wait", "1m"], { terminal: true });
  await until(() => running.stderr().includes("no server of Foo is registered"), "a first try");
  await using _ = await start(registry.url, "Foo");
  const ran = await running.ended;
  expect(ran.code).toBe(0);
  expect(ran.stdout).toContain("Foo        1/1 ok");
  expect(ran.stderr).toEndWith("\r\u001b[K");
});

test("when the time of --wait is over the last try counts", async () => {
  await using registry = await ownRegistry();
  const ran = await ping(["--registry", registry.url, "--wait", "50ms"]);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toStartWith("error: UNAVAILABLE  no server is registered\n");
});

test("quiet, it prints nothing, whatever it finds", async () => {
  await using registry = await ownRegistry();
  expect(await ping(["--registry", registry.url, "--quiet"])).toEqual({
    code: 1,
    stdout: "",
    stderr: "",
  });
  await using _ = await start(registry.url, "Foo");
  const words = ["Foo", "--registry", registry.url, "--quiet"];
  expect(await ping(words, { terminal: true })).toEqual({ code: 0, stdout: "", stderr: "" });
  expect((await ping(["Other", "--registry", registry.url, "--quiet"])).code).toBe(78);
});

test("GeeRPC's own servers speak another protocol, and are no matter of it", async () => {
  await using registry = await ownRegistry();
  await fetch(`${registry.url}/_geerpc_/registry`, {
    method: "POST",
    headers: { "X-Geerpc-Server": "tcp@10.0.0.1:1" },
  });
  await using _ = await start(registry.url, "Foo");
  const ran = await ping(["--registry", registry.url]);
  expect([ran.code, ran.stdout.split("\n").length]).toEqual([0, 3]);
});
