import { expect, test } from "bun:test";
import { codeNumbers, GeeError } from "../../src/base/errors.ts";
import type { Code } from "../../src/base/errors.ts";
import { mayGoElsewhere } from "../../src/fleet/retry.ts";

const codes = Object.keys(codeNumbers) as Code[];

test("what may have run goes nowhere else, whatever the code", () => {
  for (const code of codes) {
    for (const executed of ["maybe", "yes"] as const) {
      expect(mayGoElsewhere(new GeeError(code, "x", { executed }))).toBe(false);
    }
  }
});

test("what was not started goes elsewhere where another member may know better", () => {
  const elsewhere = codes.filter((code) =>
    mayGoElsewhere(new GeeError(code, "x", { executed: "no" })),
  );
  expect(elsewhere).toEqual(["RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "UNAVAILABLE"]);
});

test("what no member could take is not carried from one to the next", () => {
  for (const reason of ["CANNOT_TRAVEL", "MESSAGE_TOO_LARGE"]) {
    const error = new GeeError("RESOURCE_EXHAUSTED", "x", { executed: "no", reason });
    expect(mayGoElsewhere(error)).toBe(false);
  }
});
