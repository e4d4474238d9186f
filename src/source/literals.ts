import ts from "typescript";
import type { PlainKind, TypeNode } from "../contract/contract.ts";
import { literalFlag } from "./shapes.ts";

const kindOf: readonly (readonly [flags: ts.TypeFlags, kind: PlainKind])[] = [
  [ts.TypeFlags.String, "string"],
  [ts.TypeFlags.Number, "number"],
  [ts.TypeFlags.Boolean, "boolean"],
  [ts.TypeFlags.BigInt, "bigint"],
  [ts.TypeFlags.Null, "null"],
  [ts.TypeFlags.Undefined | ts.TypeFlags.Void, "undefined"],
  [ts.TypeFlags.NonPrimitive, "nonprimitive"],
  [ts.TypeFlags.Never, "never"],
];

/** Primitives and their literals; undefined for whatever has types in it. */
export function literalNode(type: ts.Type, checker: ts.TypeChecker): TypeNode | undefined {
  const { flags } = type;
  for (const [flag, kind] of kindOf) if ((flags & flag) !== 0) return { kind };
  if (type.isStringLiteral()) return { kind: "literal", value: type.value };
  if (type.isNumberLiteral()) {
    // JSON has no way to say the others.
    return Number.isFinite(type.value)
      ? { kind: "literal", value: type.value }
      : { kind: "number" };
  }
  const flag = literalFlag(type);
  if (flag !== undefined) return { kind: "literal", value: flag };
  if ((flags & ts.TypeFlags.BigIntLiteral) !== 0) {
    return { kind: "bigint-literal", text: checker.typeToString(type).replace(/n$/, "") };
  }
  // Uppercase<string> and its like have no form that anything could check.
  if ((flags & ts.TypeFlags.StringMapping) !== 0) return { kind: "string" };
  if ((flags & ts.TypeFlags.TemplateLiteral) !== 0) {
    const text = checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation);
    return { kind: "template", text };
  }
  // An enum's member whose value is computed.
  if ((flags & ts.TypeFlags.Enum) !== 0) return { kind: "number" };
  if ((flags & ts.TypeFlags.ESSymbolLike) !== 0) {
    return { kind: "unknown", why: "a symbol cannot travel" };
  }
  return undefined;
}
