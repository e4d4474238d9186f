import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { silentLog } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/time.ts";
import { startChildServer, type ChildServerOptions } from "../../src/cli/child-server.ts";
import { ownCommand } from "../../src/cli/own-command.ts";
import { connect, serveRegistry, type Registry } from "../../src/index.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { until } from "../support/clock.ts";
import { eventually } from "../support/cluster.ts";
import { startCommand } from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

const foo = "export class Foo { Sum(a: number, b: number) { return a + b; } }";

async function start(
  registry: Registry,
  modules: readonly string[],
  own: Partial<ChildServerOptions> = {},
): Promise<ReturnType<typeof startChildServer> & AsyncDisposable> {
  const server = startChildServer({
    clock: systemClock,
    command: ownCommand(),
    words: ["--registry", registry.url, ...modules],
    child: {},
    registers: true,
    endsWithParent: true,
    env: process.env,
    json: false,
    log: silentLog,
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
  expect(services).toMatchObject([{ name: "Foo", methods: ["Sum"] }]);
  expect(said).toEqual([
    `ignored ${place.path}/foo.ts: not served: x`,
    expect.stringMatching(/^hint /),
    `registered registered ${registry.url}`,
  ]);
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
    message: "the server ended with exit code 7 before it listened",
    reason: "ENDED",
  });
  expect(await server.exited).toBe(7);
});

test("where no process can be started the server has not started, and nothing is thrown", async () => {
  await using registry = await ownRegistry();
  await using server = await start(registry, [], { command: ["/nowhere/gee"] });
  for (const promise of [server.ready, server.listening]) {
    await expect(promise).rejects.toThrow("a process cannot be started: ");
  }
  server.drain();
  await server.withdrawn;
  expect(await server.exited).toBe(127);
});

test("a module does not see that another process has started it, and hears nothing of it", async () => {
  await using place = await folder({
    "foo.ts": `
      const heard: string[] = [];
      for (const event of ["message", "disconnect"]) {
        process.on(event, () => heard.push(event)).once(event, () => heard.push(event));
      }
      const seen = [process.env.GEE_CHILD, typeof process.send, process.connected];
      seen.push(typeof process.disconnect, typeof process.channel, process.listenerCount("exit"));
      process.on("exit", () => {});
      seen.push(process.listenerCount("exit"));
      export class Foo { Seen() { return [...seen, ...heard]; } }
    `,
  });
  await using registry = await ownRegistry();
  await using server = await start(registry, [`${place.path}/foo.ts`]);
  const { address } = await server.ready;
  await using gee = connect({ address, log: silentLog });
  const none = "undefined";
  expect(await gee.call("Foo.Seen", [])).toEqual([undefined, none, false, none, none, 0, 1]);
});

test("it has no thread that beats, and is off the lists as soon as it has died", async () => {
  await using place = await folder({ "foo.ts": foo });
  await using registry = await ownRegistry();
  await using server = await start(registry, [`${place.path}/foo.ts`]);
  const { id } = await server.ready;
  const names = readdirSync(`/proc/${server.pid}/task`).map((task) =>
    readFileSync(`/proc/${server.pid}/task/${task}/comm`, "utf8"),
  );
  expect(names).not.toContain("Worker\n");
  await using gee = connect({ registry: registry.url, log: silentLog });
  expect(await gee.members()).toMatchObject([{ id, state: "up" }]);
  server.kill();
  expect(await server.exited).toBe(137);
  await server.withdrawn;
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  expect((await client.list()).members).toMatchObject([{ id, state: "left" }]);
});

test("one that does not end with its parent leaves the lists and finishes its calls", async () => {
  await using place = await folder({
    "foo.ts": `export class Foo {
      async Until(path: string) {
        console.log("waits");
        while (!(await Bun.file(path).exists())) await Bun.sleep(5);
        return "done";
      }
    }`,
    "parent.ts": parentScript.replace("endsWithParent: true", "endsWithParent: false"),
  });
  await using registry = await ownRegistry();
  const words = [`${place.path}/parent.ts`, registry.url, `${place.path}/foo.ts`];
  await using parent = startCommand([process.execPath, ...words]);
  const [pid = ""] = await parent.says(/^\d+$/m);
  await using gee = connect({ registry: registry.url, log: silentLog });
  const slow = gee.call("Foo.Until", [`${place.path}/go`]);
  await parent.says(/^waits$/m);
  parent.kill("SIGKILL");
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  await eventually(
    async () => (await client.list()).members[0]?.state === "left",
    "its withdrawal",
  );
  expect(isAlive(Number(pid))).toBe(true);
  await place.write("go", "");
  expect(await slow).toBe("done");
  await until(() => !isAlive(Number(pid)), "the server's end");
  await parent.exited;
  expect(parent.stderr()).toContain("draining   1 in flight");
});

/** A process that starts a server and then does nothing. */
const parentScript = `
  import { silentLog } from ${JSON.stringify(new URL("../../src/base/log.ts", import.meta.url).pathname)};
  import { systemClock } from ${JSON.stringify(new URL("../../src/base/time.ts", import.meta.url).pathname)};
  import { startChildServer } from ${JSON.stringify(new URL("../../src/cli/child-server.ts", import.meta.url).pathname)};
  const [registry, module] = process.argv.slice(2);
  const server = startChildServer({
    clock: systemClock, command: ${JSON.stringify(ownCommand())},
    words: ["--registry", registry, module], child: {}, registers: true, endsWithParent: true,
    env: process.env, json: false, log: silentLog, said: () => {},
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
