import { expect, test } from "bun:test";
import {
  isOwnService,
  isServedName,
  isServiceName,
  nearest,
  parseMethodName,
} from "../../src/base/names.ts";

test("a service's name is a letter and up to 63 letters, digits or underscores", () => {
  for (const name of ["F", "Foo", "foo_2", "A".repeat(64)]) expect(isServiceName(name)).toBe(true);
  const wrong = ["", "2Foo", "_Foo", "Foo.Bar", "Foo-Bar", "Fö", "A".repeat(65), "Foo\n", " Foo"];
  for (const name of wrong) expect(isServiceName(name)).toBe(false);
});

test("services that every server has are called gee. and a name", () => {
  for (const name of ["gee.Health", "gee.X", `gee.${"A".repeat(64)}`]) {
    expect([isOwnService(name), isServedName(name), isServiceName(name)]).toEqual([
      true,
      true,
      false,
    ]);
  }
  for (const name of ["Foo", "gee", "geeX"]) {
    expect([isOwnService(name), isServedName(name)]).toEqual([false, true]);
  }
  for (const name of ["gee.", "gee.2X", "gee.X.Y", "gee.gee.X", "Gee.X", `gee.${"A".repeat(65)}`]) {
    expect(isServedName(name)).toBe(false);
  }
});

test("a method's name is taken apart at its last dot", () => {
  expect(parseMethodName("Foo.Sum")).toEqual({ service: "Foo", method: "Sum" });
  expect(parseMethodName("gee.Sum")).toEqual({ service: "gee", method: "Sum" });
  for (const text of ["", "Foo", "Foo.", ".Sum", "Foo.Sum.X", "Foo..Sum", "Foo Sum", "Foo.Sum\n"]) {
    expect(parseMethodName(text)).toBeUndefined();
  }
  const own = { service: "gee.Health", method: "Check" };
  expect(parseMethodName("gee.Health.Check")).toEqual(own);
  expect(parseMethodName("gee.Health.Check")).toEqual(own);
  for (const text of ["gee..Check", "gee.Health.", "gee.Health.Check.X", "gee.Health.Check\n"]) {
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
