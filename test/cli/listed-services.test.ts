import { expect, test } from "bun:test";
import { parseListedServices } from "../../src/cli/listed-services.ts";

test("services are read with their methods, and what has no name as they have is left out", () => {
  const said = [
    { name: "Foo", hash: "0123456789abcdef", methods: ["Sum", "$(x)", "a b"], more: 1 },
    { name: "../x", methods: [] },
    { name: "Bar", methods: [] },
  ];
  expect(parseListedServices(said)).toEqual([
    { name: "Foo", hash: "0123456789abcdef", methods: ["Sum"] },
    { name: "Bar", methods: [] },
  ]);
});

test.each([
  [null, "services: it must be an array"],
  [[1], "services[0]: it must be an object"],
  [[{ name: "Foo" }], "services[0].methods: it is missing"],
  [[{ name: "Foo", methods: [1] }], "services[0].methods[0]: it must be a string"],
])("%j is no answer", (value, message) => {
  expect(() => parseListedServices(value)).toThrow(message);
});
