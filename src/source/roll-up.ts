import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { readBytes } from "./inputs.ts";

/** Globals that are not of the language: an empty project lacks them, and they merge with a runtime's. */
const globals = `/** As far as gee needs it; one with the runtime's own, where there is one. */
interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: any;
  throwIfAborted(): void;
}
`;

/** A name at the top of some file, as it is written there. */
interface Place {
  readonly file: string;
  readonly name: string;
}

/** The declarations of one file, without what they do. */
interface Declared {
  readonly source: ts.SourceFile;
  /** Statements by the names that they declare: overloads and merged interfaces are several. */
  readonly own: ReadonlyMap<string, readonly ts.Statement[]>;
  /** What other files' names are called here, imported or passed on. */
  readonly imported: ReadonlyMap<string, Place>;
  /** Exported names that are not declared here. */
  readonly passedOn: ReadonlyMap<string, Place>;
}

/** A change to a file's text. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.Preserve,
  strict: true,
  declaration: true,
  isolatedDeclarations: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
};

function fail(file: string, why: string): never {
  throw new Error(`${file}: ${why}`);
}

function namesOf(statement: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const isNamed =
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isEnumDeclaration(statement);
  return isNamed && statement.name !== undefined ? [statement.name.text] : [];
}

function declare(file: string): Declared {
  const bytes = readBytes(file)?.bytes ?? fail(file, "it cannot be read");
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(
    new TextDecoder().decode(bytes),
    { fileName: file, compilerOptions: options, reportDiagnostics: true },
  );
  for (const { messageText } of diagnostics) {
    fail(file, ts.flattenDiagnosticMessageText(messageText, " "));
  }
  // That a class has fields of its own is nobody's business.
  const shown = outputText.replaceAll(/^ *#private;\n/gm, "");
  const source = ts.createSourceFile(file, shown, ts.ScriptTarget.ESNext, true);
  const own = new Map<string, ts.Statement[]>();
  const imported = new Map<string, Place>();
  const passedOn = new Map<string, Place>();
  const placeOf = (specifier: ts.Expression | undefined, name: string): Place => {
    if (specifier === undefined) return { file, name };
    const path = ts.isStringLiteral(specifier) ? specifier.text : "";
    if (!path.startsWith(".")) fail(file, `${name} is of ${path}, which nobody else has`);
    return { file: join(dirname(file), path), name };
  };
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      const bindings = statement.importClause?.namedBindings;
      if (bindings === undefined || !ts.isNamedImports(bindings)) fail(file, "an import of all");
      for (const { name, propertyName = name } of bindings.elements) {
        imported.set(name.text, placeOf(statement.moduleSpecifier, propertyName.text));
      }
    } else if (ts.isExportDeclaration(statement)) {
      const clause = statement.exportClause;
      if (clause === undefined || !ts.isNamedExports(clause)) fail(file, "an export of all");
      for (const { name, propertyName = name } of clause.elements) {
        passedOn.set(name.text, placeOf(statement.moduleSpecifier, propertyName.text));
      }
    } else {
      for (const name of namesOf(statement)) own.set(name, [...(own.get(name) ?? []), statement]);
    }
  }
  return { source, own, imported, passedOn };
}

/** The names that a statement means, each where it stands; not those of fields and parameters. */
function* references(node: ts.Node): Generator<ts.Identifier> {
  const leftmost = (name: ts.Node): ts.Node =>
    ts.isQualifiedName(name)
      ? leftmost(name.left)
      : ts.isPropertyAccessExpression(name)
        ? leftmost(name.expression)
        : name;
  const meant = ts.isTypeReferenceNode(node)
    ? node.typeName
    : ts.isTypeQueryNode(node)
      ? node.exprName
      : ts.isExpressionWithTypeArguments(node) || ts.isComputedPropertyName(node)
        ? node.expression
        : undefined;
  const name = meant === undefined ? undefined : leftmost(meant);
  if (name !== undefined && ts.isIdentifier(name)) yield name;
  if (ts.isImportTypeNode(node)) fail(node.getSourceFile().fileName, "an import within a type");
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* references(child);
}

/** Names that a statement binds itself: `T` in `<T>`, and in `infer T`. */
function bound(node: ts.Node, names = new Set<string>()): ReadonlySet<string> {
  if (ts.isTypeParameterDeclaration(node)) names.add(node.name.text);
  ts.forEachChild(node, (child) => void bound(child, names));
  return names;
}

class RollUp {
  readonly #files = new Map<string, Declared>();
  /** By file and name: what it is called in the end. In the order in which they were met. */
  readonly #called = new Map<string, Place & { readonly as: string }>();
  readonly #taken = new Set<string>();

  file(path: string): Declared {
    let declared = this.#files.get(path);
    if (declared === undefined) this.#files.set(path, (declared = declare(path)));
    return declared;
  }

  /** Where a name of a file is declared, through every file that passes it on. */
  #declaredAt(place: Place): Place | undefined {
    const { own, imported, passedOn } = this.file(place.file);
    if (own.has(place.name)) return place;
    const next = imported.get(place.name) ?? passedOn.get(place.name);
    return next === undefined ? undefined : this.#declaredAt(next);
  }

  /** Takes in a name and everything that it means. Returns what it is called. */
  include(place: Place, as?: string): string | undefined {
    const at = this.#declaredAt(place);
    if (at === undefined) return undefined;
    const key = `${at.file} ${at.name}`;
    const before = this.#called.get(key);
    if (before !== undefined) return before.as;
    let called = as ?? at.name;
    // A name that the library gives goes before one that only its types use.
    for (let count = 2; this.#taken.has(called); count++) called = `${at.name}_${count}`;
    this.#taken.add(called);
    this.#called.set(key, { ...at, as: called });
    return called;
  }

  reserve(names: Iterable<string>): void {
    for (const name of names) this.#taken.add(name);
  }

  release(name: string): void {
    this.#taken.delete(name);
  }

  /** The text of everything that was taken in, public names exported. */
  text(isPublic: (name: string) => boolean): string {
    const texts: string[] = [];
    // It grows meanwhile, by what is met on the way.
    for (const { file, name, as } of this.#called.values()) {
      for (const statement of this.file(file).own.get(name) ?? []) {
        texts.push(this.#rewrite(file, statement, name, as, isPublic(as)));
      }
    }
    return texts.join("\n");
  }

  #rewrite(file: string, statement: ts.Statement, name: string, as: string, open: boolean): string {
    const { source } = this.file(file);
    const edits: Edit[] = [];
    const own = bound(statement);
    for (const identifier of references(statement)) {
      if (own.has(identifier.text)) continue;
      const called = this.include({ file, name: identifier.text });
      if (called === undefined || called === identifier.text) continue;
      edits.push({ from: identifier.getStart(), to: identifier.end, text: called });
    }
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    for (const { kind, end } of modifiers) {
      if (kind !== ts.SyntaxKind.ExportKeyword && kind !== ts.SyntaxKind.DeclareKeyword) continue;
      const from = end - (ts.tokenToString(kind) ?? "").length;
      edits.push({ from, to: end + 1, text: "" });
    }
    const start = statement.getStart();
    const first = modifiers[0]?.getStart() ?? start;
    if (open) edits.push({ from: first, to: first, text: "export " });
    if (as !== name) edits.push(this.#renamed(file, statement, name, as));
    const docs = ts.getLeadingCommentRanges(source.text, statement.pos)?.at(-1);
    const from = docs?.pos ?? start;
    let text = source.text.slice(from, statement.end);
    for (const edit of edits.toSorted((a, b) => b.from - a.from || b.to - a.to)) {
      text = text.slice(0, edit.from - from) + edit.text + text.slice(edit.to - from);
    }
    return text;
  }

  #renamed(file: string, statement: ts.Statement, name: string, as: string): Edit {
    let found: Edit | undefined;
    const look = (node: ts.Node): void => {
      if (found !== undefined) return;
      const isName = ts.isIdentifier(node) && node.text === name && !ts.isTypeNode(node.parent);
      if (isName) found = { from: node.getStart(), to: node.end, text: as };
      else ts.forEachChild(node, look);
    };
    look(statement);
    return found ?? fail(file, `${name} cannot be renamed`);
  }
}

/**
 * The declarations of everything that a file exports, with all that they mean, as one ambient module
 * of the name `module`. What is not exported is there and cannot be imported.
 *
 * @throws Error when something in it cannot be written down that way
 */
export function rollUp(entry: string, module: string): string {
  const all = new RollUp();
  const { own, passedOn } = all.file(entry);
  const exported = new Map([
    ...[...own.keys()].map((name) => [name, { file: entry, name }] as const),
    ...passedOn,
  ]);
  all.reserve(exported.keys());
  for (const [name, place] of exported) {
    all.release(name);
    const called = all.include(place, name);
    if (called !== name) fail(entry, `${name} is ${called ?? "nothing"}`);
  }
  const body = all
    .text((name) => exported.has(name))
    // In steps of four, as TypeScript prints it.
    .replaceAll(/^(?: {4})+/gm, (indent) => " ".repeat(indent.length / 2))
    .replaceAll(/^(?=.)/gm, "  ");
  return `${globals}\ndeclare module "${module}" {\n${body}\n  export {};\n}\n`;
}

/** The declarations of "gee", from the library's own source. @throws Error as {@link rollUp} does */
export function rollUpLibrary(): string {
  return rollUp(fileURLToPath(new URL("../index.ts", import.meta.url)), "gee");
}
