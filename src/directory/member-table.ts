import type { Address } from "../base/address.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import type { Announcement, Member, MemberState } from "../discovery/member.ts";
import { AddressLeases } from "./address-leases.ts";
import * as claims from "./claims.ts";
import type { Delta, Report } from "./directory.ts";
import { Instance } from "./instance.ts";
import { Lapses } from "./lapses.ts";
import { Listing } from "./listing.ts";
import { leastBytes, listedBytes, Room } from "./room.ts";
import type { StoredInstance, StoredMember } from "./store.ts";
import type { Adoption, Beat, Change, MemberTableOptions, Registered } from "./table-types.ts";

function kindOf(before: MemberState, after: MemberState): Change["kind"] {
  if (after === "left") return "left";
  if (before === "left") return "joined";
  if (before === after) return "changed";
  return after === "suspect" ? "suspect" : "recovered";
}

/**
 * Members under leases: instances, which have an id and a secret, and header-only peers (GeeRPC),
 * which are an address. Pure: it opens nothing and starts no timer. Time has an effect in `sweep`
 * alone, which its owner calls at `nextAt`; until then everybody is what they were.
 *
 * A change goes through the rules (claims.ts), then `adopt`, then the log, then `onChange`. Where
 * nobody else writes, `prepare` and `adopt` follow one another; else a store is asked between them.
 */
export class MemberTable {
  readonly leaseMs: number;
  /** How full it is. */
  readonly room: Room;
  readonly #clock: Clock;
  readonly #options: MemberTableOptions;
  readonly #instances = new Map<string, Instance>();
  readonly #plain: AddressLeases;
  readonly #listing: Listing;
  readonly #lapses: Lapses;

  constructor(options: MemberTableOptions) {
    const { clock, onChange } = options;
    this.#options = options;
    this.#clock = clock;
    this.leaseMs = options.leaseMs ?? limits.leaseMs;
    this.#plain = new AddressLeases(options.oldLeaseMs ?? limits.oldLeaseMs);
    this.room = new Room(this.#instances, this.#plain);
    this.#lapses = new Lapses(options.warms === false ? undefined : clock.now() + this.leaseMs);
    this.#listing = new Listing(this.#instances, this.#plain, {
      countsChanges: options.countsChanges,
      onChange: (change) => {
        // Who comes, goes or recovers may be what ends a freeze.
        if (this.frozen) this.#lapses.expect(clock.now());
        onChange?.(change);
      },
    });
  }

  get index(): number {
    return this.#listing.log.index;
  }

  /** XOR of `memberHash` over the list. */
  get hash(): bigint {
    return this.#listing.log.hash;
  }

  get warming(): boolean {
    return this.#lapses.warming;
  }

  get frozen(): boolean {
    return this.#lapses.frozen;
  }

  /** When to sweep next, by the clock; infinite when nothing is due. */
  get nextAt(): number {
    return this.#lapses.nextAt;
  }

  /**
   * What a registration comes to. Changes nothing, but that what has left makes room in a full
   * table. The record is true once it is adopted.
   *
   * @throws GeeError as `Directory.put`
   */
  prepare(announcement: Announcement, secret?: string, owner?: string): claims.Prepared {
    const known = this.#instances.get(announcement.id);
    this.makeRoom(listedBytes(announcement), known?.bytes);
    const others = { owner, holder: this.#listing.holder(announcement.address) };
    return claims.prepareClaim(known, announcement, secret, this.leaseMs, others);
  }

  /**
   * A registration where nobody else writes.
   *
   * @throws GeeError as `Directory.put`
   */
  put(announcement: Announcement, secret?: string, owner?: string): Registered {
    const { record, secret: proof, proven, news } = this.prepare(announcement, secret, owner);
    this.adopt(record, { here: true, proven });
    const { index } = this;
    return { id: announcement.id, secret: proof, leaseMs: record.leaseMs, index, news };
  }

  /** A withdrawal where nobody else writes. @throws GeeError as `Directory.leave` */
  leave(id: string, secret: string, revision?: number): void {
    this.adopt(this.prepareLeave(id, secret, revision));
  }

  /** A header-only peer, where nobody else writes. @throws GeeError as `Directory.putAddress` */
  putAddress(address: Address): void {
    if (!this.#plain.has(address)) this.makeRoom();
    this.adopt({ address, old: true });
  }

  /** What a withdrawal comes to. Changes nothing. @throws GeeError as `Directory.leave` */
  prepareLeave(id: string, secret: string, revision = 0): StoredInstance {
    return claims.prepareLeave(this.#instances.get(id), id, secret, revision);
  }

  /** Makes a record true: of a newcomer, of a change, of a sign of life, or of an earlier start. */
  adopt(record: StoredMember, from: Adoption = {}): void {
    const now = this.#clock.now();
    if ("old" in record) {
      this.#plain.put(record.address, now, from.held);
      this.#lapses.expect(now + this.#plain.leaseMs);
      this.#listing.tellAddress(record.address, "joined", from.index);
      return;
    }
    const { announcement, state } = record;
    const known = this.#instances.get(announcement.id);
    // News may come by two ways: as the answer to a write, and from the watch of a store.
    if (known !== undefined && from.index !== undefined && from.index <= known.index) {
      if (from.index === known.index) known.note(from);
      return;
    }
    const instance = known ?? new Instance(record, now);
    const before = instance.announcement.address;
    this.room.grow(instance.take(record, from));
    this.#instances.set(instance.id, instance);
    if (state === "left" || before !== announcement.address) {
      this.#listing.release(before, instance.id, from.index);
    }
    if (state !== "left") this.#hold(instance, now, from.index);
    if (state === "up") instance.heard(now, from.here ?? false);
    if (state === "suspect") this.#silence(instance, now);
    // Who was late before it was known here says nothing about what can be heard here.
    if (known === undefined) instance.spent = state === "suspect";
    const kind = kindOf(known?.state ?? "left", state);
    instance.enter(state, now);
    this.#lapses.expect(instance.lapsesAt);
    this.#listing.tell(instance, kind, from.index);
  }

  /**
   * A beat. Load and lag ride along. What it changes of a held instance is true once the store took
   * it and it was adopted.
   *
   * @throws GeeError as `Directory.renew`
   */
  beat(id: string, secret: string, revision: number, report: Report = {}): Beat {
    const instance = this.#instances.get(id);
    if (instance === undefined) throw claims.unknownInstance(id);
    claims.prove(instance, secret);
    const { announcement, state, leaseMs } = instance;
    if (state === "left" || revision > announcement.revision) throw claims.unknownInstance(id);
    const now = this.#clock.now();
    instance.heard(now, true);
    instance.report(report);
    this.#lapses.expect(instance.lateAt);
    const weight = report.weight ?? announcement.weight;
    if (state === "up" && weight === announcement.weight) return { leaseMs, write: undefined };
    const told = { ...announcement, weight };
    if (instance.held) {
      return { leaseMs, write: { ...instance.record(), announcement: told, state: "up" } };
    }
    instance.announcement = told;
    instance.enter("up", now);
    this.#listing.tell(instance, state === "up" ? "changed" : "recovered");
    return { leaseMs, write: undefined };
  }

  /** Its beats go to another registry: a held instance is well without being heard here. */
  touch(id: string): void {
    this.#instances.get(id)?.heard(this.#clock.now(), false);
  }

  /** The store that held an instance lost it without a word: suspect, then gone as any other. */
  vanish(id: string, index?: number): void {
    const instance = this.#instances.get(id);
    if (instance === undefined) return;
    const now = this.#clock.now();
    instance.held = false;
    if (instance.state === "up") {
      this.#silence(instance, now);
      instance.enter("suspect", now);
      this.#listing.tell(instance, "suspect", index);
    }
    this.#lapses.expect(instance.lapsesAt);
  }

  /** The store that held a header-only peer lost it: it goes with the next sweep, unless frozen. */
  vanishAddress(address: Address): void {
    this.#plain.vanish(address);
    this.#lapses.expect(this.#clock.now());
  }

  /** What a store keeps of an instance; undefined for one that is not listed. */
  record(id: string): StoredInstance | undefined {
    return this.#instances.get(id)?.record();
  }

  /** Whether a header-only peer is known at an address, be it behind an instance. */
  hasAddress(address: Address): boolean {
    return this.#plain.has(address);
  }

  /** As `Directory.list`. */
  list(): readonly Member[] {
    return this.#listing.list(this.#clock.now());
  }

  /** As `Directory.addresses`. */
  addresses(): readonly Address[] {
    return this.#listing.addresses();
  }

  /** As `Directory.since`. */
  since(index: number): Delta | undefined {
    return this.#listing.since(index, this.#clock.now());
  }

  /** Forgets what changed: who is not at this index gets the whole list. */
  rebase(index: number): void {
    this.#listing.log.rebase(index);
  }

  /** Gives everybody more time: for so long nobody could have been heard. */
  postpone(byMs: number): void {
    const now = this.#clock.now();
    this.#lapses.postpone(byMs);
    this.#plain.postpone(byMs, now);
    for (const instance of this.#instances.values()) {
      instance.beatAt = Math.min(now, instance.beatAt + byMs);
    }
  }

  /** Makes true what time has brought about. */
  sweep(): void {
    const now = this.#clock.now();
    const { onMode, onSilent } = this.#options;
    const lapsed = this.#lapses.sweep(now, this.#instances.values(), this.#plain);
    for (const instance of lapsed.suspects) this.#listing.tell(instance, "suspect");
    for (const mode of lapsed.modes) onMode?.(mode);
    for (const instance of lapsed.forgotten) this.#remove(instance, "forgotten");
    for (const instance of lapsed.gone) this.#remove(instance, "expired");
    for (const address of lapsed.goneAddresses) {
      this.#plain.expire(address, now);
      this.#listing.tellAddress(address, "expired");
    }
    for (const { id } of lapsed.silent) onSilent?.(id);
  }

  /** As `Room.check`, but that what has left makes room. @throws GeeError RESOURCE_EXHAUSTED */
  makeRoom(bytes: number = leastBytes, before = 0): void {
    if (this.room.has(before, bytes)) return;
    for (const instance of this.#instances.values()) {
      if (instance.state === "left") this.#remove(instance, "forgotten");
    }
    this.room.check(before, bytes);
  }

  /** Others say that it is late; whether that is one too many for a freeze is seen at once. */
  #silence(instance: Instance, now: number): void {
    instance.unheard(now);
    this.#lapses.expect(now);
  }

  #hold(instance: Instance, now: number, index?: number): void {
    const holder = this.#listing.holder(instance.announcement.address);
    // Two processes cannot hold one port: the one that speaks now is there, the other one was.
    if (holder !== undefined && holder !== instance) {
      holder.enter("left", now);
      this.#lapses.expect(holder.lapsesAt);
      this.#listing.tell(holder, "replaced", index);
    }
    this.#listing.hold(instance, index);
  }

  #remove(instance: Instance, kind: "expired" | "forgotten"): void {
    this.#instances.delete(instance.id);
    this.room.grow(-instance.bytes);
    this.#listing.release(instance.announcement.address, instance.id);
    this.#listing.tellGone(instance, kind);
  }
}
