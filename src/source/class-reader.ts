import ts from "typescript";
import type { MethodContract } from "../contract/contract.ts";
import { isServiceName } from "../base/names.ts";
import { markedMethods, memberName } from "./marks.ts";
import { readMethod } from "./method-reader.ts";
import { hasKeyword, isMarked } from "./shapes.ts";
import type { TypeReader } from "./type-reader.ts";

/** Whether a server would serve a method of this name. */
export function isMethodName(name: string): boolean {
  return isServiceName(name) && !(name in Object.prototype);
}

/** The name of a class's member, computed ones that the compiler can follow included. */
export function knownName(name: ts.PropertyName, checker: ts.TypeChecker): string | undefined {
  const plain = memberName(name);
  if (plain !== undefined || !ts.isComputedPropertyName(name)) return plain;
  const type = checker.getTypeAtLocation(name.expression);
  return type.isStringLiteral() ? type.value : undefined;
}

/** Which of a class's methods are marked private or protected. */
export function hiddenOf(
  node: ts.ClassLikeDeclaration,
  checker: ts.TypeChecker,
): readonly string[] {
  return [...markedMethods(node, (name) => knownName(name, checker))];
}

/**
 * Reads the methods in a class's own body, as a server finds them on its prototype; their types as
 * `type` has them, which is that of an instance.
 */
export function readClass(
  node: ts.ClassLikeDeclaration,
  type: ts.Type,
  reader: TypeReader,
): readonly MethodContract[] {
  const { checker } = reader;
  const hidden = hiddenOf(node, checker);
  const methods = new Map<string, MethodContract>();
  for (const member of node.members) {
    if (!ts.isMethodDeclaration(member)) continue;
    if (hasKeyword(member, ts.SyntaxKind.StaticKeyword)) continue;
    if (hasKeyword(member, ts.SyntaxKind.AbstractKeyword)) continue;
    const name = knownName(member.name, checker);
    if (name === undefined || !isMethodName(name) || hidden.includes(name)) continue;
    if (methods.has(name)) continue;
    const symbol = checker.getPropertyOfType(type, name);
    // Each method is named, whatever is known of it: what its class does not show is not served.
    const unread = { name, signatures: [], why: "its type is not known" };
    methods.set(name, symbol === undefined ? unread : readMethod(name, symbol, reader));
  }
  return [...methods.values()];
}

/** Reads every method of a type, wherever it is from: for a service whose class is not known. */
export function readMembers(type: ts.Type, reader: TypeReader): readonly MethodContract[] {
  const { checker } = reader;
  return checker
    .getPropertiesOfType(type)
    .filter((symbol) => {
      if (!isMethodName(symbol.name)) return false;
      if (symbol.declarations?.some(isMarked) === true) return false;
      if ((symbol.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Property)) === 0) return false;
      const own = checker.getNonNullableType(checker.getTypeOfSymbol(symbol));
      return own.getCallSignatures().length > 0;
    })
    .map((symbol) => readMethod(symbol.name, symbol, reader));
}
