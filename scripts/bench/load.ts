// The client's half of a run, in the client's own process.

import { quantile } from "./statistics.ts";
import { bytesOf, isSameOrder, orderOf } from "./work.ts";
import type { Order, Setup } from "./work.ts";

/** What a client says of one run. */
export interface RunResult {
  /** Calls, or items of a stream. */
  readonly calls: number;
  readonly seconds: number;
  /** Of one caller's calls; undefined of a stream. */
  readonly p50Us?: number;
  readonly p99Us?: number;
}

/** What sends streams, each the only one on its connection. */
export interface Flow {
  /** Sends so many items and resolves when the receiver has had, and counted, all of them. */
  pass(items: number): Promise<void>;
}

/** What keeps calls in flight and counts those that were answered, rightly. */
export interface Load {
  readonly calls: number;
  readonly samples: Samples;
  start(): void;
  /** Starts no further call and waits for those in flight. */
  stop(): Promise<void>;
}

const maxSamples = 1_000_000;

/** How long calls took, while it is told to listen. */
export class Samples {
  listening = false;
  readonly #us: Float64Array = new Float64Array(maxSamples);
  #count = 0;

  add(ms: number): void {
    if (this.listening && this.#count < maxSamples) this.#us[this.#count++] = 1_000 * ms;
  }

  /** What was heard, rising; forgets it. */
  take(): Float64Array {
    const sorted = this.#us.slice(0, this.#count).sort();
    this.#count = 0;
    return sorted;
  }
}

/** One connection of a peer. */
export interface Caller {
  sum(a: number, b: number): Promise<number>;
  order(order: Order): Promise<Order>;
  bytes(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

/** Callers in a closed loop: each waits for its answer before it calls again. */
export class CallLoad implements Load {
  calls = 0;
  readonly samples: Samples = new Samples();
  readonly #callers: readonly Caller[];
  readonly #setup: Setup;
  readonly #bytes: Buffer<ArrayBuffer>;
  #stopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(callers: readonly Caller[], setup: Setup) {
    this.#callers = callers;
    this.#setup = setup;
    this.#bytes = bytesOf(setup.size);
  }

  start(): void {
    this.#stopping = false;
    this.#running = Promise.all(
      Array.from({ length: this.#setup.inFlight }, (_, index) => this.#loop(index)),
    );
    this.#running.catch(fail);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  #loop(index: number): Promise<void> {
    const caller = this.#callers[index % this.#callers.length];
    if (caller === undefined) throw new Error("there is no connection");
    switch (this.#setup.work) {
      case "sum":
        return this.#sums(caller, index);
      case "object":
        return this.#orders(caller, index);
      case "bytes":
        return this.#echoes(caller, index);
      case "download":
      case "upload":
        throw new Error("a stream is no call");
      default:
        return this.#setup.work satisfies never;
    }
  }

  // Three loops and not one with a callback: a further async layer costs as much as a call may.

  async #sums(caller: Caller, index: number): Promise<void> {
    const { samples } = this;
    while (!this.#stopping) {
      const calledAt = index === 0 ? performance.now() : 0;
      const sum = await caller.sum(1, 2);
      if (index === 0) samples.add(performance.now() - calledAt);
      if (sum !== 3) throw new Error(`wrong result: 1 + 2 gave ${sum}`);
      this.calls++;
    }
  }

  async #orders(caller: Caller, index: number): Promise<void> {
    const { samples } = this;
    const sent = orderOf(index);
    while (!this.#stopping) {
      const calledAt = index === 0 ? performance.now() : 0;
      const order = await caller.order(sent);
      if (index === 0) samples.add(performance.now() - calledAt);
      if (!isSameOrder(order, sent)) {
        throw new Error(`wrong result: order ${sent.id} gave ${JSON.stringify(order)}`);
      }
      this.calls++;
    }
  }

  async #echoes(caller: Caller, index: number): Promise<void> {
    const { samples } = this;
    const sent = this.#bytes;
    while (!this.#stopping) {
      const calledAt = index === 0 ? performance.now() : 0;
      const bytes = await caller.bytes(sent);
      if (index === 0) samples.add(performance.now() - calledAt);
      if (!sent.equals(bytes)) throw new Error(`wrong result: ${bytes.length} other bytes`);
      this.calls++;
    }
  }
}

/** The benchmark sees the exit code and shows what stands on stderr. */
export function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}

function wait(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, ms);
  return promise;
}

/** One stream, from when it is asked for until its last item has come. */
export async function passOnce(
  flow: Flow,
  items: number,
  mark: (word: "start" | "stop") => void,
): Promise<RunResult> {
  mark("start");
  const startedAt = performance.now();
  await flow.pass(items);
  const seconds = (performance.now() - startedAt) / 1_000;
  mark("stop");
  return { calls: items, seconds };
}

const pollMs = 2;

/**
 * One run of so many calls, or a few more. How far code is compiled depends on calls and not on time:
 * on a machine that is busy, two runs of the same length need not be of the same code.
 */
export async function runCalls(
  load: Load,
  wanted: number,
  mark: (word: "start" | "stop") => void,
): Promise<RunResult> {
  const callsBefore = load.calls;
  const startedAt = performance.now();
  mark("start");
  load.start();
  while (load.calls < callsBefore + wanted) await wait(pollMs);
  await load.stop();
  mark("stop");
  return { calls: load.calls - callsBefore, seconds: (performance.now() - startedAt) / 1_000 };
}

/**
 * One run: calls for `rampMs` that do not count, then for `windowMs`. `mark` is called at both ends
 * of the window; whoever hears it reads the CPU time of both processes.
 */
export async function runOnce(
  load: Load,
  rampMs: number,
  windowMs: number,
  mark: (word: "start" | "stop") => void,
): Promise<RunResult> {
  load.start();
  await wait(rampMs);
  const callsBefore = load.calls;
  const startedAt = performance.now();
  load.samples.listening = true;
  mark("start");
  await wait(windowMs);
  const calls = load.calls - callsBefore;
  const seconds = (performance.now() - startedAt) / 1_000;
  load.samples.listening = false;
  mark("stop");
  await load.stop();
  const sorted = load.samples.take();
  return { calls, seconds, p50Us: quantile(sorted, 0.5), p99Us: quantile(sorted, 0.99) };
}
