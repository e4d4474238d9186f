import { randomBytes } from "node:crypto";
import { constants, promises as files } from "node:fs";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { type Clock, sleep } from "../base/time.ts";
import { Fields, integer, list, text } from "../base/fields.ts";
import { type Member, parseMember } from "./member.ts";

/** An older file is of no use, by the wall clock: there is no other between two processes. */
const maxAgeMs = 86_400_000;

/** A file is written at most this often ... */
const minWriteMs = 1_000;

/** ... and at least this often while the list stays the same, so that it stays of use. */
const maxWriteMs = 3_600_000;

/** What a file held. */
export interface SavedList {
  readonly members: readonly Member[];
  /** Since it was written. */
  readonly ageMs: number;
}

/** Settings of a {@link ListCache}. */
export interface ListCacheOptions {
  /** Its path. The folder must be there. */
  readonly file: string;
  /** Whose list it is, by URL in any order: the list of other registries is none of ours. */
  readonly registries: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Everything in a file. @throws GeeError INVALID_ARGUMENT, naming the field */
function parse(value: unknown): Omit<SavedList, "ageMs"> & {
  readonly registries: readonly string[];
  readonly savedAt: number;
} {
  const fields = new Fields(value, "list");
  fields.need("format", integer(1, 1));
  return {
    registries: fields.need("registries", list(1_000, text(4_096))),
    savedAt: fields.need("savedAt", integer(0, Number.MAX_SAFE_INTEGER)),
    members: fields.need("instances", list(limits.maxInstances, parseMember)),
  };
}

/**
 * A member list in a file, for a client that starts while no registry answers. Written by an atomic
 * rename, for the owner's eyes only; a file that is broken, too old, that others may write to, or
 * that is about other registries is not used. Nothing here throws: what is wrong is one warning.
 */
export class ListCache implements AsyncDisposable {
  readonly #options: ListCacheOptions;
  readonly #closing = new AbortController();
  /** What is in the file, if it was written here, and since when. */
  #saved: readonly Member[] | undefined;
  #savedAt = Number.NEGATIVE_INFINITY;
  #waiting: readonly Member[] | undefined;
  #writing: Promise<void> | undefined;
  #told = "";

  constructor(options: ListCacheOptions) {
    this.#options = options;
  }

  /** What the file holds; undefined when that is of no use. A file that is not there is no news. */
  async load(): Promise<SavedList | undefined> {
    const { file, clock, registries } = this.#options;
    try {
      const content = await read(file);
      if (content === undefined) return undefined;
      const saved = parse(JSON.parse(content));
      const ageMs = clock.wall() - saved.savedAt;
      if (Math.abs(ageMs) > maxAgeMs) throw new Error("it is more than 24 hours old");
      if (saved.registries.toSorted().join(" ") !== registries.toSorted().join(" ")) {
        throw new Error(`it is the list of ${saved.registries.join(", ")}`);
      }
      return { members: saved.members, ageMs: Math.max(0, ageMs) };
    } catch (thrown) {
      this.#tell("the saved list is not used", thrown);
      return undefined;
    }
  }

  /** Writes the list, soon, unless the file holds it already. */
  save(members: readonly Member[]): void {
    const idleMs = this.#options.clock.now() - this.#savedAt;
    if (members === this.#saved && idleMs < maxWriteMs) return;
    this.#waiting = members;
    this.#writing ??= this.#write();
  }

  /** Resolves when the last list that was given is in the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (this.#waiting !== undefined) {
      const waitMs = this.#savedAt + minWriteMs - clock.now();
      if (waitMs > 0) await sleep(clock, waitMs, { signal, background: true }).catch(() => {});
      const members = this.#waiting;
      this.#waiting = undefined;
      this.#saved = members;
      this.#savedAt = clock.now();
      try {
        await this.#replace(members);
      } catch (thrown) {
        this.#saved = undefined;
        this.#tell("the list cannot be saved", thrown);
      }
    }
    // Here and not when the promise settles: a list given in between would wait for ever.
    this.#writing = undefined;
  }

  /** A reader, or a crash, finds the old file or the new one and never half of one. */
  async #replace(members: readonly Member[]): Promise<void> {
    const { file, registries, clock } = this.#options;
    const savedAt = Math.round(clock.wall());
    const content = JSON.stringify({ format: 1, savedAt, registries, instances: members });
    // Other processes may save to the same file: each has a draft of its own.
    const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      await files.writeFile(draft, content, { mode: 0o600, flag: "wx" });
      await files.rename(draft, file);
    } catch (thrown) {
      await files.rm(draft, { force: true });
      throw thrown;
    }
  }

  #tell(message: string, thrown: unknown): void {
    // What failed, without the names of the files: that of a draft is another each time.
    const why = GeeError.from(thrown).message.replace(/, \w+ '.*$/s, "");
    // It is tried again and again; the same fault is worth one line.
    if (why === this.#told) return;
    this.#told = why;
    this.#options.log.warn(message, { file: this.#options.file, why });
  }
}

/** A file's text; undefined when there is no such file. @throws Error when it cannot be trusted */
async function read(file: string): Promise<string | undefined> {
  let handle: files.FileHandle;
  try {
    // Opening a pipe that nobody writes to would wait for ever otherwise.
    handle = await files.open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Error("it is no regular file");
    // Whoever can write to it says where calls go.
    if ((stats.mode & 0o022) !== 0) throw new Error("others than its owner may write to it");
    if (stats.size > limits.maxRegistryAnswerBytes) throw new Error("it is too large");
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
