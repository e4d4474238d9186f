import { Hedge } from "../fleet/hedge.ts";

/** Methods of which something is remembered, at most: their names are the callers'. */
const maxMethods = 1_024;

/** What the calls of one service have shown of its methods. */
export class MethodNotes {
  /** Those that answer with streams. */
  readonly #streams: Set<string> = new Set();
  readonly #hedges: Map<string, Hedge> = new Map();

  /** A method has turned out to answer with a stream. */
  noteStream(method: string): void {
    if (this.#streams.size < maxMethods) this.#streams.add(method);
  }

  /** Whether it has. */
  isStream(method: string): boolean {
    return this.#streams.size > 0 && this.#streams.has(method);
  }

  /** When calls of a method are sent twice. */
  hedgeOf(method: string, now: number): Hedge {
    let hedge = this.#hedges.get(method);
    if (hedge === undefined) {
      hedge = new Hedge(now);
      if (this.#hedges.size < maxMethods) this.#hedges.set(method, hedge);
    }
    return hedge;
  }
}
