import { expect, test } from "bun:test";
import { compileResult } from "../../src/contract/check.ts";
import type { Field, TupleItem, TypeNode } from "../../src/contract/contract.ts";
import { Fitting } from "../../src/contract/fitting.ts";
import { typeText } from "../../src/contract/signature.ts";
import { beginCheck } from "../../src/contract/small-fits.ts";
import { namedType } from "../../src/contract/types.ts";
import type { Types } from "../../src/contract/types.ts";
import { isPlainObject } from "../../src/contract/values.ts";
import {
  list,
  method,
  number,
  object,
  ref,
  service,
  string,
  union,
  unknown,
} from "../support/contracts.ts";
import { dice, randomType, randomValue } from "../support/random-contracts.ts";

/** What the checks come down to, as slow and as plain as can be; `via` are the names since the last part. */
function isOf(types: Types, type: TypeNode, value: unknown, via: readonly string[] = []): boolean {
  const inner = (of: TypeNode, part: unknown): boolean => isOf(types, of, part);
  const isPart = (part: Field | TupleItem, given: unknown): boolean =>
    (part.optional === true && given === undefined) || inner(part.type, given);
  switch (type.kind) {
    case "unknown":
      return true;
    case "literal":
      return value === type.value;
    case "bytes":
      return value instanceof Uint8Array;
    case "date":
      return value instanceof Date;
    case "array":
      return Array.isArray(value) && value.every((item) => inner(type.items, item));
    case "tuple": {
      if (!Array.isArray(value)) return false;
      const last = type.items.at(-1);
      const fixed = last?.rest === true ? type.items.slice(0, -1) : type.items;
      if (value.length < fixed.filter((item) => item.optional !== true).length) return false;
      if (last?.rest !== true && value.length > fixed.length) return false;
      return (
        fixed.every((item, index) => isPart(item, value[index])) &&
        (last?.rest !== true || value.slice(fixed.length).every((item) => inner(last.type, item)))
      );
    }
    case "object": {
      if (type.fields.length === 0 && type.rest === undefined && value !== null)
        return value !== undefined;
      if (!isPlainObject(value)) {
        if (value === null || value === undefined) return false;
        const needed = type.fields.filter((field) => field.optional !== true);
        const parts: object = Object(value);
        return (
          needed.length > 0 &&
          needed.every(({ name, type: of }) =>
            // What every object has is no sign.
            name in Object.prototype
              ? isAny(types, of)
              : name in parts && inner(of, Reflect.get(parts, name)),
          ) &&
          (!Array.isArray(value) || value.every((item) => inner(type.rest ?? unknown, item)))
        );
      }
      return (
        type.fields.every((field) =>
          isPart(field, Object.hasOwn(value, field.name) ? value[field.name] : undefined),
        ) &&
        Object.keys(value).every(
          (key) =>
            type.rest === undefined ||
            type.fields.some(({ name }) => name === key) ||
            inner(type.rest, value[key]),
        )
      );
    }
    case "union":
      return isAny(types, type) || type.of.some((member) => isOf(types, member, value, via));
    case "ref":
      if (isAny(types, type)) return true;
      // A union that names itself has nothing more by that.
      if (via.includes(type.name)) return false;
      return isOf(types, namedType(types, type.name)?.type ?? unknown, value, [...via, type.name]);
    default:
      return value === null ? type.kind === "null" : typeof value === type.kind;
  }
}

/** Whether it is unknown, or has it among its members, or never comes to any. */
function isAny(types: Types, type: TypeNode): boolean {
  return new Fitting(types).of(type) === undefined;
}

test("fits and fits not as a plain reading of the type says", () => {
  let fit = 0;
  let total = 0;
  for (let seed = 0; seed < 4_000; seed++) {
    const roll = dice(seed);
    const names = ["A", "B", "C"].slice(0, roll(4));
    const types = Object.fromEntries(
      names.map((name) => [name, { type: randomType(roll, names) }]),
    );
    const type = randomType(roll, names);
    const of = { ...service([method("Do", {}, type)]), types };
    const check = compileResult(of, of.methods[0]!);
    for (let at = 0; at < 5; at++) {
      const value = randomValue(roll, types, type);
      const expected = type.kind === "undefined" || isOf(types, type, value);
      const found = check?.(value);
      const named = names.map((name) => `${name} = ${typeText(types[name]?.type ?? unknown)}`);
      const shown = [
        `seed ${seed}`,
        ...named,
        typeText(type),
        Bun.inspect(value, { depth: 9 }),
        found,
      ];
      expect(found === undefined, shown.join("\n")).toBe(expected);
      // What is wrong has a path and two sides.
      if (found !== undefined) expect(found).toMatch(/^result.*: expected .+, got .+$/s);
      total += 1;
      if (expected) fit += 1;
    }
  }
  // It tries both.
  expect(fit).toBeGreaterThan(total / 4);
  expect(fit).toBeLessThan((total * 3) / 4);
});

function fitsIn(
  types: Readonly<Record<string, TypeNode>>,
  type: TypeNode,
  value: unknown,
): boolean {
  beginCheck();
  return new Fitting(service([], types).types).of(type)?.(value, 0) ?? true;
}

test("a value that contains itself comes to an end", () => {
  const types = { Tree: object({ "left?": ref("Tree"), "right?": ref("Tree"), "value?": number }) };
  const tree: Record<string, unknown> = {};
  tree["left"] = tree;
  tree["right"] = tree;
  expect(fitsIn(types, ref("Tree"), tree)).toBe(true);
  tree["value"] = "x";
  expect(fitsIn(types, ref("Tree"), tree)).toBe(false);
});

test("a list 100,000 long and a value 100,000 deep overflow nothing", () => {
  const types = { Node: object({ "next?": ref("Node"), id: number }) };
  let node: unknown = { id: "wrong, and too deep to be seen" };
  for (let at = 0; at < 100_000; at++) node = { next: node, id: at };
  expect(fitsIn(types, ref("Node"), node)).toBe(true);
  expect(
    fitsIn(
      types,
      list(ref("Node")),
      Array.from({ length: 100_000 }, (_, id) => ({ id })),
    ),
  ).toBe(true);
  const check = compileResult(service([], types), method("Do", {}, ref("Node")));
  expect(check?.({ next: node, id: "x" })).toBe("result.id: expected number, got string");
});

test("a choice that only the insides decide is made once for each value, not for each way to it", () => {
  // On each of 32 levels both lists are tried, and only the innermost item decides.
  const types = { Nest: union(list(union(ref("Nest"), string)), list(union(ref("Nest"), number))) };
  let value: unknown = [true];
  for (let at = 0; at < 31; at++) value = [value];
  expect(fitsIn(types, ref("Nest"), value)).toBe(false);
  const check = compileResult(service([], types), method("Do", {}, ref("Nest")));
  expect(check?.(value)).toBe("result: expected Nest, got array");
  expect(check?.([[1, [2]]])).toBeUndefined();
});

test("what is cheap to see decides first", () => {
  // Else both are looked at to the bottom, on each level.
  const types = {
    A: object({ next: union(ref("A"), ref("B")), a: string }),
    B: object({ next: union(ref("A"), ref("B")), b: string }),
  };
  let value: unknown = {};
  for (let at = 0; at < 31; at++)
    value = at % 2 === 0 ? { next: value, a: "" } : { next: value, b: "" };
  expect(fitsIn(types, union(ref("A"), ref("B")), value)).toBe(false);
});

test("a chain of 20,000 types is compiled as far as values go", () => {
  const types: Record<string, TypeNode> = { T20000: string };
  for (let at = 0; at < 20_000; at++)
    types[`T${at}`] = object({ "next?": ref(`T${at + 1}`), id: number });
  const check = compileResult(service([], types), method("Do", {}, ref("T0")));
  let value: unknown = { id: "x" };
  for (let at = 0; at < 31; at++) value = { next: value, id: at };
  expect(check?.(value)).toBe(`result${".next".repeat(31)}.id: expected number, got string`);
});

test("a long text is not hashed to be found among short ones", () => {
  const words = Array.from({ length: 100 }, (_, at): TypeNode => ({
    kind: "literal",
    value: `w${at}`,
  }));
  expect(fitsIn({}, union(...words), "x".repeat(10_000_000))).toBe(false);
  expect(fitsIn({}, union(...words), "w99")).toBe(true);
});

test("a type that every value fits has no check", () => {
  expect(new Fitting({}).of(unknown)).toBeUndefined();
  expect(new Fitting({}).of(unknown, true)).toBeUndefined();
  expect(new Fitting({}).of(string, true)?.(undefined, 0)).toBe(true);
  expect(new Fitting({}).of(string)?.(undefined, 0)).toBe(false);
});
