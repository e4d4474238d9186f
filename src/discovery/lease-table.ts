import { randomBytes } from "node:crypto";
import type { Address } from "../base/address.ts";
import { type Code, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import { AddressLeases } from "./address-leases.ts";
import { type Announcement, compareMembers, type Member, watched } from "./member.ts";
import { digestOf, matches, newSecret } from "./secret.ts";

/** What moved the index. */
export interface Change {
  /** `"replaced"`: another process registered at its address. */
  readonly kind: "joined" | "changed" | "left" | "replaced" | "expired";
  readonly address: Address;
  /** Absent for a header-only peer. */
  readonly id: string | undefined;
}

/** What a registration returns. */
export interface Grant {
  readonly id: string;
  /** Proves the instance when it renews or withdraws. Known here only as a digest. */
  readonly secret: string;
  readonly leaseMs: number;
  readonly index: number;
}

/** Settings of a {@link LeaseTable}. */
export interface LeaseTableOptions {
  readonly clock: Clock;
  /** The lease of an instance that asks for none; default `limits.leaseMs`. */
  readonly leaseMs?: number | undefined;
  /** The lease of a header-only peer; default `limits.oldLeaseMs`; 0 = for ever. */
  readonly oldLeaseMs?: number | undefined;
  /** Told of each change after it is made; must not throw. */
  readonly onChange?: ((change: Change) => void) | undefined;
}

interface Instance {
  announcement: Announcement;
  digest: Buffer;
  /** The secret came back once. Until then its owner may not have received it. */
  proven: boolean;
  leaseMs: number;
  readonly bornAt: number;
  beatAt: number;
  leftAt: number | undefined;
}

function refused(code: Code, message: string, reason: string): GeeError {
  return new GeeError(code, message, { reason, executed: "no" });
}

function unknown(id: string): GeeError {
  return refused("NOT_FOUND", `instance ${id} is unknown in this revision`, "REGISTER_AGAIN");
}

/**
 * Members under leases: instances, which have an id and a secret, and header-only peers (GeeRPC),
 * which are an address. Pure: it opens nothing and starts no timer; who owns it calls `sweep`.
 *
 * One method, `#state`, says what an instance is at a moment; everything else follows it.
 */
export class LeaseTable {
  /** Random per start: an index of one epoch says nothing in another. */
  readonly epoch: string = randomBytes(8).toString("hex");
  readonly leaseMs: number;
  readonly #clock: Clock;
  readonly #onChange: (change: Change) => void;
  readonly #instances = new Map<string, Instance>();
  /** The instance that is up at an address: there is one at most. */
  readonly #holders = new Map<Address, string>();
  readonly #plain: AddressLeases;
  #index = 0;

  constructor(options: LeaseTableOptions) {
    this.#clock = options.clock;
    this.leaseMs = options.leaseMs ?? limits.leaseMs;
    this.#plain = new AddressLeases(options.oldLeaseMs ?? limits.oldLeaseMs);
    this.#onChange = options.onChange ?? (() => {});
  }

  /** Rises on every {@link Change}, and on nothing else. */
  get index(): number {
    return this.#index;
  }

  /**
   * Registers an instance, or takes its next announcement. An announcement older than the one that
   * is known changes nothing and renews the lease.
   *
   * @throws GeeError PERMISSION_DENIED without the secret of a known instance; FAILED_PRECONDITION
   * when it has left since; RESOURCE_EXHAUSTED when the table is full
   */
  put(announcement: Announcement, secret?: string): Grant {
    const now = this.#clock.now();
    const known = this.#find(announcement.id, now);
    if (known === undefined) return this.#join(announcement, now);
    const proof = this.#answerWasLost(known, announcement, secret)
      ? this.#giveSecret(known)
      : this.#prove(known, secret);
    if (known.leftAt !== undefined) {
      if (announcement.revision <= known.announcement.revision) {
        throw refused("FAILED_PRECONDITION", `instance ${announcement.id} has left`, "LEFT");
      }
      known.leftAt = undefined;
      this.#adopt(known, announcement, "joined");
    } else if (announcement.revision >= known.announcement.revision) {
      const same = watched(announcement) === watched(known.announcement);
      this.#adopt(known, announcement, same ? undefined : "changed");
    }
    known.beatAt = now;
    return this.#grant(known, proof);
  }

  /**
   * A beat. Load rides along as last seen.
   *
   * @throws GeeError NOT_FOUND when the instance, or this revision of it, is unknown: it registers
   * again; PERMISSION_DENIED with a wrong secret
   */
  renew(id: string, secret: string, revision: number, load?: number): Grant {
    const now = this.#clock.now();
    const known = this.#find(id, now);
    if (known === undefined) throw unknown(id);
    const proof = this.#prove(known, secret);
    if (known.leftAt !== undefined || revision > known.announcement.revision) {
      throw unknown(id);
    }
    known.beatAt = now;
    if (load !== undefined) known.announcement = { ...known.announcement, load };
    return this.#grant(known, proof);
  }

  /**
   * Withdraws an instance; it is listed as left for one lease. Twice is fine.
   *
   * @param revision of the withdrawal itself, so that it outweighs what other registries last heard
   * @throws GeeError NOT_FOUND, PERMISSION_DENIED
   */
  leave(id: string, secret: string, revision = 0): void {
    const now = this.#clock.now();
    const known = this.#find(id, now);
    if (known === undefined) throw unknown(id);
    this.#prove(known, secret);
    const highest = Math.max(revision, known.announcement.revision);
    known.announcement = { ...known.announcement, revision: highest };
    if (known.leftAt === undefined) this.#retire(known, now, "left");
  }

  /** Registers or renews a header-only peer. @throws GeeError RESOURCE_EXHAUSTED */
  putAddress(address: Address): void {
    const now = this.#clock.now();
    const fresh = !this.#plain.has(address);
    if (fresh) this.#makeRoom();
    this.#plain.put(address, now);
    if (fresh && !this.#holders.has(address)) this.#changed("joined", address, undefined);
  }

  /** All members, those that left among them, in the order of {@link compareMembers}. */
  list(): readonly Member[] {
    this.sweep();
    const now = this.#clock.now();
    const members: Member[] = [];
    for (const { announcement, bornAt, beatAt, leftAt } of this.#instances.values()) {
      const { leaseMs: _asked, ...facts } = announcement;
      members.push({
        ...facts,
        state: leftAt === undefined ? "up" : "left",
        ageMs: Math.round(now - bornAt),
        beatMs: Math.round(now - beatAt),
      });
    }
    for (const plain of this.#plain.members(now)) {
      if (!this.#holders.has(plain.address)) members.push(plain);
    }
    return members.sort(compareMembers);
  }

  /** The addresses of all that are up, each once, sorted byte by byte: GeeRPC's list. */
  addresses(): readonly Address[] {
    this.sweep();
    return [...new Set([...this.#holders.keys(), ...this.#plain.addresses()])].sort();
  }

  /** Forgets whose time is over. Reading does it too; this is for a table that nobody reads. */
  sweep(): void {
    const now = this.#clock.now();
    for (const id of this.#instances.keys()) this.#find(id, now);
    for (const address of this.#plain.sweep(now)) {
      if (!this.#holders.has(address)) this.#changed("expired", address, undefined);
    }
  }

  /** What an instance is at a moment. Further states belong here. */
  #state(instance: Instance, now: number): "up" | "left" | "gone" {
    const since = instance.leftAt ?? instance.beatAt;
    if (now - since >= instance.leaseMs) return "gone";
    return instance.leftAt === undefined ? "up" : "left";
  }

  /** The instance of an id; one that is gone is forgotten on the way. */
  #find(id: string, now: number): Instance | undefined {
    const instance = this.#instances.get(id);
    if (instance === undefined || this.#state(instance, now) !== "gone") return instance;
    this.#instances.delete(id);
    if (instance.leftAt === undefined) {
      const { address } = instance.announcement;
      this.#holders.delete(address);
      this.#changed("expired", address, id);
    }
    return undefined;
  }

  #join(announcement: Announcement, now: number): Grant {
    this.#makeRoom();
    const secret = newSecret();
    const instance: Instance = {
      announcement,
      digest: digestOf(secret),
      proven: false,
      leaseMs: this.leaseMs,
      bornAt: now,
      beatAt: now,
      leftAt: undefined,
    };
    this.#instances.set(announcement.id, instance);
    this.#adopt(instance, announcement, "joined");
    return this.#grant(instance, secret);
  }

  /** Makes an announcement the instance's own, and the instance the holder of its address. */
  #adopt(instance: Instance, announcement: Announcement, kind?: Change["kind"]): void {
    const { id, address } = announcement;
    const before = instance.announcement.address;
    if (before !== address && this.#holders.get(before) === id) this.#holders.delete(before);
    const now = this.#clock.now();
    const holder = this.#find(this.#holders.get(address) ?? "", now);
    // Two processes cannot hold one port: the one that speaks now is there, the other one was.
    if (holder !== undefined && holder !== instance) this.#retire(holder, now, "replaced");
    this.#plain.drop(address);
    this.#holders.set(address, id);
    instance.announcement = announcement;
    const asked = announcement.leaseMs ?? this.leaseMs;
    instance.leaseMs = Math.min(Math.max(asked, limits.minLeaseMs), limits.maxLeaseMs);
    if (kind !== undefined) this.#changed(kind, address, id);
  }

  #retire(instance: Instance, now: number, kind: "left" | "replaced"): void {
    const { id, address } = instance.announcement;
    instance.leftAt = now;
    this.#holders.delete(address);
    this.#changed(kind, address, id);
  }

  /**
   * The answer to a first registration can be lost, and with it the secret. So until a secret was
   * shown once, the same announcement from the same address gets another.
   */
  #answerWasLost(known: Instance, next: Announcement, secret: string | undefined): boolean {
    const { address, revision } = known.announcement;
    const again = next.address === address && next.revision >= revision;
    return secret === undefined && !known.proven && known.leftAt === undefined && again;
  }

  #giveSecret(instance: Pick<Instance, "digest">): string {
    const secret = newSecret();
    instance.digest = digestOf(secret);
    return secret;
  }

  #prove(instance: Instance, secret: string | undefined): string {
    if (secret !== undefined && matches(secret, instance.digest)) {
      instance.proven = true;
      return secret;
    }
    const { id } = instance.announcement;
    const message = `instance ${id} is registered with another secret`;
    throw refused("PERMISSION_DENIED", message, "WRONG_SECRET");
  }

  #makeRoom(): void {
    const count = (): number => this.#instances.size + this.#plain.size;
    if (count() >= limits.maxInstances) this.sweep();
    if (count() < limits.maxInstances) return;
    const message = `the registry is full: maxInstances is ${limits.maxInstances}`;
    throw refused("RESOURCE_EXHAUSTED", message, "REGISTRY_FULL");
  }

  #grant(instance: Instance, secret: string): Grant {
    const { announcement, leaseMs } = instance;
    return { id: announcement.id, secret, leaseMs, index: this.#index };
  }

  #changed(kind: Change["kind"], address: Address, id: string | undefined): void {
    this.#index += 1;
    this.#onChange({ kind, address, id });
  }
}
