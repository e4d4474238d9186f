import type { Clock } from "../base/time.ts";

interface Waiter {
  readonly revision: number;
  readonly resolve: (reached: boolean) => void;
}

/** How far somebody has got in etcd's revisions, and who waits for him to get further. */
export class EtcdRevisions implements Disposable {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #revision = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How far. */
  get current(): number {
    return this.#revision;
  }

  /** It may go back as well, in another history. */
  reach(revision: number): void {
    this.#revision = revision;
    for (const waiter of this.#waiters) {
      if (waiter.revision <= revision) waiter.resolve(true);
    }
  }

  /** Resolves with true when a revision is reached, or with false when the time is over. */
  async reached(revision: number, timeoutMs: number): Promise<boolean> {
    if (revision <= this.#revision) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter: Waiter = { revision, resolve };
    this.#waiters.add(waiter);
    const timer = this.#clock.after(timeoutMs, () => resolve(false), { background: true });
    const reached = await promise;
    timer.cancel();
    this.#waiters.delete(waiter);
    return reached;
  }

  /** Nobody waits any longer. */
  [Symbol.dispose](): void {
    for (const { resolve } of this.#waiters) resolve(false);
  }
}
