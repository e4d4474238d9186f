import { expect, test } from "bun:test";
import { isServiceName, nearest, parseMethodName } from "../../src/base/names.ts";

test("a service's name is a letter and up to 63 letters, digits or underscores", () => {
  for (const name of ["F", "Foo", "foo_2", "A".repeat(64)]) expect(isServiceName(name)).toBe(true);
  const wrong = ["", "2Foo", "_Foo", "Foo.Bar", "Foo-Bar", "Fö", "A".repeat(65), "Foo\n", " Foo"];
  for (const name of wrong) expect(isServiceName(name)).toBe(false);
});

test("a method's name is taken apart at its one dot", () => {
  expect(parseMethodName("Foo.Sum")).toEqual({ service: "Foo", method: "Sum" });
  for (const text of ["", "Foo", "Foo.", ".Sum", "Foo.Sum.X", "Foo..Sum", "Foo Sum", "Foo.Sum\n"]) {
    expect(parseMethodName(text)).toBeUndefined();
  }
});

test("the nearest name is found in spite of case, a slip or a swap, and not when it is far", () => {
  const known = ["Sum", "Sleep", "Count"];
  expect(["sum", "Smu", "Slep", "Cuont", "Counts"].map((text) => nearest(text, known))).toEqual([
    "Sum",
    "Sum",
    "Sleep",
    "Count",
    "Count",
  ]);
  expect(nearest("Elephant", known)).toBeUndefined();
  expect(nearest("Sum", [])).toBeUndefined();
});

test("the nearest name of a hostile text is found in bounded work", () => {
  let asked = 0;
  const endless = (function* (): Generator<string> {
    for (;;) {
      asked += 1;
      yield "Method";
    }
  })();
  expect(nearest("x".repeat(1_000_000), endless)).toBeUndefined();
  expect(asked).toBeLessThan(1_100);
});
