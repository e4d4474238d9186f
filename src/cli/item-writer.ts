import { sleep, systemClock, type Clock } from "../base/time.ts";
import type { Sink } from "./sink.ts";

/** Text that may wait for a slow reader, in UTF-16 units, before the stream has to wait as well. */
const maxWaiting = 65_536;
/** How long what is left may take to be read once the command is to end. */
const lastWordsMs = 100;

/** What {@link ItemWriter} needs to know. */
export interface ItemWriterOptions {
  /** An item as text, without the line's end. */
  readonly format: (item: unknown) => string;
  /** Aborts when the command is to end, whether or not all has been read. */
  readonly release: AbortSignal;
  /** The output takes nothing any more; called once. */
  readonly broken: () => void;
  /** For tests: time by hand. */
  readonly clock?: Clock | undefined;
}

/**
 * Writes the items of a stream, a line or more each, as fast as they are read and no faster. The
 * first item leaves at once; those that come while it is being written leave together behind it.
 */
export class ItemWriter {
  readonly #sink: Sink;
  readonly #options: ItemWriterOptions;
  #waiting = "";
  #pouring: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(sink: Sink, options: ItemWriterOptions) {
    this.#sink = sink;
    this.#options = options;
    options.release.addEventListener("abort", () => this.#makeRoom(), { once: true });
  }

  /** Whether the reader has gone away. */
  get closed(): boolean {
    return this.#sink.closed;
  }

  /** Writes an item. Undefined: go on; else there is room for the next one when this resolves. */
  write(item: unknown): Promise<void> | undefined {
    if (this.#isBroken) return undefined;
    this.#waiting += `${this.#options.format(item)}\n`;
    this.#pouring ??= this.#pour();
    if (this.#waiting.length < maxWaiting || this.#options.release.aborted) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /**
   * Resolves when everything is written, or the command is to end and the reader takes its time.
   *
   * @throws what writing has failed with, such as a full disk
   */
  async flush(): Promise<void> {
    const { release, clock = systemClock } = this.#options;
    const given = Promise.withResolvers<void>();
    const give = (): void => {
      void sleep(clock, lastWordsMs, { background: true }).then(given.resolve);
    };
    if (release.aborted) give();
    else release.addEventListener("abort", give, { once: true });
    await Promise.race([this.#pouring, given.promise]);
    release.removeEventListener("abort", give);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  get #isBroken(): boolean {
    return this.#sink.closed || this.#failure !== undefined;
  }

  /** Does not reject. */
  async #pour(): Promise<void> {
    try {
      while (this.#waiting !== "" && !this.#sink.closed) {
        const text = this.#waiting;
        this.#waiting = "";
        await this.#sink.pour(text);
        this.#makeRoom();
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#pouring = undefined;
    if (!this.#isBroken) return;
    this.#waiting = "";
    this.#makeRoom();
    this.#options.broken();
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}
