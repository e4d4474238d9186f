import { expect, test } from "bun:test";
import { unknownMethod } from "../../src/rpc/unknown-method.ts";

const facts = { number: 1, flags: 0 };
const services = new Map([
  ["Foo", { methods: new Map([["Sum", facts]]) }],
  ["gee.Health", { methods: new Map([["Check", facts]]) }],
]);
const names = (): readonly string[] => ["Foo.Sum", "gee.Health.Check"];

test.each([
  [7, "there is no method 7", undefined],
  ["Sum", '"Sum" is no name of a method', undefined],
  ["Foo Sum", '"Foo Sum" is no name of a method', "Foo.Sum"],
  ["Fooo.Sum", "there is no service Fooo", "Foo.Sum"],
  ["Elephant.Trunk", "there is no service Elephant", undefined],
  ["Foo.sun", "Foo has no method sun", "Foo.Sum"],
  ["Foo.Elephant", "Foo has no method Elephant", undefined],
  ["gee.Health.Chek", "gee.Health has no method Chek", "gee.Health.Check"],
  ["gee.Heath.Check", "there is no service gee.Heath", "gee.Health.Check"],
  ["__proto__.constructor", '"__proto__.constructor" is no name of a method', undefined],
])("%p: %s", (method, message, near) => {
  expect(unknownMethod(method, services, names)).toMatchObject({
    code: "UNIMPLEMENTED",
    reason: "NO_SUCH_METHOD",
    executed: "no",
    message,
    details: near === undefined ? undefined : { didYouMean: near },
  });
});

test("a long name is not sent back whole", () => {
  const { message } = unknownMethod("x".repeat(100_000), services, names);
  expect(message.length).toBeLessThan(200);
});
