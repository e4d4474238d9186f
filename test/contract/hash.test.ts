import { expect, test } from "bun:test";
import type { ServiceContract, TypeNode } from "../../src/contract/contract.ts";
import { methodHash, serviceHash, signatureKey } from "../../src/contract/hash.ts";
import {
  boolean,
  list,
  literal,
  literals,
  method,
  nil,
  nothing,
  number,
  object,
  ref,
  service,
  string,
  tuple,
  union,
  unknown,
} from "../support/contracts.ts";

const sum = service([method("Sum", { a: number, b: number }, number)]);

test("a hash is the same today and tomorrow", () => {
  expect(serviceHash(sum)).toBe("e077fb0ec2362ca9");
  expect(methodHash(sum, sum.methods[0]!)).toBe("1d96f8ab7c02cfec");
});

type Types = Readonly<Record<string, TypeNode>>;

/** The hash of a method with one parameter. */
function hashOf(type: TypeNode, types: Types = {}): string {
  return serviceHash(service([method("Get", { a: type }, string)], types));
}

const tree = object({ left: union(ref("Tree"), nil), right: union(ref("Tree"), nil) });

const alike: readonly (readonly [
  what: string,
  one: readonly [TypeNode, Types?],
  other: readonly [TypeNode, Types?],
])[] = [
  ["a name and what it names", [ref("A"), { A: object({ a: number }) }], [object({ a: number })]],
  ["two names", [ref("A"), { A: string }], [ref("B"), { B: string }]],
  ["a name in the middle", [list(ref("A")), { A: string }], [list(string)]],
  ["the order of fields", [object({ a: string, b: number })], [object({ b: number, a: string })]],
  ["the order of a union", [union(string, nil, number)], [union(number, string, nil)]],
  [
    "a union in a union",
    [union(string, ref("A")), { A: union(nil, number) }],
    [union(string, nil, number)],
  ],
  [
    "a member twice",
    [union(object({ a: string }), ref("A")), { A: object({ a: string }) }],
    [object({ a: string })],
  ],
  ["both booleans", [literals(true, false)], [boolean]],
  [
    "undefined that may be left out",
    [object({ "a?": union(string, nothing) })],
    [object({ "a?": string })],
  ],
  ["the reason for unknown", [{ kind: "unknown", why: "a function" }], [unknown]],
  [
    "a circular type under another name",
    [ref("Tree"), { Tree: tree }],
    [
      ref("Baum"),
      {
        Baum: object({ left: union(ref("Baum"), nil), right: union(nil, ref("Baum")) }),
      },
    ],
  ],
  ["a circular type unrolled", [ref("Tree"), { Tree: tree }], [tree, { Tree: tree }]],
  [
    "a circle of one and one of two",
    [ref("A"), { A: object({ n: ref("A") }) }],
    [
      ref("A"),
      {
        A: object({ n: ref("B") }),
        B: object({ n: ref("A") }),
      },
    ],
  ],
  ["a name that is not used", [string, { A: number }], [string]],
];

for (const [what, one, other] of alike) {
  test(`alike: ${what}`, () => {
    expect(hashOf(...one)).toBe(hashOf(...other));
  });
}

const unlike: readonly (readonly [what: string, one: TypeNode, other: TypeNode])[] = [
  ["two kinds", string, number],
  ["two literals", literal("a"), literal("b")],
  ["a number and its text", literal(1), literal("1")],
  ["a text and a union that looks like it", literal("a|b"), literals("a", "b")],
  ["optional and not", object({ "a?": string }), object({ a: string })],
  ["optional and undefined", object({ "a?": string }), object({ a: union(string, nothing) })],
  ["names of fields", object({ a: string }), object({ b: string })],
  ["one field for another", object({ a: string, b: number }), object({ a: number, b: string })],
  ["further fields", object({ a: string }), object({ a: string }, number)],
  ["array and tuple", list(string), tuple(string)],
  ["the order of a tuple", tuple(string, number), tuple(number, string)],
  ["a tuple's rest", tuple(string, ["*", number]), tuple(string, ["?", number])],
  ["bytes", { kind: "bytes", name: "Uint8Array" }, { kind: "bytes", name: "Int8Array" }],
  [
    "templates",
    { kind: "template", text: "`a${string}`" },
    { kind: "template", text: "`b${string}`" },
  ],
  ["a name that breaks out", object({ 'a","': string }), object({ a: string, ",": string })],
  ["unknown", unknown, object({})],
];

for (const [what, one, other] of unlike) {
  test(`unlike: ${what}`, () => {
    expect(hashOf(one)).not.toBe(hashOf(other));
  });
}

test("circular types that differ inside are told apart", () => {
  const other = object({ left: union(ref("Tree"), nil), right: ref("Tree") });
  expect(hashOf(ref("Tree"), { Tree: tree })).not.toBe(hashOf(ref("Tree"), { Tree: other }));
  const far = (end: TypeNode): Types => ({
    A: object({ next: ref("B") }),
    B: object({ next: ref("C") }),
    C: object({ next: union(ref("A"), end) }),
  });
  expect(hashOf(ref("A"), far(nil))).not.toBe(hashOf(ref("A"), far(string)));
});

const signatures: readonly (readonly [what: string, other: ServiceContract])[] = [
  ["a parameter's type", service([method("Sum", { a: number, b: string }, number)])],
  ["a parameter more", service([method("Sum", { a: number, b: number, c: number }, number)])],
  ["a parameter less", service([method("Sum", { a: number }, number)])],
  ["optional", service([method("Sum", { a: number, "b?": number }, number)])],
  ["rest", service([method("Sum", { a: number, "...b": number }, number)])],
  ["a stream in", service([method("Sum", { a: number, "b...": number }, number)])],
  ["a stream out", service([method("Sum", { a: number, b: number }, number, "stream")])],
  ["the result", service([method("Sum", { a: number, b: number }, string)])],
  ["the name", service([method("Add", { a: number, b: number }, number)])],
  ["another method", service([...sum.methods, method("Get", {})])],
  ["nothing known", service([{ name: "Sum", signatures: [] }])],
];

for (const [what, other] of signatures) {
  test(`a service's hash counts ${what}`, () => {
    expect(serviceHash(other)).not.toBe(serviceHash(sum));
  });
}

test("names of parameters, docs, defaults, faults, overloads' and methods' order do not count", () => {
  const [one] = method("Sum", { a: number, b: number }, number).signatures;
  const [two] = method("Sum", { a: string }, string).signatures;
  const get = method("Get", {}, string);
  const before = service([{ name: "Sum", signatures: [one!, two!] }, get]);
  const now: ServiceContract = {
    ...service([
      { ...get, doc: "Gets.", deprecated: "no" },
      {
        name: "Sum",
        signatures: [
          two!,
          {
            parameters: [
              { name: "x", type: number, doc: "first" },
              { name: "y", type: number },
            ],
            result: number,
          },
        ],
      },
    ]),
    name: "Bar",
    doc: "Sums.",
    faults: [{ code: "NOT_FOUND", reason: "GONE" }],
  };
  expect(serviceHash(now)).toBe(serviceHash(before));
  expect(methodHash(now, now.methods[1]!)).toBe(methodHash(before, before.methods[0]!));
  expect(signatureKey(before.types, one!)).not.toBe(signatureKey(before.types, two!));
});
