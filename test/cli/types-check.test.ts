import { expect, test } from "bun:test";
import { driftOf, tellDrift, type Drift } from "../../src/cli/types-check.ts";
import { method, number, service, string } from "../support/contracts.ts";
import { keptOutput } from "../support/output.ts";

const sum = method("Sum", { a: number, b: number }, number);
const foo = service([sum]);

async function tell(
  drift: readonly Drift[],
  exact = false,
  json = false,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { output, stdout, stderr } = keptOutput({ json });
  const code = await tellDrift("foo.d.ts", drift, exact, output);
  return { code, stdout: stdout(), stderr: stderr() };
}

test("what is the same differs in nothing", async () => {
  const other = { ...foo, doc: "Words do not count." };
  expect(driftOf([foo], [other])).toEqual([]);
  expect(await tell([])).toEqual({ code: 0, stdout: "", stderr: "foo.d.ts fits\n" });
  expect(await tell([], true, true)).toEqual({
    code: 0,
    stdout: "[]\n",
    stderr: `{"event":"fits","file":"foo.d.ts","breaking":0,"others":0}\n`,
  });
});

test("a method or a service that is new breaks nobody, unless it is to be exact", async () => {
  const more = service([sum, method("Avg", { a: number }, number)]);
  const drift = driftOf([foo], [service([], {}, "Bar"), more]);
  expect(drift.map(({ text, breaks }) => [text, breaks])).toEqual([
    ["Foo.Avg is new", false],
    ["Bar is new", false],
  ]);
  expect(await tell(drift)).toEqual({
    code: 0,
    stdout: "",
    stderr: "foo.d.ts still fits; gee types would add:\n  Foo.Avg is new\n  Bar is new\n",
  });
  expect(await tell(drift, true)).toEqual({
    code: 1,
    stdout: "differs  Foo.Avg is new\ndiffers  Bar is new\n",
    stderr: "foo.d.ts still fits, but is not exact: 2 differences\n",
  });
});

test("what breaks is said first, and fails", async () => {
  const other = service([
    method("Avg", {}, number),
    method("Sum", { a: number, b: string }, number),
  ]);
  const drift = driftOf([service([], {}, "Bar"), foo], [other]);
  expect(drift.map(({ breaks }) => breaks)).toEqual([true, true, false]);
  const { code, stdout, stderr } = await tell(drift);
  expect(code).toBe(1);
  expect(stdout.split("\n")).toEqual([
    "breaks  Bar is gone",
    expect.stringMatching(/^breaks {2}Foo\.Sum: args\[1\] \(b\): expected string/),
    "differs  Foo.Avg is new",
    "",
  ]);
  expect(stderr).toBe("foo.d.ts no longer fits: 2 differences break its callers\n");
  const json = await tell(drift, false, true);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toEqual([
    { service: "Bar", breaks: true, text: "Bar is gone" },
    expect.objectContaining({ service: "Foo", method: "Sum", breaks: true }),
    { service: "Foo", method: "Avg", breaks: false, text: "Foo.Avg is new" },
  ]);
});
