import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { frameOf, usageError } from "../../src/cli/usage.ts";

test("a usage error was certainly not executed and says so", () => {
  const error = usageError("no", { hint: "yes" });
  expect({ ...error }).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "USAGE",
    executed: "no",
    hint: "yes",
  });
  expect(frameOf(error)).toBeUndefined();
});

test("its frame comes back, and nothing else is taken for a frame", () => {
  expect(frameOf(usageError("no", { frame: "  x\n  ^" }))).toBe("  x\n  ^");
  for (const details of [undefined, null, "frame", { frame: 1 }, []]) {
    expect(frameOf(new GeeError("INTERNAL", "x", { details }))).toBeUndefined();
  }
});
