import { constants, closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { Fields, integer, list, record, text } from "../base/fields.ts";
import { isServiceName } from "../base/names.ts";
import type { Environment } from "./values.ts";

/** What was seen of running servers, for completions that follow soon. */
export interface SeenNames {
  /** Addresses of some servers of each service. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** Those of the services that were looked at. */
  readonly methods: Readonly<Record<string, readonly string[]>>;
  /** Ids of instances. */
  readonly instances: readonly string[];
}

/** For how long a person who types is told the same. */
const maxAgeMs = 5_000;
const maxBytes = 4_194_304;
const maxNames = 20_000;

/** `gee` in the user's cache folder; undefined when nobody says where that is. */
export function cacheFolder(env: Environment): string | undefined {
  const { XDG_CACHE_HOME: folder = "", HOME: home = "" } = env;
  if (folder.startsWith("/")) return `${folder}/gee`;
  return home.startsWith("/") ? `${home}/.cache/gee` : undefined;
}

const names = list(maxNames, text(300));
const byName = record(maxNames, text(64), names);

/** Everything in a file. @throws GeeError INVALID_ARGUMENT, naming the field */
function parse(value: unknown): { key: string; savedAt: number; seen: SeenNames } {
  const fields = new Fields(value, "names");
  return {
    key: fields.need("key", text(65_536, /^[^]*$/)),
    savedAt: fields.need("savedAt", integer(0, Number.MAX_SAFE_INTEGER)),
    seen: {
      services: fields.need("services", byName),
      methods: fields.need("methods", byName),
      instances: fields.need("instances", names),
    },
  };
}

function read(file: string): string | undefined {
  // Opening a pipe that nobody writes to would wait for ever otherwise.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    // Whoever can write to it says what is asked next.
    const isOurs = stats.isFile() && (stats.mode & 0o022) === 0 && stats.size <= maxBytes;
    return isOurs ? readFileSync(descriptor, "utf8") : undefined;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The last names that were seen, in one file of the user's own: `completions.json`. It is good for 5 s
 * and for those who ask the same servers (`key`). Nothing here throws: without it, servers are asked.
 */
export class NamesCache {
  readonly #file: string | undefined;
  readonly #folder: string | undefined;
  readonly #key: string;
  readonly #wall: () => number;
  /** When the servers were asked; what is added later is no younger. */
  #savedAt: number | undefined;

  constructor(folder: string | undefined, key: string, wall: () => number) {
    this.#folder = folder;
    this.#file = folder === undefined ? undefined : `${folder}/completions.json`;
    this.#key = key;
    this.#wall = wall;
  }

  /** What was seen lately; undefined when nothing was. */
  load(): SeenNames | undefined {
    if (this.#file === undefined) return undefined;
    try {
      const content = read(this.#file);
      const { key, savedAt, seen } = parse(JSON.parse(content ?? ""));
      const isFresh = Math.abs(this.#wall() - savedAt) <= maxAgeMs;
      const known = [...Object.keys(seen.services), ...Object.keys(seen.methods)];
      if (key !== this.#key || !isFresh || !known.every(isServiceName)) return undefined;
      this.#savedAt = savedAt;
      return seen;
    } catch {
      return undefined;
    }
  }

  /** Keeps what was seen, for 5 s from the first time on. */
  save(seen: SeenNames): void {
    if (this.#file === undefined || this.#folder === undefined) return;
    const draft = `${this.#file}.${process.pid}.tmp`;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      this.#savedAt ??= Math.round(this.#wall());
      const content = JSON.stringify({ key: this.#key, savedAt: this.#savedAt, ...seen });
      writeFileSync(draft, content, { mode: 0o600, flag: "wx" });
      renameSync(draft, this.#file);
    } catch {
      try {
        rmSync(draft, { force: true });
      } catch {
        // Where nothing can be written, nothing was.
      }
    }
  }
}
