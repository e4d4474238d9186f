import type { Field, TypeNode } from "../contract/contract.ts";

/** One of each kind of value that travels and is no plain object. */
const others: readonly object[] = ["", 0, true, 0n, [], new Date(0), new Uint8Array()].map(
  (value): object => Object(value),
);

/** Whether what a built-in value has under a name may be of a type. */
function mayBe(type: TypeNode, value: unknown): boolean {
  if (type.kind === "unknown") return true;
  if (type.kind === "union") return type.of.some((member) => mayBe(member, value));
  return type.kind === typeof value;
}

function fits(value: object, fields: readonly Field[]): boolean {
  let found = false;
  for (const { name, type, optional } of fields) {
    const own: unknown = Reflect.get(value, name);
    if (own === undefined) {
      if (optional !== true) return false;
    } else if (mayBe(type, own)) {
      found = true;
    } else {
      return false;
    }
  }
  // What shares nothing with a type is refused by the compiler.
  return found;
}

/**
 * Whether more than objects is of a type with these fields and no others: `{ length: number }` is what
 * texts and lists have as well.
 */
export function looksLikeOthers(fields: readonly Field[]): boolean {
  return others.some((value) => fits(value, fields));
}
