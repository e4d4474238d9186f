import ts from "typescript";
import { isMarked } from "./shapes.ts";

/** Methods that are marked private or protected, by the name of their class. */
export type Marks = Map<string, Set<string>>;

/** What `const Key = "Sum"` stands for, by name. */
type Constants = ReadonlyMap<string, string>;

/**
 * The name of a class's member as it is known before anything runs: undefined for `#x`, and for what
 * is computed.
 */
export function memberName(name: ts.PropertyName, constants?: Constants): string | undefined {
  if (ts.isIdentifier(name) || ts.isStringLiteralLike(name) || ts.isNumericLiteral(name)) {
    return name.text;
  }
  if (!ts.isComputedPropertyName(name)) return undefined;
  const { expression } = name;
  if (ts.isStringLiteralLike(expression)) return expression.text;
  return ts.isIdentifier(expression) ? constants?.get(expression.text) : undefined;
}

/** What is one value in other words: in parentheses, or told to be of a type. */
type Wrapper =
  | ts.ParenthesizedExpression
  | ts.AssertionExpression
  | ts.SatisfiesExpression
  | ts.NonNullExpression;

function isWrapper(node: ts.Node): node is Wrapper {
  return (
    ts.isParenthesizedExpression(node) ||
    ts.isAssertionExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isNonNullExpression(node)
  );
}

/** The expression in parentheses, assertions and their like. */
export function bareExpression(expression: ts.Expression): ts.Expression {
  let inner = expression;
  while (isWrapper(inner)) inner = inner.expression;
  return inner;
}

/** The names that a class may have at run time; the first one is what it is called in the source. */
export function classNames(node: ts.ClassLikeDeclaration): readonly string[] {
  if (node.name !== undefined) return [node.name.text];
  if (ts.isClassDeclaration(node)) return ["default"];
  let outer: ts.Node = node.parent;
  while (isWrapper(outer)) outer = outer.parent;
  if (ts.isExportAssignment(outer)) return ["default"];
  if (ts.isBinaryExpression(outer)) {
    const { left } = outer;
    if (ts.isIdentifier(left)) return [left.text];
    // The language names no class that is assigned to a property.
    return ts.isPropertyAccessExpression(left) ? [left.name.text, ""] : [""];
  }
  if (
    ts.isVariableDeclaration(outer) ||
    ts.isPropertyAssignment(outer) ||
    ts.isPropertyDeclaration(outer) ||
    ts.isParameter(outer) ||
    ts.isBindingElement(outer)
  ) {
    return ts.isIdentifier(outer.name) ? [outer.name.text] : [""];
  }
  return [""];
}

/** Every node below one, in the source's order; not by recursion, because source may nest deep. */
export function* nodesOf(root: ts.Node): Generator<ts.Node> {
  const open: ts.Node[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield node;
    const children: ts.Node[] = [];
    ts.forEachChild(node, (child) => {
      children.push(child);
    });
    open.push(...children.reverse());
  }
}

function constantsOf(file: ts.SourceFile): Constants {
  const constants = new Map<string, string>();
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (!ts.isIdentifier(name) || initializer === undefined) continue;
      const value = bareExpression(initializer);
      if (ts.isStringLiteralLike(value)) constants.set(name.text, value.text);
    }
  }
  return constants;
}

/** Whether a class's member is a method, as far as its file can say: a `.d.ts` hides what kind. */
function mayBeMethod(member: ts.ClassElement): boolean {
  if (ts.isMethodDeclaration(member)) return true;
  return ts.isPropertyDeclaration(member) && member.getSourceFile().isDeclarationFile;
}

/** The methods of one class that are marked, in the source's order. */
export function markedMethods(
  node: ts.ClassLikeDeclaration,
  nameOf: (name: ts.PropertyName) => string | undefined,
): ReadonlySet<string> {
  const names = new Set<string>();
  for (const member of node.members) {
    if (member.name === undefined || !mayBeMethod(member) || !isMarked(member)) continue;
    const name = nameOf(member.name);
    if (name !== undefined) names.add(name);
  }
  return names;
}

/** Adds what the classes of a file mark. Its nodes must know their parents. */
export function collectMarks(file: ts.SourceFile, marks: Marks): void {
  if (!file.text.includes("class")) return;
  const constants = constantsOf(file);
  for (const node of nodesOf(file)) {
    if (!ts.isClassLike(node)) continue;
    const marked = markedMethods(node, (name) => memberName(name, constants));
    // A class that marks nothing is in sight as well: nothing of it is hidden.
    for (const name of classNames(node)) {
      const before = marks.get(name);
      marks.set(name, before === undefined ? new Set(marked) : before.union(marked));
    }
  }
}

/**
 * Adds what a file seems to mark that nests too deep for the parser, under the name that no class
 * has: a method that is kept from callers by mistake is missed, one that is served by mistake is not.
 */
export function guessMarks(text: string, marks: Marks): void {
  const found = new Set(marks.get(""));
  const keyword = /\b(?:private|protected)\b[\s\w*]*?([A-Za-z]\w*)\s*\??\s*[<(]/g;
  const comment =
    /@(?:private|protected)\b(?:(?!\*\/)[^])*\*\/[\s\w*]*?([A-Za-z]\w*)\s*\??\s*[<(]/g;
  for (const pattern of [keyword, comment]) {
    for (const [, name] of text.matchAll(pattern)) if (name !== undefined) found.add(name);
  }
  if (found.size > 0) marks.set("", found);
}

/** Marks as the contract has them. */
export function plainMarks(marks: Marks): Record<string, readonly string[]> {
  return Object.fromEntries([...marks].map(([name, methods]) => [name, [...methods]]));
}
