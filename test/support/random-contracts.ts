import type {
  Parameter,
  ServiceContract,
  Signature,
  TypeNode,
} from "../../src/contract/contract.ts";
import { namedType } from "../../src/contract/types.ts";

/** The same numbers for the same seed, from 0 up to `below`. */
export type Dice = (below: number) => number;

export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) % 1_000_003) % below;
  };
}

export function pick<T>(roll: Dice, from: readonly T[]): T {
  const found = from[roll(from.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
}

const many = <T>(roll: Dice, most: number, make: (index: number) => T): T[] =>
  Array.from({ length: roll(most + 1) }, (_, index) => make(index));

const words = ["a", "b", "c", "kind", "name", "constructor", "a b"];
const plain = ["string", "number", "boolean", "bigint", "null", "undefined", "date"] as const;

/** Any type, with names out of `names` in it. */
export function randomType(roll: Dice, names: readonly string[], depth = 0): TypeNode {
  const inner = (): TypeNode => randomType(roll, names, depth + 1);
  const part = <T>(rest: T): T & { type: TypeNode; optional?: boolean } =>
    roll(4) === 0 ? { ...rest, type: inner(), optional: true } : { ...rest, type: inner() };
  switch (roll(depth > 3 ? 4 : 9)) {
    case 0:
    case 1:
      return { kind: pick(roll, plain) };
    case 2:
      return { kind: "literal", value: pick(roll, ["x", "y", 1, 2, true, false]) };
    case 3:
      return roll(6) === 0
        ? { kind: "unknown" }
        : names.length === 0
          ? { kind: "bytes", name: "Uint8Array" }
          : { kind: "ref", name: pick(roll, names) };
    case 4:
      return { kind: "array", items: inner() };
    case 5: {
      const items = many(roll, 3, () => part({}));
      return {
        kind: "tuple",
        items: roll(3) === 0 ? [...items, { type: inner(), rest: true }] : items,
      };
    }
    case 6:
      return { kind: "union", of: [inner(), ...many(roll, 3, inner)] };
    default: {
      const fields = words.filter(() => roll(3) === 0).map((name) => part({ name }));
      return roll(5) === 0 ? { kind: "object", fields, rest: inner() } : { kind: "object", fields };
    }
  }
}

function randomSignature(roll: Dice, names: readonly string[]): Signature {
  const parameters: Parameter[] = many(roll, 3, (index) => {
    const optional = roll(4) === 0 ? { optional: true } : {};
    const stream = roll(8) === 0 ? { stream: true } : {};
    return { name: `p${index}`, type: randomType(roll, names), ...optional, ...stream };
  });
  if (roll(5) === 0) parameters.push({ name: "rest", type: randomType(roll, names), rest: true });
  const result = randomType(roll, names);
  return roll(6) === 0 ? { parameters, result, stream: true } : { parameters, result };
}

/** A service with a few methods and types that may go in circles. */
export function randomService(seed: number): ServiceContract {
  const roll = dice(seed);
  const names = ["A", "B", "C", "D"].slice(0, roll(5));
  return {
    name: "Foo",
    methods: many(roll, 4, (index) => ({
      name: `M${index}`,
      signatures: many(roll, roll(4) === 0 ? 3 : 1, () => randomSignature(roll, names)),
    })),
    types: Object.fromEntries(names.map((name) => [name, { type: randomType(roll, names) }])),
  };
}

const anything: readonly unknown[] = [
  ...["x", "y", "z", 1, 2, 3, Number.NaN, true, false, 1n, null, undefined],
  ...[new Date(0), new Uint8Array(1), {}, [], ["x"], { a: 1 }, { kind: "x", name: "y" }],
];

/** A value of a type, more or less: one part in ten is something else. */
export function randomValue(
  roll: Dice,
  types: ServiceContract["types"],
  type: TypeNode,
  depth = 0,
): unknown {
  const inner = (of: TypeNode): unknown => randomValue(roll, types, of, depth + 1);
  if (depth > 8 || roll(10) === 0) return anything[roll(anything.length)];
  switch (type.kind) {
    case "string":
      return pick(roll, ["x", "y", ""]);
    case "number":
      return roll(5);
    case "boolean":
      return roll(2) === 0;
    case "bigint":
      return 1n;
    case "null":
      return null;
    case "date":
      return new Date(0);
    case "literal":
      return type.value;
    case "bytes":
      return new Uint8Array(1);
    case "array":
      return many(roll, 3, () => inner(type.items));
    case "tuple":
      return type.items.flatMap((item) =>
        item.rest === true ? many(roll, 2, () => inner(item.type)) : [inner(item.type)],
      );
    case "union":
      return inner(pick(roll, type.of));
    case "ref":
      return inner(namedType(types, type.name)?.type ?? { kind: "unknown" });
    case "object": {
      const fields = type.fields.filter((field) => field.optional !== true || roll(2) === 0);
      const entries = fields.map((field): [string, unknown] => [field.name, inner(field.type)]);
      if (type.rest !== undefined && roll(2) === 0) entries.push(["more", inner(type.rest)]);
      return Object.fromEntries(entries);
    }
    default:
      return undefined;
  }
}

/** A type with one thing in it changed: a part, a member of a union, a field, whether it is optional. */
export function changedType(roll: Dice, type: TypeNode, names: readonly string[]): TypeNode {
  const fresh = (): TypeNode => randomType(roll, names, 4);
  if (roll(6) === 0) return fresh();
  switch (type.kind) {
    case "array":
      return { ...type, items: changedType(roll, type.items, names) };
    case "union": {
      const at = roll(type.of.length);
      const others = type.of.filter((_member, index) => index !== at);
      return { ...type, of: roll(2) === 0 && others.length > 0 ? others : [...type.of, fresh()] };
    }
    case "tuple": {
      const at = roll(type.items.length + 1);
      const items = type.items.map((item, index) =>
        index === at ? { ...item, type: changedType(roll, item.type, names) } : item,
      );
      return { ...type, items };
    }
    case "object": {
      const at = roll(type.fields.length + 1);
      const field = type.fields[at];
      const fields = type.fields.filter((_field, index) => index !== at);
      if (field === undefined || roll(5) === 0) return { ...type, fields };
      const inner = roll(2) === 0 ? field.type : changedType(roll, field.type, names);
      return { ...type, fields: [...fields, { ...field, type: inner, optional: roll(2) === 0 }] };
    }
    default:
      return fresh();
  }
}
