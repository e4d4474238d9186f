/**
 * What the extractor may see of the machine. Paths are absolute, with `/`. None of these throws: what
 * cannot be read is not there.
 */
export interface SourceHost {
  /** A file's text; undefined when there is none. */
  readFile(path: string): string | undefined;
  fileExists(path: string): boolean;
  directoryExists(path: string): boolean;
  /** The names of the folders in a folder. */
  getDirectories(path: string): readonly string[];
  /** The path with its links followed; the path itself when there is nothing. */
  realpath(path: string): string;
  /** The text of one of TypeScript's own declarations, `lib.es2024.d.ts` and so on. */
  libFile(name: string): string | undefined;
  /** The text of the declarations of "gee", for modules that import it and have it nowhere. */
  readonly library?: string | undefined;
}
