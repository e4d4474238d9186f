import ts from "typescript";
import { isServiceName } from "../base/names.ts";
import { ClassValues } from "./class-values.ts";
import { classNames } from "./marks.ts";
import { isObjectType } from "./shapes.ts";

/** An export that is a service, or may be one: a server looks at the value itself. */
export interface FoundService {
  readonly name: string;
  /** Its class, where the source shows it. */
  readonly node: ts.ClassLikeDeclaration | undefined;
  /** Nothing but an instance of that class can be served. */
  readonly isCertain: boolean;
  /** What its callers get to see: an instance's type. */
  readonly type: ts.Type;
  /** The class or the value, for its comment. */
  readonly symbol: ts.Symbol;
}

/** Everything that a module exports, by name. What CommonJS exports as a whole is `default`, too. */
export function exportsOf(
  module: ts.Symbol,
  checker: ts.TypeChecker,
): ReadonlyMap<string, ts.Symbol> {
  const found = new Map<string, ts.Symbol>();
  const whole = module.exports?.get(ts.InternalSymbolName.ExportEquals);
  if (whole !== undefined) {
    found.set("default", whole);
    const type = checker.getTypeOfSymbol(resolved(whole, checker));
    // A class that is exported as a whole has fields that nobody exports.
    const fields = isObjectType(type) && madeType(type) === undefined;
    for (const symbol of fields ? checker.getPropertiesOfType(type) : []) {
      found.set(symbol.name, symbol);
    }
  }
  for (const symbol of checker.getExportsOfModule(module)) {
    const isOwn = symbol !== whole && (symbol.flags & ts.SymbolFlags.Prototype) === 0;
    if (isOwn) found.set(symbol.name, symbol);
  }
  return found;
}

/** What a symbol stands for in the end. */
export function resolved(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  return isAlias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The instance type of what `new` can be said of. */
function madeType(type: ts.Type): ts.Type | undefined {
  const [signature] = [...type.getConstructSignatures()].sort(
    (a, b) => a.getParameters().length - b.getParameters().length,
  );
  return signature?.getReturnType();
}

/** Whether a value's type says that it is no instance of a class: a function, a list, a literal. */
function isPlain(type: ts.Type, checker: ts.TypeChecker): boolean {
  if (!isObjectType(type) && !type.isIntersection()) return true;
  if (type.getCallSignatures().length > 0) return true;
  if (checker.isArrayType(type) || checker.isTupleType(type)) return true;
  const symbol: ts.Symbol | undefined = type.symbol;
  const literal = ts.SymbolFlags.ObjectLiteral | ts.SymbolFlags.Enum | ts.SymbolFlags.Module;
  return symbol !== undefined && (symbol.flags & literal) !== 0;
}

/** The name that a default export is served by: that of its class. */
function defaultName(node: ts.ClassLikeDeclaration | undefined, type: ts.Type): string | undefined {
  if (node !== undefined) return classNames(node)[0];
  const symbol: ts.Symbol | undefined = type.symbol;
  return symbol !== undefined && (symbol.flags & ts.SymbolFlags.Class) !== 0
    ? symbol.name
    : undefined;
}

/** The type of the instance that is served: with its class's parameters given where they are. */
function instanceType(
  node: ts.ClassLikeDeclaration | undefined,
  own: ts.Type,
  checker: ts.TypeChecker,
): ts.Type {
  const made = madeType(own);
  if (node === undefined) return made ?? own;
  // Of a class expression that is the type of the class itself; its symbol is the same.
  const declared = checker.getDeclaredTypeOfSymbol(checker.getTypeAtLocation(node).symbol);
  return made === undefined && own.symbol === declared.symbol ? own : declared;
}

/** `export { type Foo }`: nothing is exported when it runs. */
function isTypeAlone(symbol: ts.Symbol): boolean {
  return symbol.declarations?.some(ts.isTypeOnlyExportDeclaration) ?? false;
}

/** The services among the exports of a module, each name once. */
export function findServices(
  exported: ReadonlyMap<string, ts.Symbol>,
  checker: ts.TypeChecker,
): readonly FoundService[] {
  const values = new ClassValues(checker);
  const found = new Map<string, FoundService>();
  for (const [exportName, symbol] of exported) {
    if (exportName === "gee" || isTypeAlone(symbol)) continue;
    const target = resolved(symbol, checker);
    if ((target.flags & ts.SymbolFlags.Value) === 0) continue;
    const known = values.ofSymbol(target);
    const node = known?.node;
    const own = checker.getTypeOfSymbol(target);
    const type = instanceType(node, own, checker);
    if (node === undefined && isPlain(type, checker)) continue;
    const name = exportName === "default" ? defaultName(node, type) : exportName;
    if (name === undefined || name === "default" || !isServiceName(name) || found.has(name)) {
      continue;
    }
    const isCertain = node !== undefined && !values.mayGiveOther(node);
    found.set(name, { name, node, isCertain, type, symbol: target });
  }
  return [...found.values()];
}
