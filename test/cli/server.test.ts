import { expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { demoContract } from "../../src/cli/demo-contract.ts";
import { runServer } from "../../src/cli/server.ts";
import { connect, serveRegistry } from "../../src/index.ts";
import { until } from "../support/clock.ts";
import { eventually } from "../support/cluster.ts";
import { folder } from "../support/folder.ts";
import { keptOutput, type KeptOutput } from "../support/output.ts";

// From source it is read first, which takes longer than anything else here; then it is known.
await demoContract();

function start(words: readonly string[], kept: KeptOutput): Promise<number> {
  return run(["--no-register", ...words], kept);
}

function run(words: readonly string[], kept: KeptOutput): Promise<number> {
  const invocation = parseArguments(["server", ...words], {});
  if (invocation.kind !== "server") throw new Error("it is no server");
  return runServer(invocation, kept.output);
}

test("a server says where it is and what it serves, drains on a signal and exits 0", async () => {
  await using place = await folder({
    "foo.ts":
      "export class Foo { Sum(a: number, b: number) { return a + b; } } export const x = 1;",
  });
  const kept = keptOutput({ json: true });
  const ended = start([`${place.path}/foo.ts`], kept);
  await eventually(() => kept.stdout().endsWith("\n"), "a line");
  const { address, services } = JSON.parse(kept.stdout());
  const contract = expect.stringMatching(/^[0-9a-f]{16}$/);
  expect(services).toEqual([{ name: "Foo", methods: ["Sum"], contract }]);
  {
    await using gee = connect({ address, log: silentLog });
    expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
  }
  process.emit("SIGTERM");
  expect(await ended).toBe(0);
  const events = kept
    .stderr()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(["ignored", "draining", "drained"]);
});

test("what the source keeps private is not served, and arguments are what it says", async () => {
  await using place = await folder({
    "foo.ts": `
      export class Foo {
        Sum(a: number, b: number): number { return a + b; }
        private Secret(): string { return "secret"; }
        protected Inner(): string { return this.Secret(); }
      }
    `,
  });
  const kept = keptOutput({ json: true });
  const ended = start([`${place.path}/foo.ts`], kept);
  await eventually(() => kept.stdout().endsWith("\n"), "a line");
  const { address, services } = JSON.parse(kept.stdout());
  const contract = expect.stringMatching(/^[0-9a-f]{16}$/);
  expect(services).toEqual([{ name: "Foo", methods: ["Sum"], contract }]);
  {
    await using gee = connect({ address, log: silentLog });
    expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
    for (const name of ["Foo.Secret", "Foo.Inner"]) {
      await expect(gee.call(name)).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
    }
    await expect(gee.call("Foo.Sum", [1, "2"])).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "args[1] (b): expected number, got string",
    });
  }
  process.emit("SIGTERM");
  process.emit("SIGTERM");
  await ended;
});

test("of a class that is nowhere in the source nothing is served", async () => {
  await using place = await folder({
    "foo.ts": `const { Bar } = require("./" + "bar.ts"); export const Foo = new Bar();`,
    "bar.ts": "export class Bar { private Secret() { return 1; } Ping() { return 2; } }",
  });
  const kept = keptOutput({ json: true });
  await expect(start([`${place.path}/foo.ts`], kept)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "NO_CONTRACT",
    message: "the class of Foo (Bar) was not found in the source",
  });
  expect(kept.stdout()).toBe("");
});

test("a module's schema is asked before its method runs, also with --no-check", async () => {
  await using place = await folder({
    "foo.ts": `
      const validate = (value) =>
        typeof value === "number" ? { value: value * 2 } : { issues: [{ message: "no number" }] };
      const schema = { "~standard": { version: 1, vendor: "own", validate } };
      export class Foo { Twice(a: number) { return a; } }
      export const gee = { Foo: { Twice: { schema } } };`,
  });
  const kept = keptOutput({ json: true });
  const ended = start(["--no-check", "--check-results", `${place.path}/foo.ts`], kept);
  await eventually(() => kept.stdout().endsWith("\n"), "a line");
  const { address } = JSON.parse(kept.stdout());
  {
    await using gee = connect({ address, log: silentLog });
    expect(await gee.call("Foo.Twice", [4])).toBe(8);
    await expect(gee.call("Foo.Twice", ["x"])).rejects.toMatchObject({
      reason: "BAD_ARGUMENT",
      executed: "no",
      // The name is there when the source was read.
      message: expect.stringMatching(/^args\[0\]( \(a\))?: no number$/),
    });
  }
  process.emit("SIGTERM");
  process.emit("SIGTERM");
  await ended;
});

test("with one registry it says that two are better, with two it is silent", async () => {
  await using stack = new AsyncDisposableStack();
  const started = [1, 2].map(() => serveRegistry({ listen: "127.0.0.1:0", log: silentLog }));
  const urls = (await Promise.all(started)).map((registry) => stack.use(registry).url);
  for (const [registries, hints] of [
    [urls.slice(0, 1), 1],
    [urls, 0],
  ] as const) {
    const kept = keptOutput();
    const ended = run(["--registry", registries.join(",")], kept);
    await until(() => kept.stderr().includes("registered "), "the registration");
    expect(kept.stderr().match(/^hint: .*--registry URL,URL/gm) ?? []).toHaveLength(hints);
    process.emit("SIGTERM");
    process.emit("SIGTERM");
    await ended;
  }
});

test("a token file that others may read is wrong usage, and nothing listens", async () => {
  await using place = await folder();
  const token = await place.write("token", "s3cret");
  await chmod(token, 0o644);
  const kept = keptOutput();
  await expect(run(["--token-file", token], kept)).rejects.toMatchObject({ reason: "USAGE" });
  expect([kept.stdout(), kept.stderr()]).toEqual(["", ""]);
});

test("it leaves the process's handlers as they were", async () => {
  const count = (): readonly number[] =>
    ["uncaughtException", "unhandledRejection", "SIGTERM", "SIGINT"].map((event) =>
      process.listenerCount(event),
    );
  const before = count();
  const kept = keptOutput();
  const ended = start([], kept);
  await until(() => kept.stderr().includes("demo service Foo"), "the note on the demo");
  process.emit("SIGINT");
  process.emit("SIGINT");
  expect(await ended).toBe(130);
  expect(count()).toEqual(before);
});
