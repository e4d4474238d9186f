/** How long one stretch of counting takes, in ms. */
export const stretchMs = 10_000;

/** So many failures in a row are too many (Finagle's failure accrual). */
const maxInARow = 5;
/** Less success than this is too little (Finagle's), over 20 to 30 s ... */
const leastSuccess = 0.8;
/** ... and so many calls. */
const leastCalls = 5;

/** One time out counts less for each of these that passes without another. */
const forgivenAfterMs = 30_000;
/** Times out beyond this make nothing longer. */
const maxTimes = 10;

/** A probe that does not end counts as lost after so long. */
const probeMs = 10_000;

/** Why a member went out by its own failures. */
export type Fault = "failures in a row" | "success rate";

/**
 * What a client's own calls have shown of one member, as far as it decides whether it is called at
 * all. It belongs to the owner of the member; only the {@link Ejection} of its list changes it.
 *
 * It counts in three stretches of 10 s: the one that runs and the two before. A list's members share
 * the number of the stretch, so that they can be compared. (Finagle has an average that fades over
 * 30 s; counts need no exponential for each call, and it is plain how many calls they stand for.)
 */
export class Accrual {
  /** Answers and failures of the stretch that runs, of the one before, and of the one before that. */
  ok = 0;
  failed = 0;
  okBefore = 0;
  failedBefore = 0;
  #okFirst = 0;
  #failedFirst = 0;
  /** The number of the stretch that runs. */
  #stretch = 0;
  failuresInARow = 0;
  /** It would be out if not too many others were. */
  isSick = false;
  /** How long it is out this time; 0 = it is in. */
  outForMs = 0;
  /** From then on it may be probed. */
  #outUntil: number = Number.NEGATIVE_INFINITY;
  /** Until then a probe is under way. */
  #probeUntil: number = Number.NEGATIVE_INFINITY;
  /** How often it went out, less what is forgiven. */
  times = 0;
  #inSince: number = Number.NEGATIVE_INFINITY;
  /** The number of the last list that it was on. */
  listing = -1;

  get isIn(): boolean {
    return this.outForMs === 0;
  }

  /** Answers and failures that still count. */
  get calls(): number {
    return (
      this.ok + this.failed + this.okBefore + this.failedBefore + this.#okFirst + this.#failedFirst
    );
  }

  /** Goes on to the stretch of this number; what is older than three is forgotten. */
  goOnTo(stretch: number): void {
    const passed = stretch - this.#stretch;
    if (passed === 0) return;
    this.#stretch = stretch;
    this.#okFirst = passed === 1 ? this.okBefore : passed === 2 ? this.ok : 0;
    this.#failedFirst = passed === 1 ? this.failedBefore : passed === 2 ? this.failed : 0;
    this.okBefore = passed === 1 ? this.ok : 0;
    this.failedBefore = passed === 1 ? this.failed : 0;
    this.ok = 0;
    this.failed = 0;
  }

  /** What is wrong with it by its own failures; undefined when nothing is. */
  get fault(): Fault | undefined {
    if (this.failuresInARow >= maxInARow) return "failures in a row";
    const { calls } = this;
    const ok = this.ok + this.okBefore + this.#okFirst;
    return calls >= leastCalls && ok < leastSuccess * calls ? "success rate" : undefined;
  }

  /** Goes out, `times` after what is forgiven; `msFor` says for how long by the number of times. */
  goOut(now: number, msFor: (times: number) => number): void {
    const forgiven = Math.floor((now - this.#inSince) / forgivenAfterMs);
    const before = this.times - Math.max(forgiven, 0);
    this.#stayOut(now, Math.max(before, 0) + 1, msFor);
  }

  /** A probe has failed. `grows`: it has only itself to blame. */
  stayOut(now: number, msFor: (times: number) => number, grows: boolean): void {
    this.#stayOut(now, this.times + (grows ? 1 : 0), msFor);
  }

  #stayOut(now: number, times: number, msFor: (times: number) => number): void {
    this.times = Math.min(times, maxTimes);
    this.outForMs = msFor(this.times);
    this.#outUntil = now + this.outForMs;
    this.#probeUntil = Number.NEGATIVE_INFINITY;
    this.isSick = false;
  }

  /** Comes back in, with nothing counted. */
  comeBack(now: number): void {
    this.ok = this.failed = this.okBefore = this.failedBefore = 0;
    this.#okFirst = this.#failedFirst = 0;
    this.failuresInARow = 0;
    this.outForMs = 0;
    this.#outUntil = Number.NEGATIVE_INFINITY;
    this.#probeUntil = Number.NEGATIVE_INFINITY;
    this.#inSince = now;
  }

  /** Whether its time is over, so that what its calls show counts again. */
  isDue(now: number): boolean {
    return now >= this.#outUntil;
  }

  /** Until when it is passed by: because it is out, or because its probe is under way. */
  passedByUntil(now: number): number {
    // A clock that went back must not keep it out for longer.
    if (this.#outUntil - now > this.outForMs) this.#outUntil = now + this.outForMs;
    if (this.#probeUntil - now > probeMs) this.#probeUntil = now + probeMs;
    return Math.max(this.#outUntil, this.#probeUntil);
  }

  /** A probe is sent. */
  probe(now: number): void {
    this.#probeUntil = now + probeMs;
  }

  /** The probe has ended without having shown anything. */
  endProbe(): void {
    this.#probeUntil = Number.NEGATIVE_INFINITY;
  }
}
