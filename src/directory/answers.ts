import type { Clock } from "../base/time.ts";
import { serversHeader } from "../discovery/registry-names.ts";
import type { Directory, DirectoryStatus } from "./directory.ts";

/**
 * A list that did not change is written out again after so long, for the ages and loads in it.
 * Many who ask at once, as after a restart, cost one writing.
 */
const freshMs = 50;

/** Where a client left off: the epoch and the index of an earlier answer. */
export interface Token {
  readonly epoch: string;
  readonly index: number;
}

/** A token from outside; undefined when it is none of ours. Only this registry's kind can read it. */
export function parseToken(text: string): Token | undefined {
  const [, epoch, index] = /^([0-9a-f]{1,32})-(\d{1,16})$/.exec(text) ?? [];
  if (epoch === undefined || !Number.isSafeInteger(Number(index))) return undefined;
  return { epoch, index: Number(index) };
}

/** What the registry answers to those who ask for the list. */
export class Answers {
  readonly #clock: Clock;
  readonly #directory: Directory;
  /** What was written out of the present state, by the index that it begins at; -1 = the whole. */
  readonly #written = new Map<number, string>();
  #writtenAt = 0;
  #writtenOf: DirectoryStatus | undefined;
  #header = { index: -1, hash: "", text: "" };

  constructor(clock: Clock, directory: Directory) {
    this.#clock = clock;
    this.#directory = directory;
  }

  /** GeeRPC's list: all addresses, joined by commas. */
  addresses(): string {
    const { index, hash } = this.#directory.status;
    if (this.#header.index !== index || this.#header.hash !== hash) {
      this.#header = { index, hash, text: this.#directory.addresses().join(",") };
    }
    return this.#header.text;
  }

  /** The list as JSON; what changed since `token` when that is known, else the whole of it. */
  list(token: Token | undefined): Response {
    const status = this.#freshStatus();
    const known = token !== undefined && token.epoch === status.epoch;
    const delta = known ? this.#delta(token.index, status) : undefined;
    const headers = { "content-type": "application/json", "cache-control": "no-store" };
    if (delta !== undefined) return new Response(delta, { headers });
    const whole = this.#once(-1, () => this.#write(status, { instances: this.#directory.list() }));
    return new Response(whole, { headers: { ...headers, [serversHeader]: this.addresses() } });
  }

  #delta(index: number, status: DirectoryStatus): string | undefined {
    const written = this.#written.get(index);
    if (written !== undefined) return written;
    const delta = this.#directory.since(index);
    if (delta === undefined) return undefined;
    return this.#once(index, () => this.#write(status, { delta: true, ...delta }));
  }

  #write(status: DirectoryStatus, members: object): string {
    const { epoch, index, hash, warming, frozen } = status;
    const token = `${epoch}-${index}`;
    const { leaseMs } = this.#directory;
    const head = { protocol: 1, epoch, index, token, leaseMs, warming, frozen, hash };
    return JSON.stringify({ ...head, ...members });
  }

  #once(index: number, write: () => string): string {
    const written = this.#written.get(index) ?? write();
    this.#written.set(index, written);
    return written;
  }

  /** The status, after what was written of another one, or too long ago, is thrown away. */
  #freshStatus(): DirectoryStatus {
    const { status } = this.#directory;
    const of = this.#writtenOf;
    const now = this.#clock.now();
    const same =
      of !== undefined &&
      of.epoch === status.epoch &&
      of.index === status.index &&
      of.hash === status.hash &&
      of.warming === status.warming &&
      of.frozen === status.frozen;
    if (!same || now - this.#writtenAt >= freshMs) {
      this.#written.clear();
      this.#writtenAt = now;
      this.#writtenOf = status;
    }
    return status;
  }
}
