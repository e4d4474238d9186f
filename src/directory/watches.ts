import { type DeadlineEntry, Deadlines } from "../base/deadlines.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/time.ts";
import type { Directory, DirectoryStatus } from "./directory.ts";

/** Changes within so long after the first one are one answer. */
const coalesceMs = 5;

/**
 * Answers are paced by what the last round cost: many watches and many changes would otherwise
 * answer one another in a circle, and leave no time for beats.
 */
const paceMsPerWatch = 0.1;

/** Settings of {@link Watches}. */
export interface WatchesOptions {
  readonly clock: Clock;
  readonly directory: Directory;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
}

/** What a watch is told. */
export type WatchEnd = "news" | "time" | "gone";

/** One request that is held back. */
class Watch implements DeadlineEntry {
  previous: DeadlineEntry | undefined;
  next: DeadlineEntry | undefined;
  readonly after: number;
  readonly deadlineAt: number;
  readonly status: DirectoryStatus;
  readonly #end: (watch: Watch, how: WatchEnd) => void;
  readonly resolve: (how: WatchEnd) => void;

  constructor(
    after: number,
    deadlineAt: number,
    status: DirectoryStatus,
    end: (watch: Watch, how: WatchEnd) => void,
    resolve: (how: WatchEnd) => void,
  ) {
    this.after = after;
    this.deadlineAt = deadlineAt;
    this.status = status;
    this.#end = end;
    this.resolve = resolve;
  }

  /** Whether there is something to say. */
  hasNews({ index, hash, warming, frozen }: DirectoryStatus): boolean {
    const { after, status } = this;
    // Who is ahead read another registry over the same store: soon we know as much.
    if (index !== after) return index > after;
    // The hash says what an index that comes from outside does not count.
    if (hash !== status.hash) return true;
    return warming !== status.warming || frozen !== status.frozen;
  }

  expired(): void {
    this.#end(this, "time");
  }
}

/** The watches of one registry: requests that are answered when there is news, or in time. */
export class Watches implements Disposable {
  readonly #clock: Clock;
  readonly #directory: Directory;
  readonly #random: () => number;
  readonly #deadlines: Deadlines;
  readonly #held = new Set<Watch>();
  readonly #unlisten: () => void;
  #timer: Timer | undefined;
  /** No round before this moment. */
  #nextRoundAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor({ clock, directory, random }: WatchesOptions) {
    this.#clock = clock;
    this.#directory = directory;
    this.#random = random;
    this.#deadlines = new Deadlines(clock);
    this.#unlisten = directory.onChange(() => {
      if (this.#held.size > 0) this.#arm();
    });
  }

  /** Watches held now. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Resolves when the index is above `after`, or warming or frozen changes, or the time is over, or
   * the watcher went away (`signal`); at once when `limits.maxWatchers` are held. Never rejects.
   *
   * @param waitMs at most `limits.maxWatchMs`; up to a sixteenth is added, so that those who began
   * together do not come back together
   */
  async hold(after: number, waitMs: number, signal: AbortSignal): Promise<WatchEnd> {
    if (signal.aborted) return "gone";
    if (this.#ended || waitMs <= 0 || this.#held.size >= limits.maxWatchers) return "time";
    const { promise, resolve } = Promise.withResolvers<WatchEnd>();
    const cutMs = Math.min(waitMs, limits.maxWatchMs);
    const deadlineAt = this.#clock.now() + cutMs * (1 + this.#random() / 16);
    const { status } = this.#directory;
    const watch = new Watch(after, deadlineAt, status, this.#end, resolve);
    this.#held.add(watch);
    this.#deadlines.add(watch);
    const onAbort = (): void => this.#end(watch, "gone");
    signal.addEventListener("abort", onAbort, { once: true });
    // News that is there already goes out with the next round, not before it.
    if (watch.hasNews(status)) this.#arm();
    const how = await promise;
    signal.removeEventListener("abort", onAbort);
    return how;
  }

  /** Answers everybody, and holds nobody any more. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#unlisten();
    this.#timer?.cancel();
    for (const watch of this.#held) this.#end(watch, "time");
  }

  readonly #end = (watch: Watch, how: WatchEnd): void => {
    this.#held.delete(watch);
    this.#deadlines.remove(watch);
    watch.resolve(how);
  };

  #arm(): void {
    if (this.#timer !== undefined) return;
    const now = this.#clock.now();
    const delayMs = Math.max(coalesceMs, this.#nextRoundAt - now);
    this.#timer = this.#clock.after(delayMs, this.#round, { background: true });
  }

  readonly #round = (): void => {
    this.#timer = undefined;
    const { status } = this.#directory;
    let count = 0;
    for (const watch of this.#held) {
      if (!watch.hasNews(status)) continue;
      count += 1;
      this.#end(watch, "news");
    }
    this.#nextRoundAt = this.#clock.now() + count * paceMsPerWatch;
  };
}
