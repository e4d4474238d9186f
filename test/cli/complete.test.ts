import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { silentLog } from "../../src/base/log.ts";
import { runComplete } from "../../src/cli/complete.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { serve, serveRegistry } from "../../src/index.ts";
import type { Clock } from "../../src/base/time.ts";
import { FakeClock } from "../support/clock.ts";
import { folder } from "../support/folder.ts";
import { keptOutput } from "../support/output.ts";

async function complete(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  clock: Clock = new FakeClock(),
): Promise<readonly string[]> {
  const { output, stdout, stderr } = keptOutput();
  expect(await runComplete(words, env, output, clock)).toBe(0);
  expect(stderr()).toBe("");
  return stdout().split("\n").slice(0, -1);
}

async function started(): Promise<AsyncDisposable & { url: string; address: string }> {
  const stack = new AsyncDisposableStack();
  const registry = stack.use(await serveRegistry({ listen: "127.0.0.1:0", log: silentLog }));
  const server = stack.use(
    await serve({
      services: { Foo: new Foo() },
      registry: registry.url,
      lameDuckMs: 0,
      log: silentLog,
    }),
  );
  await server.registered;
  return {
    url: registry.url,
    address: server.address,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("a line is a candidate, and behind a tab what it is", async () => {
  expect(await complete(["cal"])).toEqual([expect.stringMatching(/^call\tcalls a method/)]);
  expect(await complete(["registry", "--store", "s"])).toEqual(["sqlite:"]);
  expect(await complete(["server", "foo"])).toEqual([]);
  expect(await complete([])).toContainEqual(expect.stringMatching(/^list\t/));
});

test("quotes are taken off before it is looked at", async () => {
  expect(await complete(["'call'", "--policy", `"ran`])).toEqual(["random"]);
});

test("servers are those of the line that is typed, or of the environment", async () => {
  await using running = await started();
  const { url, address } = running;
  const nowhere = { GEE_REGISTRY: "http://127.0.0.1:1" };
  expect(await complete(["call", "Foo.Su"], { GEE_REGISTRY: url })).toEqual(["Foo.Sum"]);
  expect(await complete(["call", "--registry", url, "Foo.Su"], nowhere)).toEqual(["Foo.Sum"]);
  expect(await complete([`--registry='${url}'`, "call", "Foo.Su"], nowhere)).toEqual(["Foo.Sum"]);
  expect(await complete(["call", "--address", address, "Foo.Su"], nowhere)).toEqual(["Foo.Sum"]);
  expect(await complete(["call", "Foo.Su"], { GEE_ADDRESS: address })).toEqual(["Foo.Sum"]);
  expect(await complete(["call", "Foo.Su"], nowhere)).toEqual([]);
});

test("names are kept in the user's cache folder, and only where it can be written", async () => {
  await using place = await folder({ file: "" });
  await using running = await started();
  const env = { GEE_REGISTRY: running.url };
  await complete(["call", "Foo.Su"], { ...env, XDG_CACHE_HOME: place.path });
  expect(await readdir(`${place.path}/gee`)).toEqual(["completions.json"]);
  for (const own of [{ XDG_CACHE_HOME: `${place.path}/file` }, { HOME: "/proc" }]) {
    expect(await complete(["call", "Foo.Su"], { ...env, ...own })).toEqual(["Foo.Sum"]);
  }
});

test("what cannot be right has no candidates, and no error", async () => {
  await using place = await folder({ token: "abc" });
  for (const words of [
    ["call", "--registry", "nowhere", "F"],
    ["call", "--registry", "$(touch x)", "F"],
    ["call", "--address", "nowhere", "F"],
    ["call", "--registry", "http://127.0.0.1:1", "--address", "tcp@a:1", "F"],
    ["call", "--token-file", `${place.path}/nope`, "F"],
    // Others may read it: the command itself would refuse.
    ["call", "--token-file", `${place.path}/token`, "F"],
    ["call", "--token-file", place.path, "F"],
    ["call", "--registry", "", "F"],
    ["\u0000", ""],
    ["call", "F".repeat(100_000)],
  ]) {
    expect([words, await complete(words)]).toEqual([words, []]);
  }
});

test("a registry that does not answer is not waited for", async () => {
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const clock = new FakeClock();
  const words = ["list", "--registry", `http://127.0.0.1:${silent.port}`, ""];
  const done = complete(words, {}, clock);
  await clock.advance(150);
  expect(await done).toEqual([]);
});
