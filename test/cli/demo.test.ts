import { expect, test } from "bun:test";
import { runDemo } from "../../src/cli/demo.ts";
import { keptOutput } from "../support/output.ts";

test("the demo tells its story to the end, step by step", async () => {
  const { output, stdout, stderr } = keptOutput({ json: true });
  expect(await runDemo(output)).toBe(0);
  expect(stderr()).toBe("");
  const steps = stdout()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(steps.map(({ step }) => step)).toEqual([
    "registry",
    "server 1",
    "server 2",
    ...Array(5).fill("call"),
    "broadcast",
    "broadcast",
    "cancelled",
    "stopped",
  ]);
  expect(steps.filter(({ step }) => step === "call").map(({ value }) => value)).toEqual([
    2, 6, 12, 20, 30,
  ]);
  expect(steps[9]).toMatchObject({ method: "Foo.Sleep", code: "DEADLINE_EXCEEDED" });
  expect(steps[10].cancelled).toEqual(["server 1", "server 2"]);
});
