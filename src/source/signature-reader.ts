import ts from "typescript";
import type { Parameter, Signature, TypeNode } from "../contract/contract.ts";
import { defaultText, parameterDoc } from "./docs.ts";
import { isReference } from "./shapes.ts";
import { answerItems, argumentItems } from "./streams.ts";
import { tupleElements } from "./tuple-reader.ts";
import type { TypeReader } from "./type-reader.ts";

/** What is said of several types at once, each once. */
function together(types: readonly ts.Type[], reader: TypeReader): TypeNode {
  const nodes = new Map<string, TypeNode>();
  for (const type of types) {
    const node = reader.read(type);
    nodes.set(JSON.stringify(node), node);
  }
  const [first, ...more] = nodes.values();
  if (first === undefined) return { kind: "unknown", why: "nothing is known of its items" };
  return more.length === 0 ? first : { kind: "union", of: [first, ...more] };
}

/** What stands for a parameter in the source; a JavaScript parameter may be there only as a comment. */
function declarationOf(symbol: ts.Symbol): ts.ParameterDeclaration | undefined {
  const declaration = symbol.valueDeclaration;
  return declaration !== undefined && ts.isParameter(declaration) ? declaration : undefined;
}

/** A parameter's name; one that is taken apart has that of its comment, or its place. */
function parameterName(symbol: ts.Symbol, index: number): string {
  const declaration = declarationOf(symbol);
  if (declaration === undefined || ts.isIdentifier(declaration.name)) return symbol.name;
  const tag = ts.getJSDocParameterTags(declaration)[0]?.name;
  return tag !== undefined && ts.isIdentifier(tag) ? tag.text : `arg${index}`;
}

function isOptional(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  const declaration = declarationOf(symbol);
  if (declaration === undefined) return (symbol.flags & ts.SymbolFlags.Optional) !== 0;
  return (
    declaration.initializer !== undefined ||
    declaration.questionToken !== undefined ||
    checker.isOptionalParameter(declaration)
  );
}

/** What an argument's type says; of a stream that of its items. */
function argument(
  type: ts.Type,
  optional: boolean,
  reader: TypeReader,
): { readonly type: TypeNode; readonly stream?: true } {
  const given = optional ? reader.checker.getNonNullableType(type) : type;
  const items = argumentItems(given, reader.checker);
  if (items === undefined) return { type: reader.read(type, optional) };
  return { type: together(items, reader), stream: true };
}

function onePart(symbol: ts.Symbol, index: number, reader: TypeReader): Parameter {
  const { checker } = reader;
  const optional = isOptional(symbol, checker);
  const initializer = declarationOf(symbol)?.initializer;
  const type = checker.getTypeOfSymbol(symbol);
  reader.unions.note(type, symbol.valueDeclaration);
  const doc = parameterDoc(symbol, checker);
  return {
    name: parameterName(symbol, index),
    ...argument(type, optional, reader),
    ...(optional ? { optional } : {}),
    ...(initializer === undefined ? {} : { default: defaultText(initializer) }),
    ...(doc === undefined ? {} : { doc }),
  };
}

function isRest(symbol: ts.Symbol): boolean {
  const declaration = declarationOf(symbol);
  // What a JavaScript function without such a parameter takes by looking at `arguments`.
  return declaration === undefined
    ? symbol.name === "args" && symbol.valueDeclaration === undefined
    : declaration.dotDotDotToken !== undefined || ts.isRestParameter(declaration);
}

/** `...args`: any number of one type, or what its tuple lists. */
function restParts(symbol: ts.Symbol, index: number, reader: TypeReader): readonly Parameter[] {
  const { checker } = reader;
  const name = parameterName(symbol, index);
  const doc = parameterDoc(symbol, checker);
  const own = checker.getTypeOfSymbol(symbol);
  const type = checker.getBaseConstraintOfType(own) ?? own;
  if (checker.isTupleType(type) && isReference(type)) {
    return tupleElements(type, checker).map((element, at): Parameter => ({
      name: element.name ?? `${name}_${at}`,
      ...(element.rest
        ? { type: reader.read(element.type) }
        : argument(element.type, element.optional, reader)),
      ...(element.optional ? { optional: true } : {}),
      ...(element.rest ? { rest: true } : {}),
      ...(doc === undefined ? {} : { doc }),
    }));
  }
  const items = type.isUnion() ? undefined : checker.getIndexTypeOfType(type, ts.IndexKind.Number);
  const read: TypeNode =
    items === undefined
      ? { kind: "unknown", why: "several lists of arguments are possible" }
      : reader.read(items);
  return [{ name, type: read, rest: true, ...(doc === undefined ? {} : { doc }) }];
}

/** The result of a call: what is awaited of it, or its items. */
function readResult(
  type: ts.Type,
  reader: TypeReader,
): { readonly result: TypeNode; readonly stream?: true } {
  const { checker } = reader;
  const items = answerItems(type, checker);
  if (items !== undefined) return { result: together(items, reader), stream: true };
  const awaited = checker.getAwaitedType(type) ?? type;
  const promised = answerItems(awaited, checker);
  if (promised !== undefined) return { result: together(promised, reader), stream: true };
  // What is not known yet, `T`, is said without the compiler's own word for it, `Awaited<T>`.
  const isOwnWord = awaited.aliasSymbol?.name === "Awaited";
  const bare = isOwnWord ? (awaited.aliasTypeArguments?.[0] ?? awaited) : awaited;
  return { result: reader.read(bare) };
}

/** Reads one way to call a method. */
export function readSignature(signature: ts.Signature, reader: TypeReader): Signature {
  const parameters = signature
    .getParameters()
    .flatMap((symbol, index) =>
      isRest(symbol) ? restParts(symbol, index, reader) : [onePart(symbol, index, reader)],
    );
  const result = signature.getReturnType();
  reader.unions.note(result, signature.getDeclaration());
  return { parameters, ...readResult(result, reader) };
}
