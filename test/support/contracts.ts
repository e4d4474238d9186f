import type {
  MethodContract,
  ModuleContract,
  Parameter,
  ServiceContract,
  TypeNode,
} from "../../src/contract/contract.ts";

// Contracts in few words.

export const unknown: TypeNode = { kind: "unknown" };
export const string: TypeNode = { kind: "string" };
export const number: TypeNode = { kind: "number" };
export const boolean: TypeNode = { kind: "boolean" };
export const bigint: TypeNode = { kind: "bigint" };
export const nothing: TypeNode = { kind: "undefined" };
export const nil: TypeNode = { kind: "null" };
export const never: TypeNode = { kind: "never" };
export const date: TypeNode = { kind: "date" };
export const nonprimitive: TypeNode = { kind: "nonprimitive" };
export const bytes: TypeNode = { kind: "bytes", name: "Uint8Array" };

export const ref = (name: string): TypeNode => ({ kind: "ref", name });
export const list = (items: TypeNode): TypeNode => ({ kind: "array", items });
export const union = (...of: readonly TypeNode[]): TypeNode => ({ kind: "union", of });
export const literal = (value: string | number | boolean): TypeNode => ({ kind: "literal", value });
export const literals = (...values: readonly (string | number | boolean)[]): TypeNode =>
  union(...values.map(literal));

/** `"b?"` is an optional field. */
export function object(fields: Readonly<Record<string, TypeNode>>, rest?: TypeNode): TypeNode {
  const all = Object.entries(fields).map(([name, type]) =>
    name.endsWith("?") ? { name: name.slice(0, -1), type, optional: true } : { name, type },
  );
  return rest === undefined
    ? { kind: "object", fields: all }
    : { kind: "object", fields: all, rest };
}

/** `"?"` before a type makes it optional, `"*"` the rest. */
export function tuple(...items: readonly (TypeNode | readonly ["?" | "*", TypeNode])[]): TypeNode {
  return {
    kind: "tuple",
    items: items.map((item) => {
      if ("kind" in item) return { type: item };
      const [mark, type] = item;
      return mark === "?" ? { type, optional: true } : { type, rest: true };
    }),
  };
}

/** `"b?"` is an optional parameter, `"...b"` takes the rest, `"b..."` is sent item by item. */
export function parameters(of: Readonly<Record<string, TypeNode>>): readonly Parameter[] {
  return Object.entries(of).map(([written, type]) => {
    const name = written.replaceAll(/\.\.\.|\?/g, "");
    return {
      name,
      type,
      ...(written.includes("?") ? { optional: true } : {}),
      ...(written.startsWith("...") ? { rest: true } : {}),
      ...(/\w\.\.\./.test(written) ? { stream: true } : {}),
    };
  });
}

export function method(
  name: string,
  of: Readonly<Record<string, TypeNode>>,
  result: TypeNode = nothing,
  stream?: "stream",
): MethodContract {
  const signature = { parameters: parameters(of), result };
  return {
    name,
    signatures: [stream === undefined ? signature : { ...signature, stream: true }],
  };
}

export function service(
  methods: readonly MethodContract[],
  types: Readonly<Record<string, TypeNode>> = {},
  name = "Foo",
): ServiceContract {
  return {
    name,
    methods,
    types: Object.fromEntries(Object.entries(types).map(([type, node]) => [type, { type: node }])),
  };
}

/** What is read of a module with these services, in which nothing is private unless it is said so. */
export function moduleOf(
  services: readonly ServiceContract[],
  hidden: Readonly<Record<string, readonly string[]>> = {},
): ModuleContract {
  const none = Object.fromEntries(services.map(({ name }) => [name, []]));
  return { services, hidden: { ...none, ...hidden }, marks: {}, files: [] };
}
