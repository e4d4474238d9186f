import { expect, setDefaultTimeout, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { ownCommand } from "../../src/cli/own-command.ts";
import { connect, serveRegistry, type Registry } from "../../src/index.ts";
import { until } from "../support/clock.ts";
import { startCommand, type Running } from "../support/executable.ts";
import { folder, type Folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

const code = `
  export class Foo {
    Pid(): number { return process.pid; }
    Echo(text: string): string { return text + globalThis.suffix; }
    async Until(path: string): Promise<number> {
      console.log("waits");
      while (!(await Bun.file(path).exists())) await Bun.sleep(5);
      return process.pid;
    }
  }
  globalThis.suffix = await Bun.file("suffix").text();
  export const gee = { Foo: { Pid: { idempotent: true }, Echo: { idempotent: true } } };
`;

/** Waits for what has to be asked for. */
async function untilIt(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(5);
}

interface Scene extends AsyncDisposable {
  readonly place: Folder;
  readonly registry: Registry;
  readonly supervisor: Running;
  /** Ids of those who are up. */
  up(): Promise<readonly string[]>;
}

async function scene(...words: readonly string[]): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await folder({ "foo.ts": code, suffix: "1" }));
  const registry = stack.use(
    await serveRegistry({ listen: "127.0.0.1:0", leaseMs: 2_000, log: silentLog }),
  );
  const flags = ["--workers", "2", "--registry", registry.url, "--drain", "20s"];
  const line = [...ownCommand(), "server", "foo.ts", ...flags, ...words];
  const supervisor = stack.use(startCommand(line, { cwd: place.path }));
  await supervisor.says(/^registered /m);
  const moved = stack.move();
  const up = async (): Promise<readonly string[]> => {
    await using gee = connect({ registry: registry.url, log: silentLog });
    const members = await gee.members("Foo");
    return members.filter(({ state }) => state === "up").flatMap(({ id }) => id ?? []);
  };
  return { place, registry, supervisor, up, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

test("two instances of one group; one that is killed under load is replaced and calls go on", async () => {
  await using running = await scene();
  const { registry, supervisor, up } = running;
  const text = supervisor.stdout();
  const [, group = ""] =
    /^server {5}2 workers {3}group ([0-9a-f]{32}) {3}\[.*\]$/m.exec(text) ?? [];
  expect(text).toMatch(/^worker 1 {3}tcp@127\.0\.0\.1:\d+ {3}id [0-9a-f]{32} {3}pid \d+$/m);
  expect(text).toMatch(/^worker 2 {3}tcp@127\.0\.0\.1:\d+ {3}id [0-9a-f]{32} {3}pid \d+$/m);
  await using gee = connect({ registry: registry.url, log: silentLog });
  const members = await gee.members("Foo");
  expect(members.map((member) => member.group)).toEqual([group, group]);

  const seen = new Set<unknown>();
  let calls = 0;
  const load = { over: false };
  const callers = Array.from({ length: 8 }, async () => {
    while (!load.over) {
      seen.add(await gee.call("Foo.Pid"));
      calls++;
    }
  });
  await until(() => seen.size === 2);
  const before = await up();
  const [victim] = seen;
  process.kill(Number(victim), "SIGKILL");
  await supervisor.says(/^ended {6}worker [12] with exit code 137; it starts again in \d+ms$/m);
  // The supervisor has taken it off the list; no lease had to pass.
  await untilIt(async () => (await up()).filter((id) => before.includes(id)).length === 1);
  await supervisor.says(/^back {7}worker [12] {3}tcp@/m);
  await until(() => seen.size === 3);
  const at = calls;
  await until(() => calls > at + 100);
  load.over = true;
  // No call has failed: each may run again, and who was not asked yet goes elsewhere.
  await Promise.all(callers);
});

test("SIGHUP replaces them one by one, and no call is lost; SIGTERM drains both", async () => {
  await using running = await scene();
  const { place, registry, supervisor, up } = running;
  const before = await up();
  await using gee = connect({ registry: registry.url, log: silentLog });
  const slow = gee.call("Foo.Until", [`${place.path}/go`]);
  await supervisor.says(/^waits$/m);
  await place.write("suffix", "2");
  const load = { over: false };
  const answers = new Set<unknown>();
  const callers = Array.from({ length: 4 }, async () => {
    while (!load.over) answers.add(await gee.call("Foo.Echo", ["a"]));
  });
  supervisor.kill("SIGHUP");
  await supervisor.says(/^reloaded {3}worker 1 /m);
  await place.write("go", "");
  await supervisor.says(/^reloaded {3}worker 2 /m);
  expect(await slow).toBeNumber();
  load.over = true;
  await Promise.all(callers);
  expect(answers.has("a2")).toBe(true);
  expect((await up()).filter((id) => before.includes(id))).toEqual([]);
  expect(await gee.call("Foo.Echo", ["b"])).toBe("b2");
  supervisor.kill("SIGTERM");
  expect(await supervisor.exited).toBe(0);
  expect(await up()).toEqual([]);
  expect(supervisor.stderr()).toMatch(/^draining {3}2 workers \(SIGTERM\)\ndrained {4}\[.*\]$/m);
});

test("workers whose supervisor is killed finish what they have, leave the list and end", async () => {
  await using running = await scene();
  const { place, registry, supervisor, up } = running;
  await using gee = connect({ registry: registry.url, log: silentLog });
  const slow = gee.call("Foo.Until", [`${place.path}/go`]);
  await supervisor.says(/^waits$/m);
  supervisor.kill("SIGKILL");
  await untilIt(async () => (await up()).length === 0);
  await place.write("go", "");
  const pid = Number(await slow);
  await until(() => !isAlive(pid));
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("workers that cannot start are one error, and nobody stays", async () => {
  await using place = await folder({ "foo.ts": code, suffix: "1" });
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const listen = `127.0.0.1:${taken.port - 1}`;
  const words = ["server", "foo.ts", "--no-register", "--workers", "2", "--listen", listen];
  await using failed = startCommand([...ownCommand(), ...words], { cwd: place.path });
  expect(await failed.exited).toBe(1);
  expect(failed.stderr()).toContain(`cannot listen on 127.0.0.1:`);
  expect(failed.stdout()).toBe("");

  await using broken = startCommand(
    [...ownCommand(), "server", "nope.ts", "--no-register", "--workers", "2"],
    { cwd: place.path },
  );
  expect(await broken.exited).toBe(2);
  expect(broken.stderr()).toMatch(/^error: INVALID_ARGUMENT +there is no file nope\.ts$/m);
});

test("more workers than cores are told of, and are there", async () => {
  const cores = navigator.hardwareConcurrency;
  await using place = await folder({ "foo.ts": code, suffix: "1" });
  const count = cores + 1;
  await using running = startCommand(
    [...ownCommand(), "server", "foo.ts", "--no-register", "--json", "--workers", String(count)],
    { cwd: place.path },
  );
  await running.says(/\{"group":"[0-9a-f]{32}","workers":\[.*\}/);
  const said: unknown = JSON.parse(running.stdout());
  expect(said).toMatchObject({ services: [{ name: "Foo", methods: ["Pid", "Echo", "Until"] }] });
  expect(Object(said).workers).toHaveLength(count);
  const ids = { id: expect.stringMatching(/^[0-9a-f]{32}$/), pid: expect.any(Number) };
  expect(Object(said).workers[0]).toMatchObject(ids);
  expect(running.stderr()).toContain(`{"event":"cores","workers":${count},"cores":${cores}}`);
  running.kill("SIGINT");
  expect(await running.exited).toBe(0);
});
