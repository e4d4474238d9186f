import { limits } from "../base/limits.ts";
import type { Announcement, Member, MemberState } from "../discovery/member.ts";
import type { Report } from "./directory.ts";
import { listedBytes } from "./room.ts";
import type { StoredInstance } from "./store.ts";
import type { Adoption } from "./table-types.ts";

/** Leases after which a member of whom nothing was heard is gone. */
const leasesToGone = 3;

/**
 * One process as the table knows it, with its times. It moves nothing by itself: who changes its
 * state tells the log and the watchers.
 */
export class Instance {
  announcement: Announcement;
  /** SHA-256 of its secret in hex. */
  digest: string;
  leaseMs: number;
  /** Whose it is; undefined where no token was asked for. */
  owner: string | undefined;
  state: MemberState = "up";
  /** Since when it is in this state. */
  stateAt: number;
  readonly bornAt: number;
  beatAt: number;
  /** The secret came back once. Until then its owner may not have received it. */
  proven = true;
  /** It was late in a freeze that is over, or before a restart: it begins no freeze. */
  spent = false;
  /** Not gone before this moment: a freeze has just ended, and its beats may be next. */
  sparedUntil = 0;
  /** A store that others write to says how it is; the time does not. */
  held = false;
  /** Its beats come to this registry. Only then does silence here mean anything. */
  beatsHere = false;
  /** Somebody was told that its beats have stopped, and has not answered. */
  asked = false;
  /** What it takes up of the list. */
  bytes = 0;
  /** Index of the newest record of it, when indexes come from outside. */
  index = 0;
  #load: number | undefined;
  #lagMs: number | undefined;

  constructor({ announcement, digest, leaseMs, owner }: StoredInstance, now: number) {
    this.announcement = announcement;
    this.digest = digest;
    this.leaseMs = leaseMs;
    this.owner = owner;
    this.bornAt = now;
    this.beatAt = now;
    this.stateAt = now;
  }

  get id(): string {
    return this.announcement.id;
  }

  /** Held, and yet its next beat is expected here. */
  get awaited(): boolean {
    return this.beatsHere && !this.asked;
  }

  /** When it is suspect unless it beats. */
  get lateAt(): number {
    return this.beatAt + this.leaseMs;
  }

  /** When a suspect is gone unless it beats. */
  get goneAt(): number {
    return Math.max(this.beatAt + leasesToGone * this.leaseMs, this.sparedUntil);
  }

  /** When one that left is forgotten. */
  get forgottenAt(): number {
    return this.stateAt + this.leaseMs;
  }

  /** It became suspect within the last lease, and in no freeze that is over. */
  isFresh(now: number): boolean {
    return !this.spent && now - this.stateAt < this.leaseMs;
  }

  /** When its state changes if nothing is heard and no store holds it. */
  get lapsesAt(): number {
    if (this.state === "left") return this.forgottenAt;
    return this.state === "up" ? this.lateAt : this.goneAt;
  }

  /**
   * Takes over a record; its state is entered apart, as others have to be told.
   *
   * @returns how much more it takes up of the list
   */
  take({ announcement, digest, leaseMs, owner }: StoredInstance, from: Adoption): number {
    const before = this.bytes;
    if (digest !== this.digest) this.proven = true;
    this.announcement = announcement;
    this.digest = digest;
    this.leaseMs = leaseMs;
    this.owner = owner;
    this.bytes = listedBytes(announcement);
    this.held = from.held ?? false;
    this.index = from.index ?? 0;
    this.report(announcement);
    this.note(from);
    return this.bytes - before;
  }

  /** Takes over what a record that is known already says of where it comes from. */
  note({ proven, here }: Adoption): void {
    this.proven = proven ?? this.proven;
    this.beatsHere = here ?? this.beatsHere;
  }

  /** A sign of life. @param here from itself, to this registry */
  heard(now: number, here: boolean): void {
    this.beatAt = now;
    this.beatsHere = here;
    this.asked = false;
    this.spent = false;
  }

  /** Nothing was heard for a lease at least, wherever it was listened to. */
  unheard(now: number): void {
    this.beatAt = Math.min(this.beatAt, now - this.leaseMs);
  }

  /** What came with a beat and wakes nobody. */
  report({ load, lagMs }: Report): void {
    this.#load = load ?? this.#load;
    this.#lagMs = lagMs ?? this.#lagMs;
  }

  enter(state: MemberState, now: number): void {
    if (this.state !== state) this.stateAt = now;
    this.state = state;
  }

  /** One line of the list. */
  member(now: number): Member {
    const { leaseMs: _asked, ...facts } = this.announcement;
    const { state } = this;
    const ageMs = Math.round(now - this.bornAt);
    const beatMs = Math.round(now - this.beatAt);
    return { ...facts, load: this.#load, lagMs: this.#lagMs, state, ageMs, beatMs };
  }

  /** What a store keeps. */
  record(): StoredInstance {
    const { announcement, digest, leaseMs, state, owner } = this;
    return { announcement, digest, leaseMs, state, owner };
  }
}

/** The lease that is nearest to what an instance asks for, 200 ms to 5 min. */
export function grantedLeaseMs(asked: number): number {
  return Math.min(Math.max(asked, limits.minLeaseMs), limits.maxLeaseMs);
}
