import type { Address } from "../base/address.ts";
import type { Announcement, Member } from "../discovery/member.ts";
import type { Delta } from "./directory.ts";
import { MemberTable } from "./member-table.ts";
import { Sweeper } from "./sweeper.ts";
import type { MemberTableOptions } from "./table-types.ts";

/** What every directory is that has its members in a table: how they are read, and who is told. */
export abstract class TableDirectory {
  readonly leaseMs: number;
  protected readonly table: MemberTable;
  protected readonly sweeper: Sweeper;
  readonly #listeners = new Set<() => void>();

  constructor(options: MemberTableOptions) {
    this.table = new MemberTable(options);
    this.leaseMs = this.table.leaseMs;
    this.sweeper = new Sweeper(options.clock, this.table);
  }

  announced(id: string): Announcement | undefined {
    return this.table.record(id)?.announcement;
  }

  list(): readonly Member[] {
    return this.table.list();
  }

  addresses(): readonly Address[] {
    return this.table.addresses();
  }

  since(index: number): Delta | undefined {
    return this.table.since(index);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something has changed. */
  protected tell(): void {
    this.sweeper.arm();
    for (const listener of this.#listeners) listener();
  }

  /** Nothing is told or swept any more. Twice is fine. */
  protected end(): void {
    this.#listeners.clear();
    this.sweeper[Symbol.dispose]();
  }
}
