import ts from "typescript";
import type { SourceHost } from "./host.ts";
import { isPlatform } from "./paths.ts";

/** Where the compiler is told that its own declarations are. There is no such folder. */
const libFolder = "/.gee/lib";

/** Where the compiler is told that the declarations of "gee" are, for those who have it nowhere. */
export const libraryPath = "/.gee/gee.d.ts";

/**
 * The compiler's view of the machine, and what it has parsed so far. One is used for several programs,
 * which then share what they parse.
 */
export class CompilerFiles {
  readonly #host: SourceHost;
  readonly #parsed = new Map<string, ts.SourceFile | undefined>();

  constructor(host: SourceHost) {
    this.#host = host;
  }

  /** The text of one of TypeScript's own declarations. */
  lib(name: string): string | undefined {
    return this.#host.libFile(name);
  }

  /** The text of a file, of one of TypeScript's own, or of the library's declarations. */
  read(path: string): string | undefined {
    if (path.startsWith(`${libFolder}/`))
      return this.#host.libFile(path.slice(libFolder.length + 1));
    if (path === libraryPath) return this.#host.library;
    return this.#host.readFile(path);
  }

  exists(path: string): boolean {
    return path.startsWith("/.gee/") ? this.read(path) !== undefined : this.#host.fileExists(path);
  }

  #parse(path: string, options: ts.CreateSourceFileOptions): ts.SourceFile | undefined {
    if (this.#parsed.has(path)) return this.#parsed.get(path);
    const text = this.read(path);
    // Nobody asks for the comments of the platform's own types, and there are many.
    const isBare = path.startsWith(libFolder) || isPlatform(path);
    const file =
      text === undefined
        ? undefined
        : ts.createSourceFile(path, text, {
            ...options,
            jsDocParsingMode: isBare ? ts.JSDocParsingMode.ParseNone : ts.JSDocParsingMode.ParseAll,
          });
    this.#parsed.set(path, file);
    return file;
  }

  /** What TypeScript asks when names of modules and types are looked up. */
  lookup(folder: string): ts.ModuleResolutionHost {
    const host = this.#host;
    return {
      fileExists: (path) => this.exists(path),
      readFile: (path) => this.read(path),
      directoryExists: (path) => host.directoryExists(path),
      getDirectories: (path) => [...host.getDirectories(path)],
      realpath: (path) => (path.startsWith("/.gee/") ? path : host.realpath(path)),
      getCurrentDirectory: () => folder,
      useCaseSensitiveFileNames: true,
    };
  }

  /** The host of one program. */
  compilerHost(folder: string): ts.CompilerHost {
    const lookup = this.lookup(folder);
    return {
      fileExists: lookup.fileExists,
      readFile: lookup.readFile,
      directoryExists: (path) => this.#host.directoryExists(path),
      getDirectories: (path) => [...this.#host.getDirectories(path)],
      realpath: (path) => (path.startsWith("/.gee/") ? path : this.#host.realpath(path)),
      getCurrentDirectory: () => folder,
      useCaseSensitiveFileNames: () => true,
      getCanonicalFileName: (path) => path,
      getNewLine: () => "\n",
      getDefaultLibLocation: () => libFolder,
      getDefaultLibFileName: () => `${libFolder}/lib.esnext.d.ts`,
      getSourceFile: (path, target) =>
        this.#parse(path, typeof target === "object" ? target : { languageVersion: target }),
      writeFile: () => {},
    };
  }
}
