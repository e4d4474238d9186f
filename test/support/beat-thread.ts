import { BeatDesk } from "../../src/discovery/beat-desk.ts";
import type { FromBeatThread, ToBeatThread } from "../../src/discovery/beat-messages.ts";
import type { BeatThreadEvents, StartBeatThread } from "../../src/discovery/beat-thread.ts";
import type { FakeClock } from "./clock.ts";
import type { MemoryRegistry } from "./registry.ts";

/** Makes the registries of a test known by their URLs. */
export function registriesBy(
  registries: readonly MemoryRegistry[],
): (options: { readonly url: string }) => MemoryRegistry["client"] {
  return ({ url }) => {
    const found = registries.find(({ client }) => client.url === url);
    if (found === undefined) throw new Error(`no registry at ${url}`);
    return found.client;
  };
}

/**
 * The thread that beats, in this thread and by a clock that moves by hand. What is said goes as it
 * does between threads: as a copy, in order, and later.
 */
export class FakeThread {
  /** Every message of the main thread, in order, those that were lost too. */
  readonly heard: ToBeatThread[] = [];
  /** How often it was started. */
  starts = 0;
  /** It takes no messages, as if it stood still. */
  isStuck = false;
  /** Every message to the main thread. */
  readonly said: FromBeatThread[] = [];
  readonly #clock: FakeClock;
  readonly #registries: readonly MemoryRegistry[];
  #events: BeatThreadEvents | undefined;
  #desk: BeatDesk | undefined;

  constructor(clock: FakeClock, registries: readonly MemoryRegistry[]) {
    this.#clock = clock;
    this.#registries = registries;
  }

  readonly start: StartBeatThread = (events) => {
    this.starts++;
    this.#events = events;
    return {
      post: (message) => {
        const copy = structuredClone(message);
        this.heard.push(copy);
        queueMicrotask(() => this.#take(copy));
      },
    };
  };

  /** It is no more, and with it all that it would have done later. */
  end(why: string | undefined): void {
    const events = this.#events;
    this.#events = undefined;
    events?.onEnd(why);
  }

  #take(message: ToBeatThread): void {
    if (this.isStuck || this.#events === undefined) return;
    if (message.kind !== "start") {
      this.#desk?.take(message);
      return;
    }
    const clock = this.#clock.elsewhere();
    this.#desk = new BeatDesk(message, {
      clock: {
        ...clock,
        after: (delayMs, task) =>
          clock.after(delayMs, () => {
            if (this.#events !== undefined) task();
          }),
      },
      post: (said) => this.#say(structuredClone(said)),
      onEnd: () => queueMicrotask(() => this.end(undefined)),
      createRegistry: registriesBy(this.#registries),
      random: () => 0.5,
    });
  }

  #say(message: FromBeatThread): void {
    this.said.push(message);
    queueMicrotask(() => this.#events?.onMessage(message));
  }
}
