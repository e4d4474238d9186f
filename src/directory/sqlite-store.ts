import { Database } from "bun:sqlite";
import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import { limits } from "../base/limits.ts";
import { type Log, printable } from "../base/log.ts";
import type { Clock, Timer } from "../base/time.ts";
import { parseStored, type Store, storeKey, type StoredMember } from "./store.ts";

/** What changes within so long after the first change is written together. */
const flushMs = 50;

/** Rows of one transaction: the loop stands still while it is written. */
const maxRows = 500;

/** After a failure it is tried again so often. */
const retryMs = 2_000;

/** Marks a file as ours: "geer". */
const applicationId = 0x67_65_65_72;

const format = 1;

/** Settings of a {@link SqliteStore}. */
export interface SqliteStoreOptions {
  /** Its path. It is made when it is not there; the folder is not. */
  readonly file: string;
  /** Whether members at addresses of the own machine are read. */
  readonly allowLoopback: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

function errorCode(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

function inWords(thrown: unknown): string {
  if (errorCode(thrown) === "SQLITE_BUSY") return "another process has it locked";
  return printable(thrown instanceof Error ? thrown.message : String(thrown));
}

/** What SQLite takes for a file whatever it is called: `:memory:` and `file:a` are names to us. */
function pathOf(file: string): string {
  return file.startsWith("/") ? file : `./${file}`;
}

/** The file for its owner alone: made so, or made to be so. SQLite gives its log the same mode. */
function own(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return closeSync(openSync(path, "wx", 0o600));
  if (!stats.isFile()) throw new Error("it is no regular file");
  if ((stats.mode & 0o077) !== 0) chmodSync(path, 0o600);
}

function pragma(database: Database, name: string): number {
  const value = database.query<Record<string, unknown>, []>(`PRAGMA ${name}`).get()?.[name];
  return typeof value === "number" ? value : Number.NaN;
}

/** Makes a new file ours. @throws Error when it is somebody else's */
function prepare(database: Database): void {
  const id = pragma(database, "application_id");
  const tables = database.query<{ count: number }, []>(
    "SELECT count(*) AS count FROM sqlite_schema",
  );
  if (id === 0 && tables.get()?.count === 0) {
    database.run("BEGIN IMMEDIATE");
    database.run("CREATE TABLE members (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID");
    database.run(`PRAGMA application_id = ${applicationId}`);
    database.run(`PRAGMA user_version = ${format}`);
    database.run("COMMIT");
    return;
  }
  if (id !== applicationId) throw new Error("it is the database of another program");
  if (pragma(database, "user_version") !== format) throw new Error("it is of another version");
}

/** @throws Error when it cannot be read and written */
function open(file: string): Database {
  const path = pathOf(file);
  own(path);
  const database = new Database(path, { readwrite: true, create: false, strict: true });
  try {
    // One registry has one file. So nobody else's lock comes between, and there is no memory that
    // is shared through a file: when the disk is full, touching that can end the process.
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    // A crash of the process loses nothing that was written; one of the machine the last moments.
    database.run("PRAGMA synchronous = NORMAL");
    database.run("PRAGMA journal_size_limit = 8388608");
    prepare(database);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/**
 * A store in a file of SQLite's, for one registry. Changes are written behind, in transactions of
 * 500 rows at the most. While the file is full, locked, broken or out of reach there is one warning,
 * `trouble` says why, and nothing is kept; it is opened anew every two seconds, and then brought up
 * to date as a whole.
 */
export class SqliteStore implements Store {
  readonly #file: string;
  readonly #allowLoopback: boolean;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Undefined before it is opened, and while it cannot be. */
  #database: Database | undefined;
  /** What the file ought to have. The records are shared with the table, not copied. */
  readonly #kept = new Map<string, StoredMember>();
  /** Keys of which the file has something else. */
  readonly #dirty = new Set<string>();
  /** What the file had is in `#kept`; else it is not for us to remove it. */
  #isRead = false;
  #trouble: string | undefined;
  #timer: Timer | undefined;

  /** Opens nothing yet. */
  constructor({ file, allowLoopback, clock, log }: SqliteStoreOptions) {
    this.#file = file;
    this.#allowLoopback = allowLoopback;
    this.#clock = clock;
    this.#log = log;
  }

  get trouble(): string | undefined {
    return this.#trouble;
  }

  async load(): Promise<readonly StoredMember[]> {
    this.#attempt(() => {
      this.#database = open(this.#file);
      this.#read(this.#database);
      this.#isRead = true;
    });
    return [...this.#kept.values()];
  }

  put(member: StoredMember): void {
    const key = storeKey(member);
    this.#kept.set(key, member);
    this.#change(key);
  }

  remove(key: string): void {
    if (this.#kept.delete(key)) this.#change(key);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#attempt(() => {
      while (this.#dirty.size > 0 || this.#database === undefined) this.#write();
      this.#database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    });
    this.#timer?.cancel();
    this.#database?.close();
  }

  /** While there is trouble everything is written when that ends: nothing has to be remembered. */
  #change(key: string): void {
    if (this.#trouble !== undefined) return;
    this.#dirty.add(key);
    this.#timer ??= this.#clock.after(flushMs, this.#flush, { background: true });
  }

  readonly #flush = (): void => {
    this.#timer = undefined;
    this.#attempt(() => {
      this.#write();
      if (this.#trouble !== undefined) {
        this.#trouble = undefined;
        this.#log.warn("members are kept again", { file: this.#file });
      }
      if (this.#dirty.size === 0) return;
      this.#timer = this.#clock.after(flushMs, this.#flush, { background: true });
    });
  };

  /** Does something with the file. What fails is said once, and tried again from the start. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      const why = inWords(thrown);
      if (this.#trouble === undefined) {
        this.#log.warn("members are not kept", { file: this.#file, why });
      }
      this.#trouble = `sqlite: ${why}`;
      this.#dirty.clear();
      this.#timer = this.#clock.after(retryMs, this.#flush, { background: true });
      // What was begun and not committed is undone by this.
      this.#database?.close();
      this.#database = undefined;
    }
  }

  #read(database: Database): void {
    const rows = database.query<{ key: unknown; record: unknown }, [number, number]>(
      "SELECT key, record FROM members WHERE length(record) <= ? LIMIT ?",
    );
    for (const { key, record } of rows.iterate(limits.maxRegistryBodyBytes, limits.maxInstances)) {
      try {
        const member = parseStored(JSON.parse(String(record)), this.#allowLoopback);
        if (storeKey(member) === key) this.#kept.set(key, member);
      } catch {
        // It is counted below.
      }
    }
    const all = database.query<{ count: number }, []>("SELECT count(*) AS count FROM members");
    const skipped = (all.get()?.count ?? 0) - this.#kept.size;
    if (skipped > 0) this.#log.warn("kept members make no sense", { file: this.#file, skipped });
  }

  /** One transaction. */
  #write(): void {
    const database = this.#database ?? this.#reopen();
    const keys = [...this.#dirty.keys().take(maxRows)];
    if (keys.length === 0) return;
    const put = database.query("INSERT OR REPLACE INTO members (key, record) VALUES (?, ?)");
    const remove = database.query("DELETE FROM members WHERE key = ?");
    database.run("BEGIN IMMEDIATE");
    for (const key of keys) {
      const member = this.#kept.get(key);
      if (member === undefined) remove.run(key);
      else put.run(key, JSON.stringify(member));
    }
    database.run("COMMIT");
    for (const key of keys) this.#dirty.delete(key);
  }

  /** Whatever became of the file meanwhile, all of it is written. */
  #reopen(): Database {
    const database = open(this.#file);
    this.#database = database;
    for (const key of this.#kept.keys()) this.#dirty.add(key);
    if (!this.#isRead) return database;
    const rows = database.query<{ key: string }, []>("SELECT key FROM members");
    for (const { key } of rows.iterate()) if (!this.#kept.has(key)) this.#dirty.add(key);
    return database;
  }
}
