import ts from "typescript";
import type { Field, TypeNode } from "../contract/contract.ts";
import { docOf } from "./docs.ts";
import { looksLikeOthers } from "./look-alikes.ts";
import { cannotTravel } from "./natives.ts";
import { hasKeyword, isInClass, isMarked } from "./shapes.ts";
import type { TypeReader } from "./type-reader.ts";

/** Whether a member is a field of a value that travels: an instance's own, and nobody's secret. */
function isField(symbol: ts.Symbol): boolean {
  // Keys that are symbols, and `#x`, as the compiler calls them.
  if (/^__[@#]/.test(String(symbol.escapedName))) return false;
  const declarations = symbol.declarations ?? [];
  if (declarations.some(isMarked)) return false;
  // What stands on a class's prototype stays at home.
  const isShared = (symbol.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Accessor)) !== 0;
  return !declarations.some(
    (declaration) =>
      isInClass(declaration) &&
      (isShared || hasKeyword(declaration, ts.SyntaxKind.AccessorKeyword)),
  );
}

function readField(symbol: ts.Symbol, reader: TypeReader): Field {
  const optional = (symbol.flags & ts.SymbolFlags.Optional) !== 0;
  const doc = docOf(symbol, reader.checker);
  const type = reader.checker.getTypeOfSymbol(symbol);
  reader.unions.note(type, symbol.valueDeclaration);
  const isMethod = (symbol.flags & ts.SymbolFlags.Method) !== 0;
  return {
    name: symbol.name,
    type: isMethod ? cannotTravel("function") : reader.read(type, optional),
    ...(optional ? { optional } : {}),
    ...(doc === undefined ? {} : { doc }),
  };
}

/** The type of the fields that have no name of their own. */
function restOf(type: ts.Type, reader: TypeReader): TypeNode | undefined {
  const infos = reader.checker
    .getIndexInfosOfType(type)
    .filter(({ keyType }) => (keyType.flags & ts.TypeFlags.ESSymbol) === 0);
  const isOf = (flag: ts.TypeFlags): ts.IndexInfo | undefined =>
    infos.find(({ keyType }) => (keyType.flags & flag) !== 0);
  const every = isOf(ts.TypeFlags.String) ?? isOf(ts.TypeFlags.Number);
  if (every !== undefined) return reader.read(every.type);
  // `data-${string}` says nothing of other keys.
  return infos.length === 0 ? undefined : { kind: "unknown", why: "only for keys of a pattern" };
}

/** With numbers for keys, a list is as good as an object. */
function withRest(object: TypeNode, rest: TypeNode, type: ts.Type, reader: TypeReader): TypeNode {
  const isByText = reader.checker.getIndexInfoOfType(type, ts.IndexKind.String) !== undefined;
  const isByNumber = reader.checker.getIndexInfoOfType(type, ts.IndexKind.Number) !== undefined;
  if (isByText || !isByNumber) return object;
  return { kind: "union", of: [object, { kind: "array", items: rest }] };
}

/** Reads an object: an interface, a class's instance, a literal, a mapped type, an intersection. */
export function readObject(type: ts.Type, reader: TypeReader): TypeNode {
  const members = reader.checker.getPropertiesOfType(type);
  const fields = members.filter(isField).map((symbol) => readField(symbol, reader));
  const rest = restOf(type, reader);
  // `{}` is anything but null and undefined.
  if (members.length === 0 && rest === undefined) return { kind: "unknown" };
  // An instance of a class that has nothing but methods.
  if (fields.length === 0 && rest === undefined) return { kind: "nonprimitive" };
  if (rest !== undefined) return withRest({ kind: "object", fields, rest }, rest, type, reader);
  // Private members, and what is on a prototype, are in nothing else.
  if (fields.length === members.length && looksLikeOthers(fields)) {
    return { kind: "unknown", why: "lists, texts or others may be it as well" };
  }
  return { kind: "object", fields };
}
