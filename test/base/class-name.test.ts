import { expect, test } from "bun:test";
import { classNameOf } from "../../src/base/class-name.ts";

class Foo {}

test.each([
  [new Foo(), "Foo"],
  [new (class extends Foo {})(), ""],
  [{}, ""],
  [Object.create(null), ""],
  [Object.create({ constructor: "Foo" }), ""],
])("of %p it is %j", (instance, name) => {
  expect(classNameOf(instance)).toBe(name);
});
