import { expect, setDefaultTimeout, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/time.ts";
import { startDevServer, type DevServerOptions } from "../../src/cli/dev-server.ts";
import { ownCommand } from "../../src/cli/own-command.ts";
import { connect, serveRegistry, type Registry } from "../../src/index.ts";
import { until } from "../support/clock.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

const foo = "export class Foo { Sum(a: number, b: number) { return a + b; } }";

async function start(
  registry: Registry,
  modules: readonly string[],
  own: Partial<DevServerOptions> = {},
): Promise<ReturnType<typeof startDevServer> & AsyncDisposable> {
  const server = startDevServer({
    clock: systemClock,
    command: ownCommand(),
    modules,
    registries: [registry.url],
    tokenFile: undefined,
    drainTimeoutMs: 25_000,
    env: process.env,
    json: false,
    said: () => {},
    ...own,
  });
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.exited;
    },
  };
}

async function ownRegistry(): Promise<Registry> {
  return await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
}

test("it is ready when it is registered, and ends with 0 when it has drained", async () => {
  await using place = await folder({ "foo.ts": `${foo} export const x = 1;` });
  await using registry = await ownRegistry();
  const said: string[] = [];
  await using server = await start(registry, [`${place.path}/foo.ts`], {
    // These would have it fail, or listen where another one listens.
    env: { ...process.env, GEE_LISTEN: "nowhere", GEE_ADVERTISE: "nowhere" },
    said: (event, text) => void said.push(`${event} ${text}`),
  });
  const { address, id, services } = await server.ready;
  expect(services).toEqual([{ name: "Foo", methods: ["Sum"] }]);
  expect(said).toEqual([`ignored ${place.path}/foo.ts: not served: x`]);
  await using gee = connect({ registry: registry.url, log: silentLog });
  expect(await gee.members()).toMatchObject([{ id, address, state: "up" }]);
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
  server.drain();
  expect(await server.exited).toBe(0);
});

test("a module that does not compile is told with its place", async () => {
  await using place = await folder({ "foo.ts": "export class {" });
  await using registry = await ownRegistry();
  await using server = await start(registry, [`${place.path}/foo.ts`]);
  await expect(server.ready).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_MODULE",
    message: `${place.path}/foo.ts does not compile`,
    details: { frame: expect.stringContaining("1 | export class {") },
  });
  expect(await server.exited).toBe(2);
});

test("a module that ends the process is told by its exit code", async () => {
  await using place = await folder({ "foo.ts": `${foo} process.exit(7);` });
  await using registry = await ownRegistry();
  await using server = await start(registry, [`${place.path}/foo.ts`]);
  await expect(server.ready).rejects.toMatchObject({
    message: "the server ended with exit code 7 before it was registered",
  });
  expect(await server.exited).toBe(7);
});

test("a module does not see that it is started by gee dev", async () => {
  await using place = await folder({
    "foo.ts": `${foo}
      const { GEE_DEV_CHILD, OUT = "" } = process.env;
      await Bun.write(OUT, JSON.stringify([GEE_DEV_CHILD ?? null, typeof process.send]));
    `,
  });
  const out = `${place.path}/out`;
  await using registry = await ownRegistry();
  await using server = await start(registry, [`${place.path}/foo.ts`], {
    env: { ...process.env, OUT: out },
  });
  await server.ready;
  expect(await Bun.file(out).json()).toEqual([null, "undefined"]);
});

/** A process that starts a server and then does nothing. */
const parentScript = `
  import { systemClock } from ${JSON.stringify(new URL("../../src/base/time.ts", import.meta.url).pathname)};
  import { startDevServer } from ${JSON.stringify(new URL("../../src/cli/dev-server.ts", import.meta.url).pathname)};
  const [registry, module] = process.argv.slice(2);
  const server = startDevServer({
    clock: systemClock, command: ${JSON.stringify(ownCommand())}, modules: [module],
    registries: [registry], tokenFile: undefined, drainTimeoutMs: 25_000, env: process.env,
    json: false, said: () => {},
  });
  await server.ready;
  console.log(server.pid);
  setInterval(() => {}, 1_000);
`;

test.each([
  ["listens", "Foo.Sum"],
  ["hangs", "Foo.Hang"],
])("a server that %s ends when the process that started it is killed", async (_how, method) => {
  await using place = await folder({
    "foo.ts": "export class Foo { Sum() {} Hang() { for (;;); } }",
    "parent.ts": parentScript,
  });
  await using registry = await ownRegistry();
  const words = [`${place.path}/parent.ts`, registry.url, `${place.path}/foo.ts`];
  const parent = Bun.spawn([process.execPath, ...words], { stdout: "pipe", stderr: "inherit" });
  let line = "";
  for await (const bytes of parent.stdout) {
    line += new TextDecoder().decode(bytes);
    if (line.includes("\n")) break;
  }
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);
  await using gee = connect({ registry: registry.url, log: silentLog });
  await gee.call(method, [], { oneWay: true });
  parent.kill("SIGKILL");
  await parent.exited;
  await until(() => !isAlive(pid), "the server's end");
});

/** Whether a process runs; one that has ended and that nobody has asked about does not. */
function isAlive(pid: number): boolean {
  const { stdout } = Bun.spawnSync(["ps", "-o", "stat=", "-p", `${pid}`]);
  const state = stdout.toString().trim();
  return state !== "" && !state.startsWith("Z");
}
