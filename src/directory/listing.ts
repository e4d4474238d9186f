import type { Address } from "../base/address.ts";
import { compareMembers, type Member, memberAt } from "../discovery/member.ts";
import { memberHash } from "../discovery/member-hash.ts";
import type { AddressLeases } from "./address-leases.ts";
import { ChangeLog } from "./change-log.ts";
import type { Delta, Gone } from "./directory.ts";
import type { Instance } from "./instance.ts";
import type { Change, MemberTableOptions } from "./table-types.ts";

/**
 * What of the members is shown: who stands at which address, in which order they are listed, and
 * what is told of a change. The table owns the members and their times.
 */
export class Listing {
  readonly log: ChangeLog;
  readonly #instances: ReadonlyMap<string, Instance>;
  readonly #plain: AddressLeases;
  readonly #onChange: (change: Change) => void;
  /** The instance that is up or suspect at an address: there is one at most. */
  readonly #holders = new Map<Address, string>();
  /** Everybody who is listed, in order; undefined after a change. */
  #order: readonly Gone[] | undefined;

  constructor(
    instances: ReadonlyMap<string, Instance>,
    plain: AddressLeases,
    options: Pick<MemberTableOptions, "countsChanges" | "onChange">,
  ) {
    this.#instances = instances;
    this.#plain = plain;
    this.log = new ChangeLog(options.countsChanges);
    this.#onChange = options.onChange ?? (() => {});
  }

  /** Who stands at an address. */
  holder(address: Address): Instance | undefined {
    return this.#instances.get(this.#holders.get(address) ?? "");
  }

  /** The address is the instance's from now on; a header-only peer there was the same process. */
  hold({ id, announcement: { address } }: Instance, index?: number): void {
    this.#holders.set(address, id);
    if (!this.#plain.has(address)) return;
    this.#plain.drop(address);
    this.tellAddress(address, "replaced", index);
  }

  /** An instance holds an address no more; a header-only peer that spoke from there shows up. */
  release(address: Address, id: string, index?: number): void {
    if (this.#holders.get(address) !== id) return;
    this.#holders.delete(address);
    this.tellAddress(address, "joined", index);
  }

  /** Says what an instance is now. What looks as before is no change. */
  tell({ id, announcement, state }: Instance, kind: Change["kind"], index?: number): void {
    const hash = memberHash({ ...announcement, state });
    this.#told({ id, address: announcement.address }, hash, kind, index);
  }

  /** Says what is at an address of a header-only peer now. */
  tellAddress(address: Address, kind: Change["kind"], index?: number): void {
    const listed = this.#plain.has(address) && !this.#holders.has(address);
    this.#told({ address }, listed ? memberHash(memberAt(address)) : 0n, kind, index);
  }

  /** Says that an instance is listed no more. */
  tellGone({ id, announcement: { address } }: Instance, kind: Change["kind"]): void {
    this.#told({ id, address }, 0n, kind);
  }

  /** As `Directory.list`. */
  list(now: number): readonly Member[] {
    this.#order ??= this.#inOrder();
    const members: Member[] = [];
    for (const place of this.#order) {
      const member = this.#member(place, now);
      if (member !== undefined) members.push(member);
    }
    return members;
  }

  /** As `Directory.addresses`. */
  addresses(): readonly Address[] {
    const up = new Set(this.#plain.addresses());
    for (const [address, id] of this.#holders) {
      if (this.#instances.get(id)?.state === "up") up.add(address);
    }
    return [...(up.size > 0 ? up : this.#holders.keys())].sort();
  }

  /** As `Directory.since`. */
  since(index: number, now: number): Delta | undefined {
    const places = this.log.since(index);
    if (places === undefined) return undefined;
    const instances: Member[] = [];
    const gone: Gone[] = [];
    for (const place of places) {
      const member = this.#member(place, now);
      if (member !== undefined) instances.push(member);
      else gone.push({ id: place.id, address: place.address });
    }
    return { instances: instances.sort(compareMembers), gone };
  }

  #told(place: Gone, hash: bigint, kind: Change["kind"], index?: number): void {
    if (!this.log.tell(place, hash, index)) return;
    this.#order = undefined;
    this.#onChange({ kind, address: place.address, id: place.id });
  }

  #member({ id, address }: Gone, now: number): Member | undefined {
    if (id !== undefined) return this.#instances.get(id)?.member(now);
    return this.#holders.has(address) ? undefined : this.#plain.member(address, now);
  }

  #inOrder(): readonly Gone[] {
    const places: Gone[] = [];
    for (const { id, announcement } of this.#instances.values()) {
      places.push({ id, address: announcement.address });
    }
    for (const address of this.#plain.addresses()) {
      if (!this.#holders.has(address)) places.push({ address });
    }
    return places.sort(compareMembers);
  }
}
