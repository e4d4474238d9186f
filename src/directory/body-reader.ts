import { type DeadlineEntry, Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import { readJson } from "../discovery/json-body.ts";

/** A body that is being read. */
class Reading implements DeadlineEntry {
  previous: DeadlineEntry | undefined;
  next: DeadlineEntry | undefined;
  readonly deadlineAt: number;
  readonly #reject: (error: GeeError) => void;

  constructor(deadlineAt: number, reject: (error: GeeError) => void) {
    this.deadlineAt = deadlineAt;
    this.#reject = reject;
  }

  expired(): void {
    const message = `the body was not there within ${limits.registryBodyMs} ms`;
    const reason = { reason: "SLOW_BODY", executed: "no" } as const;
    this.#reject(new GeeError("DEADLINE_EXCEEDED", message, reason));
  }
}

/**
 * Reads the bodies of requests. The size, the time and the number of them are bounded, so that
 * senders who take their time hold little and not for long.
 */
export class BodyReader {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
  }

  /**
   * A body as JSON.
   *
   * @throws GeeError as `readJson`; RESOURCE_EXHAUSTED, reason TOO_MANY_BODIES, when
   * `limits.maxRegistryBodies` are being read; DEADLINE_EXCEEDED, reason SLOW_BODY, after
   * `limits.registryBodyMs`
   */
  async read(request: Request): Promise<unknown> {
    if (this.#count >= limits.maxRegistryBodies) {
      const message = `${this.#count} requests are being read`;
      const reason = { reason: "TOO_MANY_BODIES", executed: "no" } as const;
      throw new GeeError("RESOURCE_EXHAUSTED", message, reason);
    }
    const { promise: late, reject } = Promise.withResolvers<never>();
    const reading = new Reading(this.#clock.now() + limits.registryBodyMs, reject);
    this.#count += 1;
    this.#deadlines.add(reading);
    try {
      return await Promise.race([readJson(request, limits.maxRegistryBodyBytes), late]);
    } finally {
      this.#deadlines.remove(reading);
      this.#count -= 1;
    }
  }
}
