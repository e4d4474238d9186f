import ts from "typescript";

/** Names that mean something else wherever a contract's types are written down. */
const reserved: ReadonlySet<string> = new Set([
  ...[
    "Array",
    "ReadonlyArray",
    "Date",
    "Promise",
    "AsyncIterable",
    "Record",
    "Object",
    "Uint8Array",
  ],
  ...["Uint8ClampedArray", "Int8Array", "Uint16Array", "Int16Array", "Uint32Array", "Int32Array"],
  ...["BigUint64Array", "BigInt64Array", "Float32Array", "Float64Array", "__proto__", "default"],
]);

/** Gives types their names: each type one, and no name to two. The same source gives the same names. */
export class TypeNames {
  readonly #names = new Map<ts.Type, string>();
  readonly #taken: Set<string>;

  /** `taken` are names that no type gets. */
  constructor(taken: readonly string[]) {
    this.#taken = new Set([...reserved, ...taken]);
  }

  of(type: ts.Type): string | undefined {
    return this.#names.get(type);
  }

  /** Names a type after what it is called in the source, or as like it as is free. */
  give(type: ts.Type, wanted: string): string {
    const base = wanted.replaceAll(/[^\p{ID_Continue}$]/gu, "_").replace(/^(?=\d)/, "_");
    let name = base;
    for (let count = 2; this.#taken.has(name); count++) name = `${base}_${count}`;
    this.#taken.add(name);
    this.#names.set(type, name);
    return name;
  }
}

/** What something is called in the source; undefined when it has no name there. */
function ownName(symbol: ts.Symbol): string | undefined {
  if (symbol.name === "default") {
    const declaration = symbol.declarations?.[0];
    const name = declaration === undefined ? undefined : ts.getNameOfDeclaration(declaration);
    return name !== undefined && ts.isIdentifier(name) ? name.text : undefined;
  }
  if (!symbol.name.startsWith("__")) return symbol.name;
  const parent = symbol.declarations?.[0]?.parent;
  const isNamed =
    parent !== undefined && symbol.name === "__class" && ts.isVariableDeclaration(parent);
  return isNamed && ts.isIdentifier(parent.name) ? parent.name.text : undefined;
}

const nameable = ts.SymbolFlags.Interface | ts.SymbolFlags.Class | ts.SymbolFlags.Enum;

/** A type's name in the source, and whose it is. */
export interface SourceName {
  readonly name: string;
  readonly symbol: ts.Symbol;
  /** The arguments of a generic type. */
  readonly arguments: readonly ts.Type[];
}

/** What a type is called in the source. An alias goes before what it stands for. */
export function sourceName(
  type: ts.Type,
  argumentsOf: (type: ts.Type) => readonly ts.Type[],
): SourceName | undefined {
  const { aliasSymbol } = type;
  if (aliasSymbol !== undefined) {
    const { aliasTypeArguments } = type;
    return { name: aliasSymbol.name, symbol: aliasSymbol, arguments: aliasTypeArguments ?? [] };
  }
  // The compiler has types without a symbol, whatever its declarations say.
  const symbol: ts.Symbol | undefined = type.symbol;
  if (symbol === undefined || (symbol.flags & nameable) === 0) return undefined;
  const name = ownName(symbol);
  return name === undefined ? undefined : { name, symbol, arguments: argumentsOf(type) };
}

/** The name of a generic type with its arguments: `Box_number`, or `Box` when they are no words. */
export function genericName(
  { name, arguments: given }: SourceName,
  text: (type: ts.Type) => string,
): string {
  const words = given.map(text);
  return words.every((word) => /^\w{1,40}$/.test(word)) ? [name, ...words].join("_") : `${name}_1`;
}
