import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { GeeError } from "../base/errors.ts";
import { Fields, integer, text } from "../base/fields.ts";
import type { Log } from "../base/log.ts";
import { systemClock } from "../base/time.ts";
import type { ModuleContract } from "../contract/contract.ts";
import { parseModuleContract } from "../contract/parse.ts";
import { contentHash, type Input, isUnchanged, parseInputs } from "./inputs.ts";
import { ownUser } from "./surroundings.ts";

const maxEntries = 500;
/** So many are left when there were more. */
const keptEntries = 400;
const maxEntryBytes = 16 * 1024 * 1024;
/** A draft that is older was left behind by a process that was killed. */
const maxDraftMs = 3_600_000;
/** An entry that is in use is marked so at most this often. */
const touchedMs = 86_400_000;

/** Settings of a {@link ContractCache}. */
export interface ContractCacheOptions {
  /** Made when it is not there. */
  readonly folder: string;
  /** What reads contracts: entries of another are not used. */
  readonly stamp: string;
  readonly log: Log;
}

/**
 * Contracts in files, each with everything that was looked at for it; one is used only while all of
 * that is unchanged. Written by an atomic rename, for the owner's eyes only. Nothing here throws:
 * without a folder that can be used, nothing is kept, and a file that is broken is none.
 */
export class ContractCache {
  readonly #options: ContractCacheOptions;

  constructor(options: ContractCacheOptions) {
    this.#options = options;
  }

  #fileOf(path: string): string {
    const { folder, stamp } = this.#options;
    return `${folder}/${contentHash(`${stamp}\0${path}`)}.json`;
  }

  /** The contract of the module at `path`, if it is here and what it was read from is the same. */
  load(path: string): ModuleContract | undefined {
    const file = this.#fileOf(path);
    try {
      const content = readOwn(file);
      if (content === undefined) return undefined;
      const fields = new Fields(JSON.parse(content), "entry");
      fields.need("format", integer(1, 1));
      const own = text(4_096, /^[^]*$/);
      if (fields.need("stamp", own) !== this.#options.stamp) throw new Error("of another gee");
      if (fields.need("path", own) !== path) throw new Error("of another module");
      if (!fields.need("inputs", parseInputs).every(isUnchanged)) return undefined;
      return fields.need("module", parseModuleContract);
    } catch (thrown) {
      this.#tell("a saved contract is not used", file, thrown);
      return undefined;
    }
  }

  /** Keeps what was read of the module at `path`, and what was looked at for it. */
  save(path: string, module: ModuleContract, inputs: readonly Input[]): void {
    const { folder, stamp } = this.#options;
    const file = this.#fileOf(path);
    // Other processes may keep the same: each has a draft of its own.
    const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      const content = JSON.stringify({ format: 1, stamp, path, inputs, module });
      if (content.length > maxEntryBytes) throw new Error("it is too large");
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      try {
        writeFileSync(draft, content, { mode: 0o600, flag: "wx" });
        renameSync(draft, file);
      } catch (thrown) {
        rmSync(draft, { force: true });
        throw thrown;
      }
      prune(folder);
    } catch (thrown) {
      this.#tell("a contract cannot be saved", file, thrown);
    }
  }

  #tell(message: string, file: string, thrown: unknown): void {
    this.#options.log.debug(message, { file, why: GeeError.from(thrown).message });
  }
}

/** A file's text; undefined when there is none. @throws Error when it cannot be trusted */
function readOwn(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const { size, mode, uid, mtimeMs } = fstatSync(file);
    if (!isOwnersAlone(mode)) throw new Error("others than its owner may write to it");
    // Whoever can write it says which methods are private.
    if (uid !== (ownUser() ?? uid)) throw new Error("it is somebody else's");
    if (size > maxEntryBytes) throw new Error("it is too large");
    const content = readFileSync(file, "utf8");
    touch(path, mtimeMs);
    return content;
  } finally {
    closeSync(file);
  }
}

/** A regular file that nobody but its owner can write to. */
function isOwnersAlone(mode: number): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFREG && (mode & 0o022) === 0;
}

/** Those that were used last are kept longest. */
function touch(path: string, changedAt: number): void {
  const now = systemClock.wall();
  if (now - changedAt < touchedMs) return;
  try {
    utimesSync(path, now / 1_000, now / 1_000);
  } catch {
    // A folder that can be read alone is as good for reading.
  }
}

function prune(folder: string): void {
  const names = readdirSync(folder);
  const isDraft = (name: string): boolean => name.endsWith(".tmp");
  if (names.length <= maxEntries && !names.some(isDraft)) return;
  const now = systemClock.wall();
  const files = names.flatMap((name) => {
    const stats = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ name, changedAt: stats.mtimeMs }];
  });
  const remove = (name: string): void => rmSync(`${folder}/${name}`, { force: true });
  for (const { name, changedAt } of files) {
    if (isDraft(name) && now - changedAt > maxDraftMs) remove(name);
  }
  const entries = files.filter(({ name }) => name.endsWith(".json"));
  if (entries.length <= maxEntries) return;
  entries.sort((a, b) => b.changedAt - a.changedAt);
  for (const { name } of entries.slice(keptEntries)) remove(name);
}
