import { expect, test } from "bun:test";
import type { NamedType, TypeNode } from "../../src/contract/contract.ts";
import { extractModules } from "../../src/source/extract.ts";
import { memoryHost } from "./source-host.ts";

/** A type as it is written, what it is to be read as, the names that it uses, and what they are then. */
export type TypeRow = readonly [
  written: string,
  read: TypeNode,
  declarations?: string,
  types?: Readonly<Record<string, NamedType>>,
];

export const text: TypeNode = { kind: "string" };
export const number: TypeNode = { kind: "number" };
export const nil: TypeNode = { kind: "null" };
export const missing: TypeNode = { kind: "undefined" };

export function unknown(why?: string): TypeNode {
  return why === undefined ? { kind: "unknown" } : { kind: "unknown", why };
}

export function literal(value: string | number | boolean): TypeNode {
  return { kind: "literal", value };
}

export function ref(name: string): TypeNode {
  return { kind: "ref", name };
}

export function list(items: TypeNode): TypeNode {
  return { kind: "array", items };
}

export function union(...of: readonly TypeNode[]): TypeNode {
  return { kind: "union", of };
}

/** An object by its fields; a name that ends in `?` is an optional one. */
export function object(fields: Readonly<Record<string, TypeNode>>, rest?: TypeNode): TypeNode {
  return {
    kind: "object",
    fields: Object.entries(fields).map(([key, type]) =>
      key.endsWith("?") ? { name: key.slice(0, -1), type, optional: true } : { name: key, type },
    ),
    ...(rest === undefined ? {} : { rest }),
  };
}

/** A test for each row: the type as that of a parameter. All rows are modules of one program. */
export function testTypes(rows: readonly TypeRow[]): void {
  const files = Object.fromEntries(
    rows.map(([written, , declarations = ""], index) => [
      `/rows/${index}.ts`,
      `${declarations}\nexport class Row { Take(taken: ${written}): void {} }`,
    ]),
  );
  const modules = extractModules(Object.keys(files), memoryHost(files));
  test.each(rows.map((row, index) => [row[0], row[2] ?? "", index] as const))(
    "%s %s",
    (_written, _declarations, index) => {
      const service = modules[index]?.services[0];
      const parameter = service?.methods[0]?.signatures[0]?.parameters[0];
      const [, read, , types = {}] = rows[index] ?? rows[0]!;
      expect(JSON.parse(JSON.stringify(parameter))).toEqual({ name: "taken", type: read });
      expect(JSON.parse(JSON.stringify(service?.types))).toEqual(types);
    },
  );
}
