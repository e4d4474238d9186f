import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { ControlBudget, tooManyControls } from "../../src/rpc/control-budget.ts";

test("so many controls are fine in a window, and the next one is not", () => {
  const budget = new ControlBudget();
  for (let each = 0; each < limits.maxControlFrames; each++) expect(budget.spend(each)).toBe(true);
  expect(budget.spend(limits.controlWindowMs - 1)).toBe(false);
});

test("the next window begins anew", () => {
  const budget = new ControlBudget();
  for (let each = 0; each <= limits.maxControlFrames; each++) budget.spend(0);
  expect(budget.spend(limits.controlWindowMs)).toBe(true);
});

test("the refusal names the limit", () => {
  expect(tooManyControls()).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "TOO_MANY_CONTROLS",
    message: "more than 200 pings and idle cancels in 10000 ms",
  });
});
