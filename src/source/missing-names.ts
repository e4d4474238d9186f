import ts from "typescript";
import { nodesOf } from "./marks.ts";

/** Names of the platform that give nothing that a caller could get. */
const quiet =
  /^(?:console|(?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask|arguments|const|undefined)$/;

/** What an identifier does where it stands. */
function roleOf(node: ts.Identifier): "declares" | "uses" | "neither" {
  const { parent } = node;
  const isName = "name" in parent && parent.name === node;
  if (ts.isPropertyAccessExpression(parent) || ts.isMetaProperty(parent)) {
    return isName ? "neither" : "uses";
  }
  if (ts.isQualifiedName(parent)) return parent.right === node ? "neither" : "uses";
  if (ts.isShorthandPropertyAssignment(parent)) return "uses";
  if (ts.isObjectLiteralElement(parent) || ts.isClassElement(parent) || ts.isTypeElement(parent)) {
    return isName ? "neither" : "uses";
  }
  if (ts.isNamedTupleMember(parent) || ts.isEnumMember(parent)) return isName ? "neither" : "uses";
  if (ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent)) return "neither";
  if (ts.isJsxAttribute(parent) || ts.isJsxOpeningLikeElement(parent)) return "neither";
  if (ts.isJsxClosingElement(parent)) return "neither";
  if (ts.isExportSpecifier(parent)) return "neither";
  if ("propertyName" in parent && parent.propertyName === node) return "neither";
  return isName ? "declares" : "uses";
}

/** What stands in the comments of JavaScript: `@param {Buffer} data`. */
function wordsInComments(file: ts.SourceFile): string[] {
  if (!/\.[cm]?jsx?$/.test(file.fileName)) return [];
  const types = [...file.text.matchAll(/@\w+\s*\{([^}]*)\}/g)].map(([, type]) => type ?? "");
  return types.flatMap((type) => type.match(/\b[A-Z]\w*/g) ?? []);
}

function isBareImport(node: ts.Node): node is ts.ImportDeclaration | ts.ExportDeclaration {
  if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) return false;
  const { moduleSpecifier } = node;
  return (
    moduleSpecifier !== undefined &&
    ts.isStringLiteral(moduleSpecifier) &&
    moduleSpecifier.text !== "gee" &&
    !/^[./]/.test(moduleSpecifier.text)
  );
}

/**
 * Names that the source uses and that nobody has declared, and whether a module that it imports is not
 * there: what the platform's own declarations may explain. They are three times as large as
 * everything else, so they are only read for somebody who needs them.
 */
export function missingNames(
  files: readonly ts.SourceFile[],
  checker: ts.TypeChecker,
): ReadonlySet<string> {
  const missing = new Set<string>();
  const [first] = files;
  if (first === undefined) return missing;
  const everything = ts.SymbolFlags.Value | ts.SymbolFlags.Type | ts.SymbolFlags.Namespace;
  const known = new Set(checker.getSymbolsInScope(first, everything).map(({ name }) => name));
  for (const file of files) {
    const declared = new Set<string>();
    const used = new Set(wordsInComments(file));
    for (const node of nodesOf(file)) {
      if (ts.isIdentifier(node)) {
        const role = roleOf(node);
        if (role === "declares") declared.add(node.text);
        else if (role === "uses") used.add(node.text);
      } else if (isBareImport(node) && node.moduleSpecifier !== undefined) {
        const found = checker.getSymbolAtLocation(node.moduleSpecifier) !== undefined;
        if (!found) missing.add(node.moduleSpecifier.getText());
      }
    }
    for (const name of used) {
      if (!declared.has(name) && !quiet.test(name) && !known.has(name)) missing.add(name);
    }
  }
  return missing;
}
