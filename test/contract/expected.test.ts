import { expect, test } from "bun:test";
import type { ServiceContract } from "../../src/contract/contract.ts";
import { ExpectedService } from "../../src/contract/expected.ts";
import type { HashedService } from "../../src/contract/expected.ts";
import { methodHash, serviceHash } from "../../src/contract/hash.ts";
import { method, number, ref, service, string } from "../support/contracts.ts";

const built = service([method("Sum", { a: number, b: number }, number), method("Gone", {})]);

/** What a server's hello says of a service. */
function hashed(contract: ServiceContract): HashedService {
  return {
    contract: serviceHash(contract),
    methods: new Map(
      contract.methods.map((own) => [own.name, { hash: methodHash(contract, own) }]),
    ),
  };
}

test("hashes say whether all that is expected is there", () => {
  const expected = new ExpectedService(built);
  const more = service([...built.methods, method("New", {})]);
  const less = service(built.methods.slice(0, 1));
  const other = service([method("Sum", { a: number, b: string }, number), method("Gone", {})]);
  expect(expected.isIn(hashed(built))).toBe(true);
  expect(expected.isIn(hashed(more))).toBe(true);
  expect(expected.isIn(hashed(less))).toBe(false);
  expect(expected.isIn(hashed(other))).toBe(false);
  // Of what has no hash nothing is known.
  expect(expected.isIn({ methods: new Map() })).toBe(true);
  expect(expected.isIn({ contract: "0", methods: new Map([["Sum", {}]]) })).toBe(false);
});

test("what breaks callers is told method by method, and what does not is left out", () => {
  const now = service([
    method("Sum", { a: string, b: string, c: string, d: string }, number),
    method("New", {}),
  ]);
  expect(new ExpectedService(built).brokenBy(now)).toEqual(
    new Map([
      [
        "Foo.Sum",
        "args[0] (a): expected string, was number; args[1] (b): expected string, was number; " +
          "args[2] (c) is new, and required; and 1 more",
      ],
      ["Foo.Gone", "it is gone"],
    ]),
  );
  const wider = service([method("Sum", { a: number, "b?": number }, number), method("Gone", {})]);
  expect(new ExpectedService(built).brokenBy(wider)).toEqual(new Map());
});

test("a contract from outside may name types that it does not have", () => {
  const dangling = service([method("Sum", { a: ref("Nobody") })]);
  expect(new ExpectedService(dangling).isIn(hashed(dangling))).toBe(true);
  expect(new ExpectedService(dangling).brokenBy(built).get("Foo.Sum")).toBe(
    "args[1] (b) is new, and required",
  );
});
