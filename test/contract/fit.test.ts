import { expect, test } from "bun:test";
import { Fit } from "../../src/contract/fit.ts";
import { literals, number, object, string, union } from "../support/contracts.ts";

// What fits what is in the table of compare.test.ts, where it reads as a person sees it.

test("a misfit says where it is and what stands there on either side", () => {
  const from = object({ at: object({ zip: number }) });
  const to = object({ at: object({ zip: string }) });
  expect(new Fit({}, {}).misfit(from, to)).toEqual({
    path: ".at.zip",
    from: "number",
    to: "string",
  });
});

test("with several candidates it is the whole that does not fit", () => {
  const to = union(object({ a: string }), object({ b: string }));
  expect(new Fit({}, {}).misfit(object({ c: string }), to)).toEqual({
    path: "",
    from: "{ c: string }",
    to: "{ a: string } | { b: string }",
  });
});

test("what is long is cut", () => {
  const many = literals(...Array.from({ length: 100 }, (_, index) => index));
  expect(new Fit({}, {}).misfit(many, string)?.from).toHaveLength(120);
});

test("what may be left out may be undefined", () => {
  const fit = new Fit({}, {});
  const from = union(string, { kind: "undefined" });
  expect(fit.misfit(from, string, true)).toBeUndefined();
  expect(fit.misfit(from, string)?.to).toBe("string");
});
