import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { runServer } from "../../src/cli/server.ts";
import { connect } from "../../src/index.ts";
import { until } from "../support/clock.ts";
import { folder } from "../support/folder.ts";
import { keptOutput, type KeptOutput } from "../support/output.ts";

function start(words: readonly string[], kept: KeptOutput): Promise<number> {
  const invocation = parseArguments(["server", "--no-register", ...words], {});
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
  await until(() => kept.stdout().endsWith("\n"), "a line");
  const { address, services } = JSON.parse(kept.stdout());
  expect(services).toEqual([{ name: "Foo", methods: ["Sum"] }]);
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
