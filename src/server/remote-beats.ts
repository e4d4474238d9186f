import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { BeatDesk } from "../discovery/beat-desk.ts";
import type { FromBeatThread, ToBeatThread } from "../discovery/beat-messages.ts";
import { parseFromBeatThread, parseToBeatThread } from "../discovery/beat-parsing.ts";
import type { StartBeatThread } from "../discovery/beat-thread.ts";

/** The way to another process. What goes there is plain data, and arrives in order or not at all. */
export interface MessageLine {
  /** To one that has ended, this says nothing. */
  send(message: unknown): void;
  /** Has what comes told, and once that nothing comes any more. To be called once. */
  listen(events: {
    readonly onMessage: (message: unknown) => void;
    readonly onEnd: (why: string) => void;
  }): void;
}

/** Beats that come from the process at the other end, in place of a thread of this one. */
export function beatsFrom(line: MessageLine): StartBeatThread {
  return ({ onMessage, onEnd }) => {
    line.listen({ onMessage: (message) => onMessage(parseFromBeatThread(message)), onEnd });
    return { post: (message) => line.send(message) };
  };
}

/** Settings of {@link RemoteBeats}. */
export interface RemoteBeatsOptions {
  readonly clock: Clock;
  /** For what the other process cannot be told any more. */
  readonly log: Log;
  /** Tells it something. */
  readonly send: (message: FromBeatThread) => void;
  /** For tests: the calling side of a registry. */
  readonly createRegistry?: ConstructorParameters<typeof BeatDesk>[1]["createRegistry"];
}

/**
 * Beats for a server in another process, as a thread of that one would: it stays listed while it is
 * busy. Unlike a thread this outlives it, and takes it off the lists when it ends without a word.
 */
export class RemoteBeats {
  readonly #options: RemoteBeatsOptions;
  readonly #over = Promise.withResolvers<void>();
  #desk: BeatDesk | undefined;
  #isWithdrawn = false;
  #isAlone = false;

  constructor(options: RemoteBeatsOptions) {
    this.#options = options;
  }

  /** Resolves when the server is withdrawn, by itself or by `end`, as far as it can be. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** What the other process says, in order. One message that makes no sense changes nothing. */
  take(value: unknown): void {
    let message: ToBeatThread;
    try {
      message = parseToBeatThread(value);
    } catch (thrown) {
      this.#options.log.warn("a server says of itself what makes no sense", {
        error: GeeError.from(thrown),
      });
      return;
    }
    if (message.kind === "start") this.#begin(message);
    else this.#tell(message);
  }

  /** The other process is no more: it is withdrawn, unless it was. Twice is fine. */
  end(): void {
    this.#isAlone = true;
    if (this.#desk === undefined) this.#over.resolve();
    else this.#tell({ kind: "withdraw" });
  }

  #begin(message: ToBeatThread & { readonly kind: "start" }): void {
    if (this.#desk !== undefined || this.#isAlone) return;
    const { clock, createRegistry } = this.#options;
    this.#desk = new BeatDesk(message, {
      clock,
      createRegistry,
      post: (said) => this.#post(said),
      onEnd: this.#over.resolve,
    });
  }

  #tell(message: Exclude<ToBeatThread, { readonly kind: "start" }>): void {
    if (this.#isWithdrawn) return;
    this.#isWithdrawn = message.kind === "withdraw";
    this.#desk?.take(message);
  }

  #post(message: FromBeatThread): void {
    const { send, log } = this.#options;
    if (!this.#isAlone) send(message);
    else if (message.kind === "log") log[message.level](message.message, message.fields);
  }
}
