import ts from "typescript";
import { bytesNames } from "../contract/contract.ts";
import type { TypeNode } from "../contract/contract.ts";
import { isPlatform } from "./paths.ts";
import { isObjectType } from "./shapes.ts";

/** What a built-in type is on the wire; `"list"` is an array whose items are still to be read. */
export type Native = TypeNode | "list";

const bytesByName: ReadonlyMap<string, TypeNode> = new Map([
  ...bytesNames.map((name): [string, TypeNode] => [name, { kind: "bytes", name }]),
  ["Buffer", { kind: "bytes", name: "Uint8Array" }],
]);

const plainByName: ReadonlyMap<string, Native> = new Map<string, Native>([
  ["Date", { kind: "date" }],
  ["String", { kind: "string" }],
  ["Number", { kind: "number" }],
  ["Boolean", { kind: "boolean" }],
  ["BigInt", { kind: "bigint" }],
  ["Object", { kind: "unknown" }],
  ["Array", "list"],
  ["ReadonlyArray", "list"],
]);

const functionNames: ReadonlySet<string> = new Set([
  ...["Function", "CallableFunction", "NewableFunction"],
]);

/** Why something is not known to callers: `a Map cannot travel`. */
export function cannotTravel(name: string): TypeNode {
  const article = /^[AEIOU](?!RL)/i.test(name) && !/^U(?:ni|se|R)/.test(name) ? "an" : "a";
  return { kind: "unknown", why: `${article} ${name} cannot travel` };
}

/** Why a stream is not known to callers where it is. */
export const innerStream: TypeNode = {
  kind: "unknown",
  why: "a stream cannot travel inside a value",
};

/** Knows the types that the language and its platform define, and what they are on the wire. */
export class Natives {
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;
  readonly #known = new Map<ts.Symbol, Native | undefined>();

  constructor(program: ts.Program) {
    this.#program = program;
    this.#checker = program.getTypeChecker();
  }

  /** Whether a name is the language's or the platform's. */
  isBuiltIn(symbol: ts.Symbol): boolean {
    const file = symbol.declarations?.[0]?.getSourceFile();
    if (file === undefined) return false;
    return this.#program.isSourceFileDefaultLibrary(file) || isPlatform(file.fileName);
  }

  /** What an object type is on the wire if it is built in, or descends from what is. */
  read(type: ts.Type): Native | undefined {
    const { symbol } = type;
    // An anonymous type has a symbol that says so, and no name that anybody else could mean.
    if (symbol === undefined || !isObjectType(type)) return undefined;
    if (this.#known.has(symbol)) return this.#known.get(symbol);
    // A class that extends itself is an error, and not the end of this.
    this.#known.set(symbol, undefined);
    const native = this.isBuiltIn(symbol) ? this.#ofBuiltIn(symbol, type) : this.#ofBases(symbol);
    this.#known.set(symbol, native);
    return native;
  }

  #ofBuiltIn(symbol: ts.Symbol, type: ts.Type): Native | undefined {
    const { name } = symbol;
    const plain = plainByName.get(name) ?? bytesByName.get(name);
    if (plain !== undefined) return plain;
    if (functionNames.has(name)) return cannotTravel("function");
    if ((symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) === 0) return undefined;
    const inherited = this.#ofBases(symbol);
    if (inherited === "list" || (inherited !== undefined && inherited.kind !== "unknown")) {
      return inherited;
    }
    // What has a constructor or a method is no plain data: Map, Error, Response.
    const hasMethods = this.#checker
      .getPropertiesOfType(type)
      .some(({ flags }) => (flags & ts.SymbolFlags.Method) !== 0);
    if ((symbol.flags & ts.SymbolFlags.Value) === 0 && !hasMethods) return inherited;
    return cannotTravel(name.replace(/^Readonly(?=Map$|Set$)/, ""));
  }

  #ofBases(symbol: ts.Symbol): Native | undefined {
    if ((symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) === 0) return undefined;
    const declared = this.#checker.getDeclaredTypeOfSymbol(symbol);
    if (!declared.isClassOrInterface()) return undefined;
    for (const base of this.#checker.getBaseTypes(declared)) {
      const native = this.read(base);
      if (native !== undefined) return native;
    }
    return undefined;
  }
}
