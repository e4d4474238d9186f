// A server as a process of its own whose handlers stream, call each other, and write down in a
// journal what happens to them. Its one argument is JSON; it says where it is on stdout, and stops
// on SIGTERM.

import { callContext, GeeError, serve } from "../../src/index.ts";
import type { CallContext } from "../../src/index.ts";
import { fastClock } from "./fast-clock.ts";
import type { FleetServerOptions, Step } from "./fleet.ts";
import { writeJournal } from "./journal.ts";
import type { JournalEntry } from "./journal.ts";

// When the test is gone, so is this.
process.stdin.once("end", () => process.exit(1)).resume();

const options: FleetServerOptions & { readonly journal: string } = JSON.parse(
  process.argv[2] ?? "{}",
);

function codeOf(thrown: unknown): string {
  return thrown instanceof GeeError ? thrown.code : String(thrown);
}

/** Waits until a handler is told to stop; for a second at most. */
async function told(signal: AbortSignal): Promise<void> {
  for (let turn = 0; turn < 200 && !signal.aborted; turn++) await Bun.sleep(5);
}

class Stage {
  readonly #name: string;
  #big: Uint8Array | undefined;
  /** Items that were yielded, by call. */
  readonly #produced: Map<string, number> = new Map();

  /** What those wait for that stand still, by call. */
  readonly #waiting: Map<string, () => void> = new Map();

  constructor(name: string) {
    this.#name = name;
  }

  #write(
    event: JournalEntry["event"],
    call: string,
    more: Pick<JournalEntry, "remainingMs" | "code" | "items"> = {},
  ): void {
    writeJournal(options.journal, { stage: this.#name, event, call, ...more });
  }

  #begin(call: string): CallContext {
    const context = callContext();
    const { signal, remainingMs } = context;
    this.#write("begun", call, { remainingMs });
    signal.addEventListener("abort", () =>
      this.#write("aborted", call, { code: codeOf(signal.reason) }),
    );
    return context;
  }

  // -------------------------------------------------------------- chains

  /** Spends its time and passes the rest on; the last works until it is told to stop. */
  async Pass(call: string, steps: readonly Step[]): Promise<string> {
    const context = this.#begin(call);
    const [step, next] = steps;
    if (step !== undefined && step.spendMs > 0) await Bun.sleep(step.spendMs);
    if (next === undefined) {
      while (!context.signal.aborted) {
        this.#write("ticked", call);
        await Bun.sleep(5);
      }
      this.#write("stopped", call);
      return call;
    }
    const passed = context.call(`${next.service}.${next.method}`, [call, steps.slice(1)]);
    try {
      if (next.method === "Pass") return String(await passed);
      for await (const item of passed) if (item === 3) this.#write("ticked", call);
    } catch (error) {
      this.#write("failed", call, { code: codeOf(error) });
      // Which of the two comes first, the end of the call that we made or of our own, is open.
      await told(context.signal);
      throw error;
    }
    return call;
  }

  /** The same with items: those of the last, which has no end, go through all. */
  async *Flow(call: string, steps: readonly Step[]): AsyncGenerator<unknown> {
    const context = this.#begin(call);
    const [step, next] = steps;
    let items = 0;
    try {
      if (step !== undefined && step.spendMs > 0) await Bun.sleep(step.spendMs);
      if (next === undefined) {
        for (;;) {
          yield ++items;
          // Only inside the context of a call does this not throw.
          if (callContext().method !== `${this.#name}.Flow`) throw new Error("another's context");
          await Bun.sleep(2);
        }
      }
      const passed = context.call(`${next.service}.${next.method}`, [call, steps.slice(1)]);
      if (next.method === "Pass") yield await passed;
      else yield* passed;
    } catch (error) {
      this.#write("failed", call, { code: codeOf(error) });
      await told(context.signal);
      throw error;
    } finally {
      this.#write("finally", call, { items });
    }
  }

  // -------------------------------------------------------------- single calls

  /** Works for so long. */
  async Work(call: string, ms: number): Promise<string> {
    const { signal } = this.#begin(call);
    if (ms > 0) await Bun.sleep(ms);
    signal.throwIfAborted();
    this.#write("done", call);
    return call;
  }

  /** Says no. */
  async Fail(call: string, ms: number): Promise<never> {
    this.#begin(call);
    await Bun.sleep(ms);
    throw new GeeError("ABORTED", "it says no", { reason: "SAYS_NO" });
  }

  /** Goes on until it is told to stop. */
  async Wait(call: string): Promise<void> {
    const { signal } = this.#begin(call);
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve());
    await promise;
  }

  /** An answer of so many bytes, at once. */
  Big(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }

  /** The same after a while, and always the same one: what it costs is not the handlers'. */
  async BigLater(bytes: number, ms: number): Promise<Uint8Array> {
    await Bun.sleep(ms);
    if (this.#big?.length !== bytes) this.#big = new Uint8Array(bytes);
    return this.#big;
  }

  // -------------------------------------------------------------- streams

  /** From 1 to `count`, one every so often. */
  async *Count(call: string, count: number, everyMs: number): AsyncGenerator<number> {
    this.#begin(call);
    let items = 0;
    try {
      while (items < count) {
        yield ++items;
        await Bun.sleep(everyMs);
      }
    } finally {
      this.#write("finally", call, { items });
    }
  }

  /** Items of so many bytes without an end, as fast as they are taken. */
  async *Endless(call: string, bytes: number): AsyncGenerator<Uint8Array> {
    this.#begin(call);
    let items = 0;
    try {
      for (;;) {
        this.#produced.set(call, ++items);
        yield new Uint8Array(bytes);
      }
    } finally {
      this.#write("finally", call, { items });
    }
  }

  /** How many items that one has yielded. */
  Produced(call: string): number {
    return this.#produced.get(call) ?? 0;
  }

  /** Takes all items that it is sent, and says how many. */
  async Take(call: string, items: AsyncIterable<unknown>): Promise<number> {
    this.#begin(call);
    let taken = 0;
    try {
      for await (const _ of items) if (++taken === 3) this.#write("ticked", call);
      this.#write("ended", call, { items: taken });
    } catch (error) {
      this.#write("failed", call, { code: codeOf(error) });
      throw error;
    }
    return taken;
  }

  /** Takes so many items, stands still until `GoOn`, and leaves the loop. */
  async TakeSome(call: string, items: AsyncIterable<unknown>, count: number): Promise<number> {
    this.#begin(call);
    const going = Promise.withResolvers<void>();
    this.#waiting.set(call, going.resolve);
    let taken = 0;
    for await (const _ of items) {
      if (++taken < count) continue;
      this.#write("ticked", call);
      await going.promise;
      break;
    }
    return taken;
  }

  GoOn(call: string): void {
    this.#waiting.get(call)?.();
  }
}

const server = await serve({
  services: Object.fromEntries(options.stages.map((name) => [name, new Stage(name)])),
  registry: options.registry,
  listen: options.listen,
  lameDuckMs: options.lameDuckMs,
  drainTimeoutMs: options.drainTimeoutMs,
  clock: options.clockFactor === undefined ? undefined : fastClock(options.clockFactor),
});
await server.registered;
process.once("SIGTERM", async () => {
  await server.stop();
  process.exit(0);
});
console.log(JSON.stringify({ address: server.address, id: server.id }));
