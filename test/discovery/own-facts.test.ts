import { expect, test } from "bun:test";
import { contractFacts, ownFacts } from "../../src/discovery/own-facts.ts";

test("who says nothing has weight 1, and neither zone nor tags", () => {
  expect(ownFacts({})).toEqual({ weight: 1 });
  expect(ownFacts({ weight: undefined, zone: undefined, tags: undefined })).toEqual({ weight: 1 });
});

test("what is said is announced", () => {
  const facts = { weight: 2.5, zone: "eu-1", group: "web", tags: { stage: "canary" } };
  expect(ownFacts(facts)).toEqual(facts);
});

test.each([
  [{ weight: -1 }, "weight: it must be a number from 0 to 10000"],
  [{ weight: Number.NaN }, "weight: it must be a number from 0 to 10000"],
  [{ weight: 10_001 }, "weight: it must be a number from 0 to 10000"],
  [{ zone: "" }, "zone: it must match"],
  [{ zone: "a".repeat(65) }, "zone: at most 64 characters, not 65"],
  [{ group: "a".repeat(65) }, "group: at most 64 characters, not 65"],
  [{ tags: { "": "x" } }, "tags"],
  [{ tags: { stage: "a".repeat(257) } }, "at most 256 characters"],
])("%j is refused", (facts, words) => {
  expect(() => ownFacts(facts)).toThrow(words);
});

test("hashes of contracts are announced as far as they are known, and one over them all", () => {
  expect(contractFacts([{ name: "Foo" }])).toEqual({});
  const foo = { name: "Foo", contract: "0123456789abcdef" };
  const bar = { name: "Bar", contract: "fedcba9876543210" };
  const facts = contractFacts([foo, { name: "Old" }, bar]);
  expect(facts.contracts).toEqual({ Bar: bar.contract, Foo: foo.contract });
  expect(facts.contract).toMatch(/^[0-9a-f]{16}$/);
  expect(contractFacts([bar, foo])).toEqual(facts);
  const others = [
    contractFacts([foo]),
    contractFacts([foo, { ...bar, contract: "fedcba9876543211" }]),
    contractFacts([foo, { ...bar, name: "Baz" }]),
  ];
  expect(new Set([facts, ...others].map(({ contract }) => contract)).size).toBe(4);
});
