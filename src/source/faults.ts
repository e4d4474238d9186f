import ts from "typescript";
import type { FaultContract } from "../contract/contract.ts";
import type { TypeReader } from "./type-reader.ts";

/** Faults that name each other go this deep. */
const maxSteps = 20;

/** The words that a type stands for, if it stands for words alone. */
function words(type: ts.Type | undefined): readonly string[] {
  if (type === undefined) return [];
  const members = type.isUnion() ? type.types : [type];
  const found = members.flatMap((member) => (member.isStringLiteral() ? [member.value] : []));
  return found.length === members.length ? found : [];
}

function product(
  codes: readonly string[],
  reasons: readonly string[],
  details: ts.Type | undefined,
  reader: TypeReader,
): FaultContract[] {
  const isNone =
    details === undefined ||
    (details.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void | ts.TypeFlags.Never)) !== 0;
  return codes.flatMap((code) =>
    reasons.map((reason): FaultContract => {
      return { code, reason, ...(isNone ? {} : { details: reader.read(details) }) };
    }),
  );
}

/** What one member of the union says by its fields. */
function ofType(type: ts.Type, reader: TypeReader): FaultContract[] {
  const { checker } = reader;
  const field = (name: string): ts.Type | undefined => {
    const symbol = checker.getPropertyOfType(type, name);
    return symbol === undefined ? undefined : checker.getTypeOfSymbol(symbol);
  };
  return product(words(field("code")), words(field("reason")), field("details"), reader);
}

/** What `Fault<"NOT_FOUND", "GONE", Details>` says by how it is written, when Fault is not known. */
function ofNode(node: ts.TypeNode, reader: TypeReader, steps: number): FaultContract[] {
  const { checker } = reader;
  if (steps > maxSteps) return [];
  if (ts.isParenthesizedTypeNode(node)) return ofNode(node.type, reader, steps + 1);
  if (ts.isUnionTypeNode(node)) {
    return node.types.flatMap((member) => ofNode(member, reader, steps + 1));
  }
  if (!ts.isTypeReferenceNode(node)) return [];
  const [code, reason, details] = (node.typeArguments ?? []).map((argument) =>
    checker.getTypeFromTypeNode(argument),
  );
  if (code !== undefined) return product(words(code), words(reason), details, reader);
  const symbol = checker.getSymbolAtLocation(node.typeName);
  return symbol === undefined ? [] : ofAlias(symbol, reader, steps + 1);
}

function ofAlias(symbol: ts.Symbol, reader: TypeReader, steps: number): FaultContract[] {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  const target = isAlias ? reader.checker.getAliasedSymbol(symbol) : symbol;
  return (target.declarations ?? []).flatMap((declaration) =>
    ts.isTypeAliasDeclaration(declaration) ? ofNode(declaration.type, reader, steps) : [],
  );
}

/**
 * Reads the faults that a type declares, `export type FooFaults = Fault<...> | Fault<...>`: in the
 * source's order where it is a union as written, each once.
 */
export function readFaults(symbol: ts.Symbol, reader: TypeReader): readonly FaultContract[] {
  try {
    const type = reader.checker.getDeclaredTypeOfSymbol(symbol);
    const members = type.isUnion() ? type.types : [type];
    const known = members.flatMap((member) => ofType(member, reader));
    const faults = known.length > 0 ? known : ofAlias(symbol, reader, 0);
    const each = new Map(faults.map((fault) => [JSON.stringify(fault), fault]));
    return [...each.values()];
  } catch {
    return [];
  }
}
