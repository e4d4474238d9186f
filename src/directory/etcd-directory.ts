import { randomBytes } from "node:crypto";
import type { Address } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Announcement } from "../discovery/member.ts";
import { hashText, memberHash } from "../discovery/member-hash.ts";
import type { Send } from "../discovery/registry-client.ts";
import { unknownInstance } from "./claims.ts";
import type { Directory, DirectoryOptions, DirectoryStatus, Grant, Report } from "./directory.ts";
import { EtcdApi } from "./etcd-api.ts";
import { EtcdClient } from "./etcd-client.ts";
import { EtcdContent } from "./etcd-content.ts";
import { EtcdLeases } from "./etcd-leases.ts";
import { EtcdMirror } from "./etcd-mirror.ts";
import { addressKey, instanceKey } from "./etcd-records.ts";
import { EtcdSkipped } from "./etcd-skipped.ts";
import { EtcdUpkeep } from "./etcd-upkeep.ts";
import { EtcdWriter } from "./etcd-writer.ts";
import { logChange, logMode } from "./journal.ts";
import type { StoredInstance, StoredMember } from "./store.ts";
import { TableDirectory } from "./table-directory.ts";
import type { Change } from "./table-types.ts";

/** Settings of an {@link EtcdDirectory}. */
export interface EtcdDirectoryOptions extends DirectoryOptions {
  /** URLs of the members' gateways, as `parseEtcdUrl` gives them. */
  readonly members: readonly string[];
  /** From 0 to 1, for jitter. */
  readonly random?: (() => number) | undefined;
  readonly fetch?: Send | undefined;
}

function sameToWatchers(a: StoredInstance, b: StoredInstance | undefined): boolean {
  if (b === undefined) return false;
  const hashOf = ({ announcement, state }: StoredInstance): bigint =>
    memberHash({ ...announcement, state });
  return hashOf(a) === hashOf(b);
}

/**
 * The members that several registries share in a cluster of etcd. Each is a key under a lease of
 * three of its own, which whoever hears the member keeps alive; only changes are written, and each
 * registry has all of it in memory. So any registry goes on where another one ended.
 *
 * While etcd does not answer, `status.trouble` says so, the list is as it was, beats are taken, and
 * what would have to be written is refused with UNAVAILABLE.
 */
export class EtcdDirectory extends TableDirectory implements Directory {
  readonly #log: Log;
  readonly #client: EtcdClient;
  readonly #leases: EtcdLeases;
  readonly #content: EtcdContent;
  readonly #mirror: EtcdMirror;
  readonly #writer: EtcdWriter;
  readonly #upkeep: EtcdUpkeep;
  readonly #skipped: EtcdSkipped;
  /** Before it is known which cluster it is. */
  readonly #firstEpoch: string = randomBytes(8).toString("hex");

  private constructor(options: EtcdDirectoryOptions) {
    const { clock, log, leaseMs, oldLeaseMs, allowLoopback, random = Math.random } = options;
    super({
      clock,
      leaseMs,
      oldLeaseMs,
      countsChanges: false,
      onChange: (change) => this.#changed(change),
      onMode: (mode) => {
        // Before etcd was read it is warming, whatever the time.
        if (mode.kind !== "warm" || this.#mirror.cluster !== undefined) logMode(log, mode);
        this.tell();
      },
      onSilent: (id) => this.#upkeep.silent(id),
    });
    this.#log = log;
    this.#client = new EtcdClient(options);
    const api = new EtcdApi(this.#client);
    this.#leases = new EtcdLeases(api, clock, oldLeaseMs, (held) => this.#upkeep.lost(held));
    this.#skipped = new EtcdSkipped(clock, log);
    this.#content = new EtcdContent({
      table: this.table,
      leases: this.#leases,
      skipped: this.#skipped,
      allowLoopback,
      clock,
      log,
      restore: (held) => void this.#upkeep.restore(held),
      onWhole: () => this.tell(),
      onTaken: () => this.sweeper.arm(),
    });
    this.#mirror = new EtcdMirror({ api, clock, log, random, target: this.#content });
    this.#writer = new EtcdWriter({
      api,
      mirror: this.#mirror,
      leases: this.#leases,
      clock,
      take: (entry) => this.#content.put(entry),
    });
    this.#upkeep = new EtcdUpkeep({
      api,
      table: this.table,
      leases: this.#leases,
      content: this.#content,
      mirror: this.#mirror,
      writer: this.#writer,
      clock,
      log,
    });
  }

  /** Reads what etcd has. When that does not answer it begins empty, in trouble, and tries on. */
  static async open(options: EtcdDirectoryOptions): Promise<EtcdDirectory> {
    const directory = new EtcdDirectory(options);
    directory.#mirror.start();
    directory.sweeper.arm();
    await directory.#mirror.ready;
    return directory;
  }

  get status(): DirectoryStatus {
    const { index, hash, warming, frozen } = this.table;
    const { cluster, trouble } = this.#mirror;
    return {
      epoch: cluster === undefined ? this.#firstEpoch : this.#content.epochOf(cluster),
      index,
      hash: hashText(hash),
      warming: warming || cluster === undefined,
      frozen,
      trouble,
    };
  }

  async put(announcement: Announcement, secret?: string, owner?: string): Promise<Grant> {
    this.#checkReady();
    const { id, load, lagMs } = announcement;
    const { record, secret: proof, news } = this.table.prepare(announcement, secret, owner);
    const held = this.#leases.get(instanceKey(id));
    if (held === undefined || news || !sameToWatchers(record, this.table.record(id))) {
      return this.#claim(announcement, secret, owner);
    }
    this.table.beat(id, proof, record.announcement.revision, { load, lagMs });
    this.#leases.beat(held);
    this.sweeper.arm();
    return { id, secret: proof, leaseMs: record.leaseMs, index: this.table.index };
  }

  async renew(id: string, secret: string, revision: number, report: Report): Promise<Grant> {
    const key = instanceKey(id);
    const known = await this.#known(id);
    // It vanished from etcd, and is there after all.
    const isLost = known.state !== "left" && this.#leases.get(key) === undefined;
    if (isLost && revision <= known.announcement.revision) {
      await this.#claim(known.announcement, secret, known.owner);
    }
    const { leaseMs, write } = this.table.beat(id, secret, revision, report);
    if (write !== undefined) {
      this.#checkReady();
      const make = (): StoredMember | undefined =>
        this.table.beat(id, secret, revision, report).write;
      const written = await this.#writer.write(key, make);
      if (written !== undefined) this.#content.heard(written.record, written.revision);
    }
    const held = this.#leases.get(key);
    if (held !== undefined) this.#leases.beat(held);
    this.sweeper.arm();
    return { id, secret, leaseMs, index: this.table.index };
  }

  async leave(id: string, secret: string, revision?: number): Promise<void> {
    await this.#known(id);
    const make = (): StoredMember | undefined => {
      const record = this.table.prepareLeave(id, secret, revision);
      const known = this.table.record(id);
      const isDone =
        known?.state === "left" && known.announcement.revision === record.announcement.revision;
      return isDone ? undefined : record;
    };
    make();
    this.#checkReady();
    await this.#writer.write(instanceKey(id), make);
  }

  async putAddress(address: Address): Promise<void> {
    this.#checkReady();
    const key = addressKey(address);
    const record: StoredMember = { address, old: true };
    if (this.#leases.get(key) === undefined) {
      await this.#writer.write(key, () => {
        if (!this.table.hasAddress(address)) this.table.makeRoom();
        return record;
      });
    }
    const held = this.#leases.get(key);
    if (held === undefined) return;
    this.table.adopt(record, { held: true });
    this.#leases.beat(held);
    this.sweeper.arm();
  }

  /** Nothing is told or written any more; what is in etcd stays under its leases. Twice is fine. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    this.#upkeep[Symbol.dispose]();
    this.#leases[Symbol.dispose]();
    this.#skipped[Symbol.dispose]();
    this.#mirror[Symbol.dispose]();
    this.#client[Symbol.dispose]();
  }

  /** Before everything was read nobody can tell who is known. */
  #checkReady(): void {
    if (this.#mirror.cluster !== undefined) return;
    throw new GeeError("UNAVAILABLE", `the registry cannot write: ${this.#mirror.trouble ?? ""}`, {
      reason: "STORE_UNAVAILABLE",
      executed: "no",
    });
  }

  /** What is known of an instance, by etcd if not here: it may be there since a moment ago. */
  async #known(id: string): Promise<StoredInstance> {
    const known = this.table.record(id);
    if (known !== undefined) return known;
    this.#checkReady();
    await this.#writer.look(instanceKey(id));
    const found = this.table.record(id);
    if (found === undefined) throw unknownInstance(id);
    return found;
  }

  /** Writes what an announcement comes to. */
  async #claim(announcement: Announcement, secret?: string, owner?: string): Promise<Grant> {
    this.#checkReady();
    const { id } = announcement;
    let prepared = this.table.prepare(announcement, secret, owner);
    const written = await this.#writer.write(instanceKey(id), () => {
      prepared = this.table.prepare(announcement, secret, owner);
      return prepared.record;
    });
    const { record, proven, secret: proof } = prepared;
    if (written !== undefined) this.#content.heard(record, written.revision, proven);
    const held = this.#leases.get(instanceKey(id));
    if (held !== undefined) this.#leases.beat(held);
    this.sweeper.arm();
    return { id, secret: proof, leaseMs: record.leaseMs, index: this.table.index };
  }

  #changed(change: Change): void {
    const { kind, id } = change;
    const held = id === undefined ? undefined : this.#leases.get(instanceKey(id));
    // Another process has its address. Every registry sees that; the first one removes the key.
    if (kind === "replaced" && held !== undefined) void this.#writer.remove(held);
    if (!this.#content.isReading) logChange(this.#log, change);
    this.tell();
  }
}
