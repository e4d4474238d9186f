import type { Clock } from "../base/time.ts";
import type { EtcdApi } from "./etcd-api.ts";
import type { EtcdLeases, HeldKey } from "./etcd-leases.ts";

/** Added to the moment of a look, so that our own last sign of life is older than what is asked. */
const marginMs = 30;

/** After a look that failed. */
const againMs = 500;

/** What became of somebody whose beats do not come here any more. */
export type Finding = "elsewhere" | "silent";

/** Settings of an {@link EtcdSilence}. */
export interface EtcdSilenceOptions {
  readonly api: EtcdApi;
  readonly leases: EtcdLeases;
  readonly clock: Clock;
  /** Told once of each key that was asked about, unless its member beats here again before. */
  readonly onFinding: (held: HeldKey, finding: Finding) => void;
}

/** How old the last sign of life may be, as etcd counts it: in whole seconds. */
function allowedSeconds({ leaseMs }: HeldKey): number {
  return Math.ceil(leaseMs / 1_000);
}

/**
 * Finds out about a member that has stopped to beat here: whether another registry keeps its lease
 * alive, or nobody does. Etcd says in whole seconds what is left of a lease, rounded down. So it is
 * asked a little later than the allowed seconds after we kept the lease alive ourselves: whole
 * seconds that are missing then are ours, and one less that is missing is somebody else's doing.
 */
export class EtcdSilence implements Disposable {
  readonly #options: EtcdSilenceOptions;
  #ended = false;

  constructor(options: EtcdSilenceOptions) {
    this.#options = options;
  }

  /** Asks as soon as etcd can tell, and until it does. */
  ask(held: HeldKey): void {
    const { clock } = this.#options;
    this.#later(held, held.beatAt, this.#waitMs(held, clock.now()));
  }

  /** Asks once more, a little later: what was to follow from the answer failed. */
  again(held: HeldKey): void {
    this.#later(held, held.beatAt, againMs);
  }

  /** Nobody is told anything any more. */
  [Symbol.dispose](): void {
    this.#ended = true;
  }

  #waitMs(held: HeldKey, now: number): number {
    return Math.max(0, held.keptAt + allowedSeconds(held) * 1_000 + marginMs - now);
  }

  #later(held: HeldKey, lastBeatAt: number, delayMs: number): void {
    const { clock } = this.#options;
    clock.after(delayMs, () => void this.#look(held, lastBeatAt), { background: true });
  }

  /** It beats here again, or its key is another one or gone: there is nothing to find out. */
  #isOver(held: HeldKey, lastBeatAt: number): boolean {
    const isSame = this.#options.leases.get(held.key) === held;
    return this.#ended || !isSame || held.beatAt !== lastBeatAt;
  }

  async #look(held: HeldKey, lastBeatAt: number): Promise<void> {
    const { api, clock, onFinding } = this.#options;
    if (this.#isOver(held, lastBeatAt)) return;
    // Our own last sign of life may have been on its way when it fell silent.
    const waitMs = this.#waitMs(held, clock.now());
    if (waitMs > 0) return this.#later(held, lastBeatAt, waitMs);
    const { lease } = held;
    const state = await api.timeToLive(lease).catch(() => undefined);
    if (this.#isOver(held, lastBeatAt)) return;
    const now = clock.now();
    if (state === undefined || held.lease !== lease) {
      return this.#later(held, lastBeatAt, againMs);
    }
    const { leftSeconds, grantedSeconds, head } = state;
    if (held.term !== head.term) {
      // A new leader starts every lease anew, as nobody knows how old they were.
      held.keptAt = now;
      held.term = head.term;
      return this.#later(held, lastBeatAt, this.#waitMs(held, now));
    }
    // What is over vanishes by itself.
    if (leftSeconds === undefined) return;
    const isHeard = leftSeconds >= grantedSeconds - allowedSeconds(held);
    onFinding(held, isHeard ? "elsewhere" : "silent");
  }
}
