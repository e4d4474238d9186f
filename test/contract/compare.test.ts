import { expect, test } from "bun:test";
import { compileArguments, compileResult } from "../../src/contract/check.ts";
import { compareServices } from "../../src/contract/compare.ts";
import type { MethodContract, ServiceContract, TypeNode } from "../../src/contract/contract.ts";
import { serviceHash } from "../../src/contract/hash.ts";
import { typeText } from "../../src/contract/signature.ts";
import { innerTypes } from "../../src/contract/types.ts";
import {
  boolean,
  date,
  list,
  literals,
  method,
  nil,
  nonprimitive,
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
import {
  changedType,
  dice,
  randomService,
  randomType,
  randomValue,
} from "../support/random-contracts.ts";

const sum = method("Sum", { a: number, b: number }, number);

function differences(before: ServiceContract, now: ServiceContract): readonly string[] {
  return compareServices(before, now).map(({ breaks, text }) => `${breaks ? "! " : "  "}${text}`);
}

test.each<[MethodContract, readonly string[]]>([
  [sum, []],
  [method("Sum", { x: number, y: number }, number), []],
  [
    method("Sum", { a: number, b: string }, number),
    ["! Foo.Sum: args[1] (b): expected string, was number"],
  ],
  [
    method("Sum", { a: number, b: union(number, string) }, number),
    ["  Foo.Sum: it takes or gives more, and still fits"],
  ],
  [method("Sum", { a: number }, number), ["! Foo.Sum: args[1] (b) is gone"]],
  [
    method("Sum", { "...a": number }, number),
    ["  Foo.Sum: args[0] (a) is optional now", "  Foo.Sum: args[1] (b) is optional now"],
  ],
  [method("Sum", { a: number, "b?": number }, number), ["  Foo.Sum: args[1] (b) is optional now"]],
  [
    method("Sum", { a: number, b: number, c: number }, number),
    ["! Foo.Sum: args[2] (c) is new, and required"],
  ],
  [
    method("Sum", { a: number, b: number, "c?": number }, number),
    ["  Foo.Sum: args[2] (c) is new, and optional"],
  ],
  [
    method("Sum", { a: number, "b...": number }, number),
    ["! Foo.Sum: args[1] (b): expected a stream, was number"],
  ],
  [method("Sum", { a: number, b: number }, string), ["! Foo.Sum: result: was number, is string"]],
  [
    method("Sum", { a: number, b: number }, union(number, nil)),
    ["! Foo.Sum: result: was number, is number | null"],
  ],
  [
    method("Sum", { a: number, b: number }, literals(1, 2)),
    ["  Foo.Sum: it takes or gives more, and still fits"],
  ],
  [
    method("Sum", { a: number, b: number }, number, "stream"),
    ["! Foo.Sum: result: was number, is a stream"],
  ],
  [
    method("Sum", { a: unknown, b: number }, number),
    ["  Foo.Sum: it takes or gives more, and still fits"],
  ],
  [{ name: "Sum", signatures: [] }, ["  Foo.Sum: nothing is known of its types any more"]],
  [method("Total", {}), ["! Foo.Sum is gone", "  Foo.Total is new"]],
  [
    {
      name: "Sum",
      signatures: [
        ...method("", { a: string }, string).signatures,
        ...method("", { a: number, b: number }, number).signatures,
      ],
    },
    ["  Foo.Sum: it takes or gives more, and still fits"],
  ],
])("Sum(a: number, b: number): number against %j", (now, expected) => {
  expect(differences(service([sum]), service([now]))).toEqual([...expected]);
});

const user = { id: string, "age?": number, tags: list(string) };

/** Types as callers know them and as the server has them, and where they do not fit as an argument. */
test.each<[TypeNode, TypeNode, string | undefined]>([
  [object(user), object({ ...user, "more?": date }), undefined],
  [object(user), object({ ...user, more: date }), ".more: expected Date, was nothing"],
  [object(user), object({ id: string, tags: list(string) }), undefined],
  [object(user), object({ ...user, id: number }), ".id: expected number, was string"],
  [object(user), object({ ...user, tags: list(boolean) }), ".tags[]: expected boolean, was string"],
  [
    object({ "id?": string }),
    object({ id: string }),
    ".id: expected string, was string or nothing",
  ],
  [object({ "id?": string }), object({ id: union(string, nothing) }), undefined],
  [object({ id: union(string, nothing) }), object({ "id?": string }), undefined],
  [object({ "a b": string }), object({ "a b": number }), '["a b"]: expected number, was string'],
  [object({}, string), object({ "id?": number }), ".id: expected number, was string"],
  [object({ id: number }), object({}, string), ".id: expected string, was number"],
  [object({}, number), object({}, string), "[]: expected string, was number"],
  [literals("a"), literals("a", "b"), undefined],
  [literals("a", "b", "c"), literals("a", "b"), ' (a): expected "a" | "b", was "a" | "b" | "c"'],
  [literals("a"), string, undefined],
  [boolean, literals(true, false), undefined],
  [literals(true), boolean, undefined],
  [string, union(string, nil), undefined],
  [union(string, nil), string, " (a): expected string, was string | null"],
  [list(number), tuple(["*", number]), undefined],
  [tuple(number, string), list(union(number, string)), undefined],
  [list(number), tuple(number), "[0]: expected number, was nothing"],
  [tuple(number), tuple(number, ["?", string]), undefined],
  [tuple(number, ["?", string]), tuple(number), "[1]: expected nothing, was string"],
  [tuple(number, ["*", string]), tuple(number, ["*", number]), "[]: expected number, was string"],
  [date, nonprimitive, undefined],
  [object(user), nonprimitive, undefined],
  [nonprimitive, object({ id: string }), " (a): expected { id: string }, was object"],
  [unknown, number, undefined],
  [number, unknown, undefined],
  [list(unknown), list(number), undefined],
])("%j taken as %j", (before, now, misfit) => {
  const [found] = compareServices(
    service([method("Do", { a: before })]),
    service([method("Do", { a: now })]),
  ).filter(({ breaks }) => breaks);
  expect(found?.text).toBe(misfit === undefined ? undefined : `Foo.Do: args[0]${misfit}`);
});

test("whoever expects nothing may get something", () => {
  const before = service([method("Do", {}, nothing)]);
  expect(differences(before, service([method("Do", {}, number)]))).toEqual([
    "  Foo.Do: it takes or gives more, and still fits",
  ]);
});

test.each<[MethodContract, MethodContract, boolean]>([
  [method("Do", { "...a": number }), method("Do", { "a?": number, "...b": number }), false],
  [method("Do", { "...a": number }), method("Do", { a: number, "...b": number }), true],
  [method("Do", { "...a": number }), method("Do", { "a?": number, "...b": string }), true],
  [method("Do", { "...a": number }), method("Do", { "a?": number }), true],
  [method("Do", { "a?": number }), method("Do", { a: union(number, nothing) }), false],
  [method("Do", { "a?": number }), method("Do", { a: number }), true],
])("callers of %j meet %j, breaks: %p", (before, now, breaks) => {
  const found = compareServices(service([before]), service([now]));
  expect(found.some((one) => one.breaks)).toBe(breaks);
});

test("types that contain themselves are compared to their end", () => {
  const tree = (value: TypeNode): TypeNode =>
    object({ value, "left?": ref("Tree"), children: list(ref("Tree")) });
  const of = (value: TypeNode): ServiceContract =>
    service([method("Grow", { tree: ref("Tree") }, ref("Tree"))], { Tree: tree(value) });
  expect(differences(of(number), of(number))).toEqual([]);
  expect(differences(of(number), of(string))).toEqual([
    "! Foo.Grow: args[0].value: expected string, was number",
    "! Foo.Grow: result.value: was number, is string",
  ]);
  const named = service([method("Grow", { tree: ref("Node") }, ref("Node"))], {
    Node: object({ value: number, "left?": ref("Node"), children: list(ref("Node")) }),
  });
  expect(differences(of(number), named)).toEqual([]);
});

test("what was found behind a pair that does not fit is not relied upon", () => {
  // A takes { next: A, x } first, which fails at x; N was taken to fit N only within that.
  const of = (inner: TypeNode): ServiceContract =>
    service([method("Do", { a: ref("A") })], {
      A: union(object({ kind: literals("x"), n: ref("N") }), object({ n: ref("N"), y: number })),
      N: object({ back: ref("A"), v: inner }),
    });
  expect(compareServices(of(number), of(string)).some(({ breaks }) => breaks)).toBe(true);
});

test("types that share parts in many ways do not take for ever", () => {
  const types = (leaf: TypeNode): Record<string, TypeNode> =>
    Object.fromEntries([
      ["T0", leaf],
      ...Array.from({ length: 40 }, (_, index) => [
        `T${index + 1}`,
        object({ a: ref(`T${index}`), b: ref(`T${index}`), c: list(ref(`T${index}`)) }),
      ]),
    ]);
  const of = (leaf: TypeNode): ServiceContract =>
    service([method("Do", { a: ref("T40") })], types(leaf));
  expect(compareServices(of(number), of(number))).toEqual([]);
  expect(compareServices(of(number), of(union(number, string)))[0]?.breaks).toBe(false);
  expect(compareServices(of(union(number, string)), of(number))[0]?.breaks).toBe(true);
});

test("types of which every choice fails do not take for ever", () => {
  const types = (leaf: TypeNode): Record<string, TypeNode> =>
    Object.fromEntries([
      ["T0", object({ leaf })],
      ...Array.from({ length: 40 }, (_, index) => [
        `T${index + 1}`,
        union(object({ a: ref(`T${index}`) }), object({ a: ref(`T${index}`), b: number })),
      ]),
    ]);
  const of = (leaf: TypeNode): ServiceContract =>
    service([method("Do", { a: ref("T40") })], types(leaf));
  expect(compareServices(of(number), of(string))[0]?.breaks).toBe(true);
});

test("without a difference the hashes are the same, and with one they are not", () => {
  const all = [
    sum,
    method("Sum", { a: number, "b?": number }, number),
    method("Sum", { a: number }, number),
    method("Sum", { a: object(user) }, list(date)),
    method("Sum", { a: object({ ...user, more: unknown }) }, list(date)),
    method("Sum", { a: number }, number, "stream"),
  ].map((one) => service([one]));
  for (const before of all) {
    for (const now of all) {
      const same = compareServices(before, now).length === 0;
      expect(same).toBe(serviceHash(before) === serviceHash(now));
    }
  }
});

test("a service does not differ from itself", () => {
  for (let seed = 0; seed < 1_000; seed++) {
    const one = randomService(seed);
    expect(compareServices(one, structuredClone(one))).toEqual([]);
  }
});

/** Whether some part of it lets through more than it says. */
function isLoose(type: TypeNode): boolean {
  const isOpen = type.kind === "object" && type.fields.length === 0 && type.rest === undefined;
  return isOpen || type.kind === "unknown" || innerTypes(type).some(isLoose);
}

test("where nothing breaks, what was let through before is let through now", () => {
  let held = 0;
  for (let seed = 0; seed < 10_000; seed++) {
    const roll = dice(seed);
    const inner = randomType(roll, ["A"]);
    const before = randomType(roll, ["A"]);
    const now = changedType(roll, before, ["A"]);
    // A name that stands for nothing but itself says nothing.
    const isName = inner.kind === "ref" || inner.kind === "union";
    if (isName || [inner, before, now].some(isLoose)) continue;
    const of = (type: TypeNode): ServiceContract =>
      service([method("Take", { a: type }), method("Give", {}, list(type))], { A: inner });
    const was = of(before);
    const is = of(now);
    const broken = compareServices(was, is).flatMap((one) => (one.breaks ? [one.method] : []));
    const shown = `seed ${seed}: A = ${typeText(inner)}\n${typeText(before)}\n${typeText(now)}`;
    for (let at = 0; at < 5; at++) {
      const sent = [randomValue(roll, was.types, before)];
      const given = [randomValue(roll, is.types, now)];
      if (
        !broken.includes("Take") &&
        compileArguments(was, was.methods[0]!)?.(sent) === undefined
      ) {
        expect(compileArguments(is, is.methods[0]!)?.(sent), shown).toBeUndefined();
        held += 1;
      }
      if (!broken.includes("Give") && compileResult(is, is.methods[1]!)?.(given) === undefined) {
        expect(compileResult(was, was.methods[1]!)?.(given), shown).toBeUndefined();
        held += 1;
      }
    }
  }
  expect(held).toBeGreaterThan(5_000);
});
