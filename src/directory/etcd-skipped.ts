import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock, Timer } from "../base/time.ts";

/** Values that come within so long are one line. */
const gatherMs = 1_000;

/** Keys that are told apart. What is beyond is told of, and not in the total. */
const maxKeys = limits.maxInstances;

/** Counts the values in etcd that make no sense, and says so: one line for many. */
export class EtcdSkipped implements Disposable {
  readonly #clock: Clock;
  readonly #log: Log;
  /** Hashes: a key of somebody else's may be a megabyte long. */
  readonly #keys = new Set<number | bigint>();
  #news = 0;
  #example: { readonly key: string; readonly why: string } | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** How many there are now; at most `limits.maxInstances`. */
  get size(): number {
    return this.#keys.size;
  }

  add(key: string, why: string): void {
    if (this.#keys.size < maxKeys) this.#keys.add(Bun.hash(key));
    this.#news += 1;
    this.#example ??= { key, why };
    this.#timer ??= this.#clock.after(gatherMs, this.#tell, { background: true });
  }

  /** It makes sense now, or is gone. */
  drop(key: string): void {
    this.#keys.delete(Bun.hash(key));
  }

  /** Everything will be told anew. */
  clear(): void {
    this.#keys.clear();
  }

  /** Says nothing any more. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  readonly #tell = (): void => {
    const { key, why } = this.#example ?? {};
    const fields = { skipped: this.#news, total: this.size, key, why };
    this.#log.warn("values in etcd make no sense", fields);
    this.#news = 0;
    this.#example = undefined;
    this.#timer = undefined;
  };
}
