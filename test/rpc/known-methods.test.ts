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

test("a method of a service that every server has is found by its whole name", () => {
  const known = new KnownMethods();
  const Check = { number: 3, flags: 1 };
  known.learn(new Map([["gee.Health", { methods: new Map([["Check", Check]]) }]]));
  expect(known.find("gee.Health.Check")).toBe(Check);
  for (const name of ["gee.Health", "Health.Check", "gee.Check", "gee.Health.Check.Check"]) {
    expect(known.find(name)).toBeUndefined();
  }
});
