import { randomBytes } from "node:crypto";
import type { Address } from "../base/address.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { Announcement } from "../discovery/member.ts";
import { hashText } from "../discovery/member-hash.ts";
import type { Directory, DirectoryStatus, Grant, Report } from "./directory.ts";
import { logChange, logMode } from "./journal.ts";
import type { MemberTable } from "./member-table.ts";
import type { Store } from "./store.ts";
import { TableDirectory } from "./table-directory.ts";
import type { Change } from "./table-types.ts";

/** Settings of a {@link LocalDirectory}. */
export interface LocalDirectoryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Where it survives a restart. The directory closes it. */
  readonly store: Store;
  /** The lease of an instance that asks for none; default `limits.leaseMs`. */
  readonly leaseMs?: number | undefined;
  /** The lease of a header-only peer; default `limits.oldLeaseMs`; 0 = for ever. */
  readonly oldLeaseMs?: number | undefined;
}

/**
 * The members of one registry, in its own memory. A store may remember them for the next start: it
 * is told of changes of membership and state and never of beats, and nobody waits for it.
 */
export class LocalDirectory extends TableDirectory implements Directory {
  /** Its members. Whoever else writes to it is told of as any other. */
  declare readonly table: MemberTable;
  readonly #log: Log;
  readonly #store: Store;
  /** Random per start: an index of one epoch says nothing in another. */
  readonly #epoch: string = randomBytes(8).toString("hex");
  /** What comes from the store is neither logged one by one nor written back. */
  #restoring = false;

  /** Begins empty, whatever the store has. */
  constructor({ clock, log, store, leaseMs, oldLeaseMs }: LocalDirectoryOptions) {
    super({
      clock,
      leaseMs,
      oldLeaseMs,
      onChange: (change) => this.#changed(change),
      onMode: (mode) => {
        logMode(log, mode);
        this.tell();
      },
    });
    this.#log = log;
    this.#store = store;
    this.sweeper.arm();
  }

  /** Begins with what the store has. Everybody who is in it has a full lease from now. */
  static async open(options: LocalDirectoryOptions): Promise<LocalDirectory> {
    const directory = new LocalDirectory(options);
    const records = await options.store.load();
    directory.#restoring = true;
    for (const record of records) directory.table.adopt(record);
    directory.#restoring = false;
    directory.sweeper.arm();
    if (records.length > 0) options.log.info("members restored", { count: records.length });
    return directory;
  }

  get status(): DirectoryStatus {
    const { index, hash, warming, frozen } = this.table;
    const { trouble } = this.#store;
    return { epoch: this.#epoch, index, hash: hashText(hash), warming, frozen, trouble };
  }

  async put(announcement: Announcement, secret?: string, owner?: string): Promise<Grant> {
    const { news, ...grant } = this.table.put(announcement, secret, owner);
    // A new secret or revision need not be a change that anybody else is told of.
    const record = news ? this.table.record(announcement.id) : undefined;
    if (record !== undefined) this.#store.put(record);
    this.sweeper.arm();
    return grant;
  }

  async renew(id: string, secret: string, revision: number, report: Report): Promise<Grant> {
    const { leaseMs } = this.table.beat(id, secret, revision, report);
    return { id, secret, leaseMs, index: this.table.index };
  }

  async leave(id: string, secret: string, revision?: number): Promise<void> {
    this.table.leave(id, secret, revision);
  }

  async putAddress(address: Address): Promise<void> {
    this.table.putAddress(address);
  }

  /** Nothing is told any more. Twice is fine. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#store.close();
  }

  #changed(change: Change): void {
    if (this.#restoring) return;
    const { id, address } = change;
    const record = id === undefined ? undefined : this.table.record(id);
    if (record !== undefined) this.#store.put(record);
    else if (id === undefined && this.table.hasAddress(address))
      this.#store.put({ address, old: true });
    else this.#store.remove(id ?? address);
    logChange(this.#log, change);
    this.tell();
  }
}
