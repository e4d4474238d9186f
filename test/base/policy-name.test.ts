import { expect, test } from "bun:test";
import { isPolicyName, policyNames } from "../../src/base/policy-name.ts";

test("the default comes first", () => {
  expect(policyNames[0]).toBe("p2c");
});

test.each([
  ...policyNames.map((name) => [name, true] as const),
  ["P2C", false],
  ["", false],
  ["toString", false],
  ["constructor", false],
  [0, false],
  [undefined, false],
  [null, false],
  [["p2c"], false],
  [{ toString: () => "p2c" }, false],
])("%p is a name: %p", (value, expected) => {
  expect(isPolicyName(value)).toBe(expected);
});
