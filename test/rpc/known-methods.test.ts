import { expect, test } from "bun:test";
import { KnownMethods } from "../../src/rpc/known-methods.ts";

test("a method is found by its whole name, and only when the server has listed it", () => {
  const known = new KnownMethods();
  expect(known.find("Foo.Sum")).toBeUndefined();
  const Sum = { number: 1, flags: 2 };
  known.learn(new Map([["Foo", { methods: new Map([["Sum", Sum]]) }]]));
  expect(known.find("Foo.Sum")).toBe(Sum);
  expect(known.find("Foo.Sum")).toBe(Sum);
  for (const name of ["Foo", "Foo.", ".Sum", "Sum", "Foo.Sum.Sum", "Bar.Sum", ""]) {
    expect(known.find(name)).toBeUndefined();
  }
});
