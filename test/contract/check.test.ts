import { expect, test } from "bun:test";
import { compileArguments, compileItems, compileResult } from "../../src/contract/check.ts";
import type { MethodContract, TypeNode } from "../../src/contract/contract.ts";
import {
  bigint,
  boolean,
  bytes,
  date,
  list,
  literal,
  literals,
  method,
  never,
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

const circle = object({ kind: literal("circle"), radius: number });
const square = object({ kind: literal("square"), side: number, "label?": string });
const types = {
  Address: object({ zip: string, "lines?": list(string) }),
  User: object({ name: string, address: ref("Address") }),
  Color: literals("red", "green"),
  Shape: union(ref("Circle"), ref("Square")),
  Circle: circle,
  Square: square,
  Tree: object({ value: number, "left?": ref("Tree"), "right?": union(ref("Tree"), nil) }),
  Json: union(string, number, boolean, nil, list(ref("Json")), object({}, ref("Json"))),
  Self: ref("Self"),
};

/** What is said of a first argument `a`; `-` when nothing is checked. */
function said(type: TypeNode, value: unknown): string | undefined {
  const of = service([method("Get", { a: type })], types);
  const check = compileArguments(of, of.methods[0]!);
  return check === undefined ? "-" : check([value]);
}

const deep = (zip: unknown): unknown => ({ name: "Ada", address: { zip, more: 1 } });
const view = (name: string): unknown => Reflect.construct(Reflect.get(globalThis, name), [2]);
const byteNames = [
  "Uint8Array",
  "Uint8ClampedArray",
  "Int8Array",
  "Uint16Array",
  "Int16Array",
  "Uint32Array",
  "Int32Array",
  "BigUint64Array",
  "BigInt64Array",
  "Float32Array",
  "Float64Array",
] as const;

const fitting: readonly (readonly [what: string, type: TypeNode, values: readonly unknown[]])[] = [
  ["string", string, ["", "x", "x".repeat(100_000)]],
  ["number", number, [0, -1.5, Number.NaN, Number.POSITIVE_INFINITY]],
  ["boolean", boolean, [true, false]],
  ["bigint", bigint, [1n]],
  ["undefined", nothing, [undefined]],
  ["null", nil, [null]],
  ["date", date, [new Date(0), new Date(Number.NaN)]],
  ["object", nonprimitive, [{}, [], new Date(0), new Uint8Array(1)]],
  ["bytes", bytes, [new Uint8Array(1), Buffer.from("x")]],
  ["template", { kind: "template", text: "`id-${string}`" }, ["id-1", "anything"]],
  ["literal", literal("a"), ["a"]],
  ["bigint literal", { kind: "bigint-literal", text: "-12" }, [-12n]],
  ["odd bigint literal", { kind: "bigint-literal", text: "x" }, [1n]],
  ["literals", literals("a", "b", "c", 1, true), ["a", "c", 1, true]],
  ["array", list(number), [[], [1, 2]]],
  ["array of anything", list(unknown), [[], [1, "2"]]],
  ["tuple", tuple(string, ["?", number]), [["a"], ["a", 1], ["a", undefined]]],
  [
    "tuple with a rest",
    tuple(string, ["*", number], boolean),
    [
      ["a", true],
      ["a", 1, 2, true],
    ],
  ],
  ["tuple of any rest", tuple(string, ["*", unknown]), [["a"], ["a", 1, "b"]]],
  ["empty tuple", tuple(), [[]]],
  [
    "object with fields",
    object({ a: number, "b?": string }),
    [{ a: 1 }, { a: 1, b: undefined }, { a: 1, c: 2 }],
  ],
  [
    "object without a prototype",
    object({ a: number }),
    [Object.assign(Object.create(null), { a: 1 })],
  ],
  [
    "a field that may be undefined",
    object({ a: union(string, nothing) }),
    [{}, { a: undefined }, { a: "x" }],
  ],
  ["an unknown field", object({ a: unknown, b: number }), [{ b: 1 }, { a: null, b: 1 }]],
  [
    "names that every object has",
    object({ "constructor?": number, "toString?": string }),
    [{}, { constructor: 1 }],
  ],
  ["index", object({}, number), [{}, { a: 1, b: 2 }]],
  ["index beside fields", object({ a: string }, number), [{ a: "x" }, { a: "x", b: 2 }]],
  ["index of anything", object({ a: string }, unknown), [{ a: "x", b: 2 }]],
  ["{}", object({}), [{}, [], "x", 1, new Date(0)]],
  ["a length", object({ length: number }), [[], "x", new Uint8Array(1), { length: 1 }]],
  ["what has methods", object({ toISOString: unknown }), [new Date(0), {}]],
  ["like an array", object({ length: number }, string), [["a"], { length: 0 }]],
  [
    "a class's instance",
    object({ a: number }),
    [
      new (class {
        a = 1;
      })(),
    ],
  ],
  ["union", union(string, number, nil), ["x", 1, null]],
  ["union with objects", union(string, ref("User"), list(string)), ["x", deep("1"), ["x"]]],
  [
    "discriminated union",
    ref("Shape"),
    [
      { kind: "circle", radius: 1 },
      { kind: "square", side: 1, label: "x" },
    ],
  ],
  [
    "discriminated by true and false",
    union(object({ ok: literal(true), value: number }), object({ ok: literal(false) })),
    [{ ok: true, value: 1 }, { ok: false }],
  ],
  [
    "objects in a union, nothing to tell them by",
    union(object({ a: number }), object({ b: number })),
    [{ a: 1 }, { b: 1 }, { a: "x", b: 1 }],
  ],
  ["name", ref("Color"), ["red"]],
  ["circular", ref("Tree"), [{ value: 1 }, { value: 1, left: { value: 2 }, right: null }]],
  ["json", ref("Json"), [null, [1, { a: [true, "x"] }], {}]],
];

for (const [what, type, values] of fitting) {
  test(`fits: ${what}`, () => {
    for (const value of values) expect(said(type, value)).toBeUndefined();
  });
}

const wrong: readonly (readonly [type: TypeNode, value: unknown, text: string])[] = [
  [number, "1", "args[0] (a): expected number, got string"],
  [number, undefined, "args[0] (a): expected number, got undefined"],
  [string, null, "args[0] (a): expected string, got null"],
  [string, ["x"], "args[0] (a): expected string, got array"],
  [string, {}, "args[0] (a): expected string, got object"],
  [string, new Date(0), "args[0] (a): expected string, got date"],
  [string, Buffer.from("x"), "args[0] (a): expected string, got Uint8Array"],
  [string, 1n, "args[0] (a): expected string, got bigint"],
  [number, true, "args[0] (a): expected number, got boolean"],
  [bigint, 1, "args[0] (a): expected bigint, got number"],
  [boolean, "true", "args[0] (a): expected boolean, got string"],
  [nil, 0, "args[0] (a): expected null, got number"],
  [nothing, null, "args[0] (a): expected undefined, got null"],
  [date, "1970-01-01", "args[0] (a): expected Date, got string"],
  [bytes, new Int8Array(1), "args[0] (a): expected Uint8Array, got Int8Array"],
  [bytes, [1, 2], "args[0] (a): expected Uint8Array, got array"],
  [nonprimitive, "x", "args[0] (a): expected object, got string"],
  [never, 1, "args[0] (a): expected never, got number"],
  [
    { kind: "template", text: "`id-${number}`" },
    1,
    "args[0] (a): expected `id-${number}`, got number",
  ],
  [literal("a"), "b", 'args[0] (a): expected "a", got "b"'],
  [literals("a", "b"), "c", 'args[0] (a): expected "a" | "b", got "c"'],
  [literals("a", "b"), 1, 'args[0] (a): expected "a" | "b", got number'],
  [literals(1, 2, 3), 4, "args[0] (a): expected 1 | 2 | 3, got 4"],
  [literals("a"), `"${"x".repeat(50)}`, `args[0] (a): expected "a", got "\\"${"x".repeat(36)}..."`],
  [literal(true), false, "args[0] (a): expected true, got false"],
  [{ kind: "bigint-literal", text: "12" }, 13n, "args[0] (a): expected 12n, got 13n"],
  [ref("Color"), "blue", 'args[0] (a): expected "red" | "green", got "blue"'],
  [ref("User"), "Ada", "args[0] (a): expected User, got string"],
  [object({ a: string }), [], "args[0] (a): expected { a: string }, got array"],
  [object({ "a?": string }), 5, "args[0] (a): expected { a?: string }, got number"],
  [object({ a: string }), new Date(0), "args[0] (a): expected { a: string }, got date"],
  [object({}), null, "args[0] (a): expected {}, got null"],
  [object({ length: number }), {}, "args[0].length: expected number, got nothing"],
  [
    object({ length: number }, string),
    [1],
    "args[0] (a): expected { length: number; [key: string]: string }, got array",
  ],
  [object({ a: string }), {}, "args[0].a: expected string, got nothing"],
  [object({ a: string }), { a: undefined }, "args[0].a: expected string, got undefined"],
  [object({ "a?": string }), { a: null }, "args[0].a: expected string, got null"],
  [object({ constructor: string }), {}, "args[0].constructor: expected string, got nothing"],
  [object({ "a b": string }), { "a b": 1 }, 'args[0]["a b"]: expected string, got number'],
  [object({}, number), { a: 1, "b c": "x" }, 'args[0]["b c"]: expected number, got string'],
  [
    object({}, number),
    JSON.parse('{"__proto__":"x"}'),
    "args[0].__proto__: expected number, got string",
  ],
  [object({}, number), { a: undefined }, "args[0].a: expected number, got undefined"],
  [object({ a: string }, number), { a: "x", b: "x" }, "args[0].b: expected number, got string"],
  [ref("User"), deep(1), "args[0].address.zip: expected string, got number"],
  [ref("User"), { name: "Ada" }, "args[0].address: expected Address, got nothing"],
  [list(ref("User")), [deep("1"), deep(null)], "args[0][1].address.zip: expected string, got null"],
  [list(number), {}, "args[0] (a): expected number[], got object"],
  [list(number), Object.assign([1], { 2: 3 }), "args[0][1]: expected number, got undefined"],
  [tuple(string, number), ["a"], "args[0][1]: expected number, got nothing"],
  [tuple(string, number), ["a", "b"], "args[0][1]: expected number, got string"],
  [tuple(string, number), ["a", 1, true], "args[0][2]: expected nothing, got boolean"],
  [tuple(unknown, unknown), [1], "args[0][1]: expected unknown, got nothing"],
  [tuple(string, ["?", number]), ["a", null], "args[0][1]: expected number, got null"],
  [
    tuple(string, ["*", number], boolean),
    ["a", 1, "x", true],
    "args[0][2]: expected number, got string",
  ],
  [tuple(string, ["*", number], boolean), ["a", 1, 2], "args[0][2]: expected boolean, got number"],
  [tuple(string, ["*", number], boolean), ["a"], "args[0][1]: expected boolean, got nothing"],
  [tuple(["*", number], boolean), [], "args[0][0]: expected boolean, got nothing"],
  [union(string, number), true, "args[0] (a): expected string | number, got boolean"],
  [union(string, nil), {}, "args[0] (a): expected string | null, got object"],
  [union(ref("User"), nil), 1, "args[0] (a): expected User | null, got number"],
  [union(ref("User"), nil), deep(1), "args[0].address.zip: expected string, got number"],
  [union(list(string), ref("User")), ["a", 1], "args[0][1]: expected string, got number"],
  [
    union(list(string), list(number)),
    [true],
    "args[0] (a): expected string[] | number[], got array",
  ],
  [
    union(object({ a: number }), object({ b: number })),
    {},
    "args[0] (a): expected { a: number } | { b: number }, got object",
  ],
  [
    literals(...Array.from({ length: 30 }, (_, at) => `word-${at}`)),
    "x",
    `args[0] (a): expected ${'"word-0" | "word-1" | "word-2" | "word-3" | "word-4" | "word-5" | "word-6" | "'.slice(0, 77)}..., got "x"`,
  ],
  [ref("Shape"), { kind: "circle", radius: "1" }, "args[0].radius: expected number, got string"],
  [
    ref("Shape"),
    { kind: "square", side: 1, label: 1 },
    "args[0].label: expected string, got number",
  ],
  [ref("Shape"), { kind: "oval" }, 'args[0].kind: expected "circle" | "square", got "oval"'],
  [ref("Shape"), {}, 'args[0].kind: expected "circle" | "square", got nothing'],
  [ref("Shape"), null, "args[0] (a): expected Shape, got null"],
  [
    union(ref("Shape"), nil, list(string)),
    { kind: "circle" },
    "args[0].radius: expected number, got nothing",
  ],
  [
    ref("Tree"),
    { value: 1, left: { value: 2, right: { value: "3" } } },
    "args[0].left.right.value: expected number, got string",
  ],
  [ref("Json"), [1, { a: [2n] }], "args[0][1].a[0]: expected Json, got bigint"],
];

for (const [type, value, text] of wrong) {
  test(text, () => {
    expect(said(type, value)).toBe(text);
  });
}

test("bytes are told apart by their class", () => {
  for (const name of byteNames) {
    for (const other of byteNames) {
      const text = name === other ? undefined : `args[0] (a): expected ${name}, got ${other}`;
      expect(said({ kind: "bytes", name }, view(other))).toBe(text);
    }
  }
});

test("what is not known is not checked", () => {
  for (const type of [unknown, union(string, unknown), ref("Gone"), ref("Self"), ref("toString")]) {
    expect(said(type, 1)).toBe("-");
  }
});

/** What is said of the arguments of a method with those signatures. */
function saidOf(
  signatures: readonly MethodContract[],
  args: readonly unknown[],
): string | undefined {
  const together = { name: "Do", signatures: signatures.flatMap((one) => one.signatures) };
  const check = compileArguments(service([together], types), together);
  return check === undefined ? "-" : check(args);
}

const sum = method("Do", { a: number, b: number });
const items = (async function* () {})();

const calls: readonly (readonly [MethodContract[], readonly unknown[], string | undefined])[] = [
  [[sum], [1, 2], undefined],
  [[sum], [1, 2, "more"], undefined],
  [[sum], [1, "x"], "args[1] (b): expected number, got string"],
  [[sum], [1], "args[1] (b): expected number, got nothing"],
  [[sum], [], "args[0] (a): expected number, got nothing"],
  [[sum], [1, undefined], "args[1] (b): expected number, got undefined"],
  [[method("Do", { a: number, "b?": number })], [1], undefined],
  [[method("Do", { a: number, "b?": number })], [1, undefined], undefined],
  [
    [method("Do", { a: number, "b?": number })],
    [1, null],
    "args[1] (b): expected number, got null",
  ],
  [[method("Do", { "a?": number, b: number })], [undefined, 1], undefined],
  [[method("Do", { a: number, b: number, c: number, d: unknown })], [1, 2, 3], undefined],
  [
    [method("Do", { a: number, b: number, c: number })],
    [1, 2],
    "args[2] (c): expected number, got nothing",
  ],
  [[method("Do", { a: unknown, b: number })], ["x", 1], undefined],
  [
    [method("Do", { a: unknown, b: number })],
    ["x", "y"],
    "args[1] (b): expected number, got string",
  ],
  [[method("Do", { a: unknown, b: unknown })], [], "-"],
  [[method("Do", {})], [1], "-"],
  [[method("Do", { a: string, "...b": number })], ["x"], undefined],
  [[method("Do", { a: string, "...b": number })], ["x", 1, 2], undefined],
  [
    [method("Do", { a: string, "...b": number })],
    ["x", 1, "y"],
    "args[2] (b): expected number, got string",
  ],
  [
    [method("Do", { a: string, "...b": number })],
    [1, "y"],
    "args[0] (a): expected string, got number",
  ],
  [[method("Do", { "...b": unknown })], [1], "-"],
  [[method("Do", { "{ a }": string })], [1], "args[0]: expected string, got number"],
  [[method("Do", { "a...": number })], [items], undefined],
  [[method("Do", { "a...": unknown })], [1], "args[0] (a): expected a stream, got number"],
  [[method("Do", { "a...": number })], [[1]], "args[0] (a): expected a stream, got array"],
  [[method("Do", { "a...": number })], [], "args[0] (a): expected a stream, got nothing"],
  [[method("Do", { "a...?": number })], [], undefined],
  [[method("Do", { "a...?": number })], [null], "args[0] (a): expected a stream, got null"],
  [[method("Do", { a: number })], [items], "args[0] (a): expected number, got stream"],
  [[sum, method("Do", { a: string })], ["x"], undefined],
  [[sum, method("Do", { a: string })], [1, 2], undefined],
  [[sum, method("Do", { a: string })], [1], "args[1] (b): expected number, got nothing"],
  [[method("Do", { a: string }), sum], [1], "args[1] (b): expected number, got nothing"],
  [[sum, method("Do", { a: string })], [true], "args[0] (a): expected string, got boolean"],
  [[sum, method("Do", { a: unknown })], [true], "-"],
  [[], [1], "-"],
];

for (const [signatures, args, text] of calls) {
  const shown = Bun.inspect(args, { depth: 1 }).replaceAll(/\s+/g, " ");
  test(`${JSON.stringify(signatures.map((one) => one.signatures[0]?.parameters.map(({ name }) => name)))} of ${shown}: ${text ?? "fits"}`, () => {
    expect(saidOf(signatures, args)).toBe(text);
  });
}

test("items of a stream have the name of their argument", () => {
  const check = compileItems(service([], types), union(number, ref("User")), "args[0] (numbers)");
  expect(check?.(1)).toBeUndefined();
  expect(check?.("1")).toBe("args[0] (numbers): expected number | User, got string");
  expect(check?.(deep(1))).toBe("args[0].address.zip: expected string, got number");
  expect(compileItems(service([]), number, "result")?.("1")).toBe(
    "result: expected number, got string",
  );
  expect(compileItems(service([]), unknown, "result")).toBeUndefined();
});

/** What is said of a result. */
function saidOfResult(methods: readonly MethodContract[], value: unknown): string | undefined {
  const together = { name: "Do", signatures: methods.flatMap((one) => one.signatures) };
  const check = compileResult(service([together], types), together);
  return check === undefined ? "-" : check(value);
}

test("results are checked under their name", () => {
  const get = method("Do", {}, object({ items: list(string) }));
  expect(saidOfResult([get], { items: ["a", "b"] })).toBeUndefined();
  expect(saidOfResult([get], { items: ["a", "b", null] })).toBe(
    "result.items[2]: expected string, got null",
  );
  expect(saidOfResult([get], undefined)).toBe(
    "result: expected { items: string[] }, got undefined",
  );
  expect(saidOfResult([method("Do", {}, number, "stream")], "x")).toBe(
    "result: expected number, got string",
  );
  expect(saidOfResult([method("Do", {}, number), method("Do", {}, string)], "x")).toBeUndefined();
  expect(saidOfResult([method("Do", {}, number), method("Do", {}, string)], null)).toBe(
    "result: expected number | string, got null",
  );
});

test("results of which nothing is known or promised are not checked", () => {
  expect(saidOfResult([method("Do", {}, unknown)], 1)).toBe("-");
  expect(saidOfResult([method("Do", {}, nothing)], 1)).toBe("-");
  expect(saidOfResult([method("Do", {}, number), method("Do", {}, nothing)], "x")).toBe("-");
  expect(saidOfResult([method("Do", {}, number), method("Do", {}, number, "stream")], "x")).toBe(
    "-",
  );
  expect(saidOfResult([], 1)).toBe("-");
});

test("functions and symbols, which a result may hold, are named", () => {
  expect(saidOfResult([method("Do", {}, string)], () => 1)).toBe(
    "result: expected string, got function",
  );
  expect(saidOfResult([method("Do", {}, string)], Symbol("x"))).toBe(
    "result: expected string, got symbol",
  );
});
