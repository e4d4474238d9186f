import type { SourceHost } from "./host.ts";
import {
  fileInput,
  folderNames,
  type Input,
  linkedPath,
  namesInput,
  type PathKind,
  pathKind,
  readBytes,
} from "./inputs.ts";

/** What a {@link DiskHost} gives that is not on disk. */
export interface DiskHostOptions {
  /** As `SourceHost.libFile`. */
  readonly libFile: (name: string) => string | undefined;
  /** As `SourceHost.library`; asked once, when it is wanted. */
  readonly library: () => string | undefined;
}

/**
 * The disk as the extractor sees it, and a record of what it has looked at. Nothing is looked at
 * twice: one reading sees one state of each file, and that is what is recorded.
 */
export class DiskHost implements SourceHost {
  readonly libFile: (name: string) => string | undefined;
  readonly #library: () => string | undefined;
  #libraryText: { readonly text: string | undefined } | undefined;
  readonly #kinds = new Map<string, PathKind>();
  readonly #texts = new Map<string, string | undefined>();
  readonly #names = new Map<string, readonly string[]>();
  readonly #links = new Map<string, string>();
  readonly #files: Input[] = [];

  constructor(options: DiskHostOptions) {
    this.libFile = options.libFile;
    this.#library = options.library;
  }

  get library(): string | undefined {
    this.#libraryText ??= { text: this.#library() };
    return this.#libraryText.text;
  }

  readFile(path: string): string | undefined {
    if (this.#texts.has(path)) return this.#texts.get(path);
    const isFile = this.fileExists(path);
    const file = isFile ? readBytes(path) : undefined;
    // A byte order mark is no part of a text.
    const text = file === undefined ? undefined : new TextDecoder().decode(file.bytes);
    if (isFile) this.#files.push(fileInput(path, file));
    this.#texts.set(path, text);
    return text;
  }

  fileExists(path: string): boolean {
    return this.#kind(path) === "file";
  }

  directoryExists(path: string): boolean {
    return this.#kind(path) === "folder";
  }

  getDirectories(path: string): readonly string[] {
    let names = this.#names.get(path);
    if (names === undefined) this.#names.set(path, (names = folderNames(path)));
    return names;
  }

  realpath(path: string): string {
    let to = this.#links.get(path);
    if (to === undefined) this.#links.set(path, (to = linkedPath(path)));
    return to;
  }

  #kind(path: string): PathKind {
    let kind = this.#kinds.get(path);
    if (kind === undefined) this.#kinds.set(path, (kind = pathKind(path)));
    return kind;
  }

  /** All that was looked at so far, each once. */
  inputs(): readonly Input[] {
    const read = new Set(this.#files.map(({ path }) => path));
    return [
      ...this.#files,
      ...[...this.#kinds]
        // That a file is there is part of what it holds.
        .filter(([path]) => !read.has(path))
        .map(([path, is]): Input => ({ kind: "path", path, is })),
      ...[...this.#names].map(([path, names]) => namesInput(path, names)),
      ...[...this.#links]
        .filter(([path, to]) => path !== to)
        .map(([path, to]): Input => ({ kind: "link", path, to })),
    ];
  }
}
