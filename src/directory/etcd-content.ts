import { randomBytes } from "node:crypto";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { KeyValue } from "./etcd-api.ts";
import type { EtcdLeases, HeldKey } from "./etcd-leases.ts";
import type { MirrorTarget } from "./etcd-mirror.ts";
import { decodeRecord } from "./etcd-records.ts";
import type { EtcdSkipped } from "./etcd-skipped.ts";
import type { MemberTable } from "./member-table.ts";
import type { StoredMember } from "./store.ts";

/** Settings of an {@link EtcdContent}. */
export interface EtcdContentOptions {
  readonly table: MemberTable;
  readonly leases: EtcdLeases;
  readonly skipped: EtcdSkipped;
  /** Whether members at addresses of the own machine are taken in. */
  readonly allowLoopback: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** A key vanished whose member beats here all the same: it has to be written again. */
  readonly restore: (held: HeldKey) => void;
  /** Everything was read. */
  readonly onWhole: () => void;
  /** Something was taken in, so that something else may be due. */
  readonly onTaken: () => void;
}

/**
 * Takes what etcd holds into the table. An index is a revision of etcd's; but when etcd starts anew,
 * its revisions do as well, and then the indexes here go on from where they were, in an epoch that
 * no other registry has.
 */
export class EtcdContent implements MirrorTarget {
  readonly #options: EtcdContentOptions;
  /** From a revision to an index. */
  #offset = 0;
  #age = "";
  /** Everything is being taken in: single changes are no news. */
  isReading = false;

  constructor(options: EtcdContentOptions) {
    this.#options = options;
  }

  indexOf(revision: number): number {
    return revision + this.#offset;
  }

  /** The epoch of a cluster's revisions, as they are counted here. */
  epochOf(cluster: string): string {
    return cluster + this.#age;
  }

  whole(entries: readonly KeyValue[], revision: number, anew: boolean): void {
    const { table, leases, skipped, log, onWhole } = this.#options;
    const before = leases.all();
    this.isReading = true;
    // A key that was written earlier than we know is from another history, as well.
    const goesBack = entries.some(({ key, revision: at }) => at < (leases.get(key)?.revision ?? 0));
    if (anew || goesBack) {
      this.#offset = table.index;
      this.#age = randomBytes(6).toString("hex");
      leases.clear();
    }
    skipped.clear();
    const found = new Set<string>();
    for (const entry of entries) {
      found.add(entry.key);
      this.put(entry);
    }
    for (const held of before) {
      if (found.has(held.key)) continue;
      leases.drop(held.key);
      this.#lost(held, this.indexOf(revision));
    }
    table.rebase(this.indexOf(revision));
    this.isReading = false;
    log.info("members read from etcd", { count: leases.size, revision });
    onWhole();
  }

  put(entry: KeyValue): void {
    const { table, leases, skipped, onTaken } = this.#options;
    const { key, revision } = entry;
    const known = leases.get(key);
    if (known !== undefined && known.revision >= revision) return;
    const record = this.#decode(entry);
    if (record === undefined) {
      // What cannot be read is as good as not there.
      this.#drop(key, revision);
      return;
    }
    skipped.drop(key);
    leases.hold(entry, record);
    // Another process is at its address: it left, and that it is late now is no news.
    const isPast =
      !("old" in record) &&
      record.state === "suspect" &&
      table.record(record.announcement.id)?.state === "left";
    if (!isPast) table.adopt(record, { index: this.indexOf(revision), held: true });
    onTaken();
  }

  vanished(key: string, revision: number): void {
    this.#options.skipped.drop(key);
    this.#drop(key, revision);
  }

  /** What this registry wrote of somebody whom it hears. The watch has told what, and not who. */
  heard(record: StoredMember, revision: number, proven?: boolean): void {
    const index = this.indexOf(revision);
    this.#options.table.adopt(record, { index, held: true, here: true, proven });
  }

  /** Nobody keeps it in etcd: it stays in memory for a while, as a suspect. */
  lose({ of }: HeldKey, index?: number): void {
    const { table, onTaken } = this.#options;
    if ("address" in of) table.vanishAddress(of.address);
    else {
      // Nobody said before that it is late: from now on it has as long as any other suspect.
      if (table.record(of.id)?.state === "up") table.touch(of.id);
      table.vanish(of.id, index);
    }
    onTaken();
  }

  #drop(key: string, revision: number): void {
    const { leases } = this.#options;
    const held = leases.get(key);
    if (held === undefined || held.revision > revision) return;
    leases.drop(key);
    this.#lost(held, this.indexOf(revision));
  }

  #lost(held: HeldKey, index: number): void {
    const { table, clock, restore } = this.#options;
    const { of, beatAt, leaseMs } = held;
    const isUp = "id" in of ? table.record(of.id)?.state === "up" : table.hasAddress(of.address);
    if (isUp && clock.now() - beatAt < leaseMs) restore(held);
    else this.lose(held, index);
  }

  #decode(entry: KeyValue): StoredMember | undefined {
    const { table, leases, skipped, allowLoopback } = this.#options;
    try {
      const record = decodeRecord(entry, allowLoopback);
      const isNew = leases.get(entry.key) === undefined;
      const hasRoom = !isNew || leases.size < limits.maxInstances;
      if (hasRoom && ("old" in record || table.room.fits(record.announcement))) return record;
      skipped.add(entry.key, "the registry is full");
    } catch (thrown) {
      skipped.add(entry.key, GeeError.from(thrown).message);
    }
    return undefined;
  }
}
