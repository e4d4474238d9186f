import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { realpathSync, statSync } from "node:fs";
import { Fields, integer, list, number, text, word } from "../base/fields.ts";
import type { Parse } from "../base/fields.ts";

/** A larger file is nobody's source. */
const maxFileBytes = 32 * 1024 * 1024;

/** What a path leads to, links followed. */
export type PathKind = "file" | "folder" | "none";

/**
 * Something that was looked at on disk while contracts were read. As long as all of them are as they
 * were, so is the answer.
 */
export type Input =
  /** A person's own file. Its hash is empty when it could not be read. */
  | { readonly kind: "content"; readonly path: string; readonly hash: string }
  /** A package's file, which is not read again to see whether it is the same. */
  | {
      readonly kind: "stats";
      readonly path: string;
      readonly bytes: number;
      readonly changedAt: number;
    }
  /** Whether there is anything: what is missing can come. */
  | { readonly kind: "path"; readonly path: string; readonly is: PathKind }
  /** The names of the folders in a folder. */
  | { readonly kind: "names"; readonly path: string; readonly hash: string }
  /** Where a link leads. */
  | { readonly kind: "link"; readonly path: string; readonly to: string };

/** What stands at a path now. Never throws. */
export function pathKind(path: string): PathKind {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return "none";
    return stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "none";
  } catch {
    return "none";
  }
}

/** A file's bytes with what was said of it before they were read. */
export interface FileBytes {
  readonly bytes: Uint8Array;
  readonly changedAt: number;
}

/** Reads a regular file of at most 32 MiB; undefined when there is none or it cannot be read. */
export function readBytes(path: string): FileBytes | undefined {
  try {
    // Opening a pipe that nobody writes to would wait for ever otherwise.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(file);
      if (!stats.isFile() || stats.size > maxFileBytes) return undefined;
      return { bytes: readFileSync(file), changedAt: stats.mtimeMs };
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** A short name for some content: 128 bits in hex. */
export function contentHash(content: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex").slice(0, 32);
}

/** The names of the folders in a folder, sorted; none when it cannot be read. */
export function folderNames(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries
      .filter((entry) => {
        return entry.isDirectory() || (entry.isSymbolicLink() && isFolder(path, entry.name));
      })
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}

function isFolder(folder: string, name: string): boolean {
  return pathKind(`${folder}/${name}`) === "folder";
}

/** Where a path leads with its links followed; the path itself when there is nothing. */
export function linkedPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** What is recorded of a file that was read: of a package's its size and time, else its content. */
export function fileInput(path: string, file: FileBytes | undefined): Input {
  if (file === undefined) return { kind: "content", path, hash: "" };
  if (path.includes("/node_modules/")) {
    return { kind: "stats", path, bytes: file.bytes.length, changedAt: file.changedAt };
  }
  return { kind: "content", path, hash: contentHash(file.bytes) };
}

/** What is recorded of a folder's folders. */
export function namesInput(path: string, names: readonly string[]): Input {
  return { kind: "names", path, hash: contentHash(names.join("\0")) };
}

/** Whether it is still as it was recorded. Never throws. */
export function isUnchanged(input: Input): boolean {
  switch (input.kind) {
    case "content": {
      const file = readBytes(input.path);
      return (file === undefined ? "" : contentHash(file.bytes)) === input.hash;
    }
    case "stats": {
      try {
        const stats = statSync(input.path, { throwIfNoEntry: false });
        return stats?.size === input.bytes && stats.mtimeMs === input.changedAt;
      } catch {
        return false;
      }
    }
    case "path":
      return pathKind(input.path) === input.is;
    case "names":
      return contentHash(folderNames(input.path).join("\0")) === input.hash;
    case "link":
      return linkedPath(input.path) === input.to;
  }
}

const anyPath = text(4_096, /^[^\0]+$/);
const hash = text(32, /^[0-9a-f]*$/);

function parseInput(value: unknown, path: string): Input {
  const fields = new Fields(value, path);
  const kind = fields.need("kind", word("content", "stats", "path", "names", "link"));
  const own = { path: fields.need("path", anyPath) };
  switch (kind) {
    case "content":
    case "names":
      return { kind, ...own, hash: fields.need("hash", hash) };
    case "stats":
      return {
        kind,
        ...own,
        bytes: fields.need("bytes", integer(0, maxFileBytes)),
        changedAt: fields.need("changedAt", number(-1e15, 1e15)),
      };
    case "path":
      return { kind, ...own, is: fields.need("is", word("file", "folder", "none")) };
    case "link":
      return { kind, ...own, to: fields.need("to", anyPath) };
  }
}

/** Reads {@link Input}s from outside. @throws GeeError INVALID_ARGUMENT, naming the field */
export const parseInputs: Parse<readonly Input[]> = list(50_000, parseInput);
