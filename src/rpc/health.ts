import type { Clock } from "../base/time.ts";
import { callContext } from "./context.ts";

/** Whether a service takes calls, in the words of gRPC's health protocol. */
export interface HealthState {
  readonly status: "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";
}

/** How often a watch says the same again: a stream without an item for a minute counts as stuck. */
const repeatMs = 20_000;

/** Whether a server takes new calls, for those who want to know when it does not. */
export class Serving {
  readonly #clock: Clock;
  /** Wakes those who wait. */
  readonly #waiting: Set<() => void> = new Set();
  #drained = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it takes none any more. */
  get drained(): boolean {
    return this.#drained;
  }

  /** From now on it takes none. */
  drain(): void {
    this.#drained = true;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves when it is drained, when the signal aborts, and in any case after a while. */
  async changed(signal: AbortSignal): Promise<void> {
    if (this.#drained || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const timer = this.#clock.after(repeatMs, wake, { background: true });
    signal.addEventListener("abort", wake, { once: true });
    this.#waiting.add(wake);
    await promise;
    timer.cancel();
    signal.removeEventListener("abort", wake);
    this.#waiting.delete(wake);
  }
}

/** `gee.Health`: what a server says of whether it takes calls. Its contract stands in `contract/own-services.ts`. */
export class Health {
  readonly #serving: Serving;
  readonly #has: (service: string) => boolean;

  /** `has`: whether there is a service of that name. */
  constructor(serving: Serving, has: (service: string) => boolean) {
    this.#serving = serving;
    this.#has = has;
  }

  Check(service = ""): HealthState {
    if (service !== "" && !this.#has(service)) return { status: "SERVICE_UNKNOWN" };
    return { status: this.#serving.drained ? "NOT_SERVING" : "SERVING" };
  }

  async *Watch(service = ""): AsyncGenerator<HealthState> {
    const { signal } = callContext();
    for (let isLast = false; !isLast && !signal.aborted;) {
      isLast = this.#serving.drained;
      yield this.Check(service);
      // Not behind the last one: a server that is about to end waits for this stream.
      if (!isLast) await this.#serving.changed(signal);
    }
  }
}
