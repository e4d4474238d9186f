import ts from "typescript";

const root = new URL("../../", import.meta.url).pathname;

/** A file that an editor shows, and that nobody has saved. */
interface Buffered {
  text: string;
  version: number;
}

/**
 * TypeScript 5.9 as an editor runs it, with this package as the one that `gee` is resolved to. Files
 * of the project are in memory; all others are those on the disk.
 */
export class Editor implements Disposable {
  readonly #files: Map<string, Buffered> = new Map();
  readonly #service: ts.LanguageService;

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) {
      this.#files.set(this.path(name), { text, version: 1 });
    }
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ESNext,
      lib: ["lib.esnext.d.ts"],
      module: ts.ModuleKind.Preserve,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      types: ["bun-types"],
      typeRoots: [`${root}node_modules`],
      noEmit: true,
      allowImportingTsExtensions: true,
      strict: true,
      skipLibCheck: true,
      paths: { gee: [`${root}src/index.ts`] },
    };
    this.#service = ts.createLanguageService(
      {
        getCompilationSettings: () => options,
        getScriptFileNames: () => [...this.#files.keys()],
        getScriptVersion: (path) => String(this.#files.get(path)?.version ?? 1),
        getScriptSnapshot: (path) => {
          const text = this.#files.get(path)?.text ?? ts.sys.readFile(path);
          return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
        },
        getCurrentDirectory: () => `${root}project`,
        getDefaultLibFileName: (own) => ts.getDefaultLibFilePath(own),
        fileExists: (path) => this.#files.has(path) || ts.sys.fileExists(path),
        readFile: (path) => this.#files.get(path)?.text ?? ts.sys.readFile(path),
        directoryExists: (path) => path === `${root}project` || ts.sys.directoryExists(path),
        getDirectories: (path) => ts.sys.getDirectories(path),
      },
      ts.createDocumentRegistry(),
    );
  }

  /** Where a file of the project is. */
  path(name: string): string {
    return `${root}project/${name}`;
  }

  /** Somebody types: the file has another text. */
  edit(name: string, text: string): void {
    const file = this.#files.get(this.path(name));
    if (file === undefined) throw new Error(`there is no file ${name}`);
    file.text = text;
    file.version++;
  }

  #behind(name: string, mark: string): number {
    const at = (this.#files.get(this.path(name))?.text ?? "").lastIndexOf(mark);
    if (at < 0) throw new Error(`there is no ${mark} in ${name}`);
    return at + mark.length;
  }

  /** The names that are offered behind the last `mark` of a file. */
  completions(name: string, mark: string): readonly string[] {
    const at = this.#behind(name, mark);
    const found = this.#service.getCompletionsAtPosition(this.path(name), at, {});
    return found?.entries.map((entry) => entry.name) ?? [];
  }

  /** What is shown of the word that the last `mark` of a file ends with: its type, then its comment. */
  shown(name: string, mark: string): readonly string[] {
    const at = this.#behind(name, mark);
    const found = this.#service.getQuickInfoAtPosition(this.path(name), at - 1);
    return [found?.displayParts, found?.documentation].map((parts) =>
      ts.displayPartsToString(parts),
    );
  }

  /** What is wrong with a file. */
  errors(name: string): readonly string[] {
    const path = this.path(name);
    const found = [
      ...this.#service.getSyntacticDiagnostics(path),
      ...this.#service.getSemanticDiagnostics(path),
    ];
    return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  }

  [Symbol.dispose](): void {
    this.#service.dispose();
  }
}
