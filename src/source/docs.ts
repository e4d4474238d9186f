import ts from "typescript";

/** More is a book, and no comment. */
const maxDoc = 20_000;

function clean(text: string): string | undefined {
  const trimmed = text.replaceAll("\r\n", "\n").trim().slice(0, maxDoc);
  return trimmed === "" ? undefined : trimmed;
}

/** What stands in the comments of something, tags left out; undefined when there is nothing. */
export function docOf(symbol: ts.Symbol | undefined, checker: ts.TypeChecker): string | undefined {
  if (symbol === undefined) return undefined;
  return clean(ts.displayPartsToString(symbol.getDocumentationComment(checker)));
}

/** What `@param` says of a parameter. */
export function parameterDoc(symbol: ts.Symbol, checker: ts.TypeChecker): string | undefined {
  return clean((docOf(symbol, checker) ?? "").replace(/^-\s+/, ""));
}

/**
 * What `@deprecated` says, empty when it says nothing; undefined when it is not there, or not at each
 * overload.
 */
export function deprecationOf(declarations: readonly ts.Node[]): string | undefined {
  const tags = declarations.map((declaration) => ts.getJSDocDeprecatedTag(declaration));
  const [first] = tags;
  if (first === undefined || tags.includes(undefined)) return undefined;
  return clean(ts.getTextOfJSDocComment(first.comment) ?? "") ?? "";
}

/** A default value as it is written, on one line, cut at 200 characters. */
export function defaultText(initializer: ts.Expression): string {
  const text = initializer.getText();
  const line = text.includes("\n") ? text.replaceAll(/\s*\n\s*/g, " ") : text;
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
