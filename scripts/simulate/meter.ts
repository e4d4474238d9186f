import type { GeeError } from "../../src/base/errors.ts";

/** Numbers one behind the other, as many as come. */
class Column {
  #values = new Float64Array(4_096);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const longer = new Float64Array(this.length * 2);
      longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[this.length++] = value;
  }

  from(start: number): Float64Array {
    return this.#values.subarray(start, this.length);
  }
}

/** What is counted of calls, from their beginning to their end. */
export class Meter {
  /** Calls that were begun. */
  begun = 0;
  /** What settled calls took, in the order of their ends. */
  readonly tookMs: Column = new Column();
  /** 1 for those that failed. */
  readonly failed: Column = new Column();
  /** How many have failed so, by code and reason. */
  readonly reasons: Map<string, number> = new Map();
  /** Calls that settled behind their deadline. */
  late = 0;
  /** Calls that may run once and ran more often. */
  ranTwice = 0;
  /** How often each call ran; for those that may run once 128 is added. */
  #runs = new Uint8Array(65_536);

  /** A call begins; returns its number. */
  begin(mayRunAgain: boolean): number {
    const call = this.begun++;
    if (call === this.#runs.length) {
      const longer = new Uint8Array(call * 2);
      longer.set(this.#runs);
      this.#runs = longer;
    }
    this.#runs[call] = mayRunAgain ? 0 : 128;
    return call;
  }

  /** A handler runs for a call. */
  ran(call: number): void {
    const runs = this.#runs[call] ?? 0;
    if (runs > 128) this.ranTwice++;
    if ((runs & 127) < 127) this.#runs[call] = runs + 1;
  }

  /** A call has settled, with its error if it has failed. */
  end(tookMs: number, error: GeeError | undefined): void {
    this.tookMs.push(tookMs);
    this.failed.push(error === undefined ? 0 : 1);
    if (error === undefined) return;
    const why = `${error.code} ${error.reason ?? ""} executed ${error.executed}`;
    this.reasons.set(why, (this.reasons.get(why) ?? 0) + 1);
  }

  /** Calls that have settled. */
  get settled(): number {
    return this.tookMs.length;
  }
}

/** The value below which a share of the values lies; NaN when there are none. */
export function quantile(values: Float64Array, share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
