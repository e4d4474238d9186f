import ts from "typescript";
import { bareExpression, nodesOf } from "./marks.ts";
import { packageOf } from "./paths.ts";

/** A class, or what `new` makes of it, that a value is for certain. */
export interface ClassValue {
  readonly node: ts.ClassLikeDeclaration;
  readonly isInstance: boolean;
}

/** A chain of names that is longer is a circle. */
const maxSteps = 20;

/** Whether what is made by a class itself may be something else, whatever its base makes. */
function mayReplace(node: ts.ClassLikeDeclaration): boolean {
  // A decorator may put another class into its place.
  if ((ts.getDecorators(node)?.length ?? 0) > 0) return true;
  return node.members.some((member) => {
    if (!ts.isConstructorDeclaration(member) || member.body === undefined) return false;
    for (const inner of nodesOf(member.body)) {
      if (ts.isReturnStatement(inner) && inner.expression !== undefined) return true;
    }
    return false;
  });
}

/**
 * Finds the class behind an exported value, as far as the source shows what the value is, whatever
 * type it is given there: `export const Foo = new Bar() as IFoo` is an instance of Bar.
 */
export class ClassValues {
  readonly #checker: ts.TypeChecker;

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker;
  }

  /** What a name stands for. */
  ofSymbol(symbol: ts.Symbol, steps = 0): ClassValue | undefined {
    if (steps > maxSteps) return undefined;
    if ((symbol.flags & ts.SymbolFlags.Alias) !== 0) {
      return this.ofSymbol(this.#checker.getAliasedSymbol(symbol), steps + 1);
    }
    if ((symbol.flags & ts.SymbolFlags.Class) !== 0) {
      const node = symbol.declarations?.find(ts.isClassLike);
      return node === undefined ? undefined : { node, isInstance: false };
    }
    const declaration = symbol.valueDeclaration;
    if (declaration === undefined) return undefined;
    if (ts.isShorthandPropertyAssignment(declaration)) {
      const value = this.#checker.getShorthandAssignmentValueSymbol(declaration);
      return value === undefined ? undefined : this.ofSymbol(value, steps + 1);
    }
    const expression = valueOf(declaration);
    return expression === undefined ? undefined : this.#ofExpression(expression, steps + 1);
  }

  /** Whether `new` of a class may give something else than an instance of it. */
  mayGiveOther(node: ts.ClassLikeDeclaration, steps = 0): boolean {
    if (mayReplace(node)) return true;
    const { isDeclarationFile, fileName } = node.getSourceFile();
    // The JavaScript that it declares may mark more; that of a package is not looked at.
    if (isDeclarationFile && packageOf(fileName) === "") return true;
    const base = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)
      ?.types[0];
    if (base === undefined) return false;
    if (steps > maxSteps) return true;
    const made = this.#ofExpression(base.expression, steps + 1);
    // What a package's class does is its own affair.
    return made !== undefined && !made.isInstance && this.mayGiveOther(made.node, steps + 1);
  }

  #ofExpression(given: ts.Expression, steps: number): ClassValue | undefined {
    const expression = bareExpression(given);
    if (ts.isClassExpression(expression)) return { node: expression, isInstance: false };
    if (ts.isNewExpression(expression)) {
      const made = this.#ofExpression(expression.expression, steps + 1);
      return made === undefined || made.isInstance ? undefined : { ...made, isInstance: true };
    }
    if (!ts.isIdentifier(expression) && !ts.isPropertyAccessExpression(expression)) {
      return undefined;
    }
    const symbol = this.#checker.getSymbolAtLocation(expression);
    return symbol === undefined ? undefined : this.ofSymbol(symbol, steps + 1);
  }
}

/** The one value that a declaration gives to its name. */
function valueOf(declaration: ts.Declaration): ts.Expression | undefined {
  if (ts.isVariableDeclaration(declaration)) {
    const isConstant = (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0;
    return isConstant ? declaration.initializer : undefined;
  }
  if (ts.isExportAssignment(declaration)) return declaration.expression;
  if (ts.isPropertyAssignment(declaration)) return declaration.initializer;
  // `exports.Foo = ...`, `module.exports = ...`
  if (ts.isBinaryExpression(declaration)) return declaration.right;
  const { parent } = declaration;
  const isTarget =
    ts.isPropertyAccessExpression(declaration) &&
    ts.isBinaryExpression(parent) &&
    parent.left === declaration;
  return isTarget ? parent.right : undefined;
}
