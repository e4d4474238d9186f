import ts from "typescript";
import type { TypeNode } from "../contract/contract.ts";
import { isFlags } from "./flags.ts";
import { literalFlag } from "./shapes.ts";
import type { TypeReader } from "./type-reader.ts";

/** A union of more is a list of words, such as the names of icons; the rest of it is not told. */
const maxMembers = 5_000;

/** Null and undefined are said last, whatever the compiler has first. */
function rank(node: TypeNode): number {
  return node.kind === "undefined" ? 2 : node.kind === "null" ? 1 : 0;
}

/** The enum that a member belongs to, when all of its members are in a union with others. */
function wholeEnum(
  member: ts.Type,
  union: ts.Type,
  all: ReadonlySet<ts.Type>,
  checker: ts.TypeChecker,
): ts.Type | undefined {
  if ((member.flags & ts.TypeFlags.EnumLiteral) === 0 || member.isUnion()) return undefined;
  const base = checker.getBaseTypeOfLiteralType(member);
  return base !== union && base.isUnion() && base.types.every((one) => all.has(one))
    ? base
    : undefined;
}

/**
 * Reads a union: each member once, true and false as boolean, enums and named unions by their names.
 * An enum whose members are added up is a number.
 */
export function readUnion(type: ts.UnionType, reader: TypeReader, optional: boolean): TypeNode {
  const { checker } = reader;
  if ((type.flags & ts.TypeFlags.EnumLiteral) !== 0 && isFlags(type.symbol, checker)) {
    return { kind: "number" };
  }
  const members = reader.unions.membersOf(type);
  if (members.length > maxMembers) {
    return { kind: "unknown", why: `a choice of ${members.length} types` };
  }
  const all = new Set(type.types);
  const flags = new Set(type.types.map(literalFlag));
  const isBoolean = flags.has(true) && flags.has(false);
  const found = new Map<string, TypeNode>();
  const add = (node: TypeNode): void => {
    if (node.kind === "union") node.of.forEach(add);
    else if (node.kind !== "never") found.set(JSON.stringify(node), node);
  };
  for (const member of members) {
    if (optional && (member.flags & ts.TypeFlags.Undefined) !== 0) continue;
    if (isBoolean && literalFlag(member) !== undefined) add({ kind: "boolean" });
    else add(reader.read(wholeEnum(member, type, all, checker) ?? member, optional));
  }
  const nodes = [...found.values()].sort((a, b) => rank(a) - rank(b));
  const [first] = nodes;
  if (first === undefined) return { kind: optional ? "undefined" : "never" };
  return nodes.length === 1 ? first : { kind: "union", of: nodes };
}
