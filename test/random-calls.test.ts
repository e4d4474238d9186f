import { expect, test } from "bun:test";
import type { CallOptions, Gee } from "../src/index.ts";
import { callContext, GeeError } from "../src/index.ts";
import { bufferedBytes } from "../src/wire/buffered.ts";
import { turn, until } from "./support/clock.ts";
import { Loopback } from "./support/loopback.ts";

// Calls of every shape, at once, with ends of every kind, in an order that a seed decides: whatever
// becomes of each, all settle, everything that was begun is ended, and nothing is left behind.

/** Chance that can be had again (mulberry32). */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 up to `below`, without it. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}

/** What was begun and what of it is over. */
const open = { sources: 0, handlers: 0 };

async function* items(count: number, bytes: number, failAt: number): AsyncGenerator<Uint8Array> {
  open.sources++;
  try {
    for (let index = 0; index < count; index++) {
      if (index === failAt) throw new GeeError("ABORTED", "on purpose");
      if (index % 5 === 3) await turn();
      yield new Uint8Array(bytes);
    }
  } finally {
    open.sources--;
  }
}

class Foo {
  Echo(bytes: Uint8Array): Uint8Array {
    return bytes;
  }

  async *Items(count: number, bytes: number, failAt: number): AsyncGenerator<Uint8Array> {
    yield* items(count, bytes, failAt);
  }

  Iterable(count: number, bytes: number, failAt: number): AsyncIterable<Uint8Array> {
    return items(count, bytes, failAt);
  }

  async Total(given: AsyncIterable<Uint8Array>, stopAt: number): Promise<number> {
    open.handlers++;
    try {
      let bytes = 0;
      let index = 0;
      for await (const item of given) {
        bytes += item.length;
        if (++index === stopAt) break;
        if (index % 4 === 2) await turn();
      }
      return bytes;
    } finally {
      open.handlers--;
    }
  }

  async *Relay(given: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    open.handlers++;
    try {
      yield* given;
    } finally {
      open.handlers--;
    }
  }

  async Wait(turns: number): Promise<void> {
    const { signal } = callContext();
    open.handlers++;
    for (let each = 0; each < turns && !signal.aborted; each++) await turn();
    open.handlers--;
  }
}

const sizes = [0, 1, 30, 1_000, 10_000, 70_000, 140_000, 500_000];

async function drain(answer: AsyncIterable<unknown>, leaveAt: number): Promise<void> {
  let index = 0;
  for await (const item of answer) {
    if (++index === leaveAt) break;
    if (index % 6 === 4 && item !== undefined) await turn();
  }
}

/** One call, of whatever shape, and whatever becomes of it. */
async function oneCall(gee: Gee, chance: Chance): Promise<void> {
  const stop = new AbortController();
  const options: CallOptions = {
    signal: stop.signal,
    timeoutMs: chance.once(8) ? 1 + chance.below(20) : 30_000,
  };
  if (chance.once(5)) {
    let turns = chance.below(30);
    const abortLater = (): void => {
      if (turns-- === 0) stop.abort();
      else setImmediate(abortLater);
    };
    abortLater();
  }
  const bytes = sizes[chance.below(sizes.length)] ?? 0;
  const count = bytes > 100_000 ? chance.below(8) : chance.below(50);
  const failAt = chance.once(4) ? chance.below(50) : -1;
  const leaveAt = chance.once(3) ? 1 + chance.below(8) : -1;
  const payload = new Uint8Array(bytes);
  const source = (): AsyncGenerator<Uint8Array> => items(count, bytes, failAt);
  const answers = ["Foo.Items", "Foo.Iterable"];
  switch (chance.below(6)) {
    case 0:
      await gee.call("Foo.Echo", [payload], options);
      break;
    case 1:
      await gee.call("Foo.Echo", [payload], { ...options, oneWay: true });
      break;
    case 2:
      await gee.call("Foo.Total", [source(), leaveAt], options);
      break;
    case 3:
      await drain(gee.call("Foo.Relay", [source()], options), leaveAt);
      break;
    case 4:
      await gee.call("Foo.Wait", [chance.below(20)], options);
      break;
    default: {
      const args = [count, bytes, failAt];
      await drain(gee.call(answers[chance.below(2)] ?? "", args, options), leaveAt);
    }
  }
}

/** Why a call may fail here; anything else is a mistake of ours. */
const expected = new Set(["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "UNAVAILABLE"]);

test.each([1, 2, 3, 4])(
  "whatever becomes of calls, nothing of them is left: seed %d",
  async (seed) => {
    const before = bufferedBytes();
    await using loopback = new Loopback();
    const server = await loopback.serve({ Foo: new Foo() });
    const steady = loopback.connect(server);
    let fickle = loopback.connect(server);
    const surprises: unknown[] = [];
    const chances = Array.from({ length: 16 }, (_each, index) => new Chance(1_000 * seed + index));
    await Promise.all(
      chances.map(async (chance, index) => {
        for (let each = 0; each < 12; each++) {
          if (index === 0 && chance.once(3)) {
            // Whatever is under way on it fails; those who come next have another.
            void fickle[Symbol.asyncDispose]();
            fickle = loopback.connect(server);
          }
          const gee = index % 2 === 0 ? fickle : steady;
          try {
            await oneCall(gee, chance);
          } catch (error) {
            const { code, reason } = GeeError.from(error);
            if (!expected.has(code) && reason !== "CLOSED") surprises.push(error);
          }
        }
      }),
    );
    expect(surprises).toEqual([]);
    await until(() => server.inFlight() === 0, "the end of all calls");
    await until(() => open.handlers === 0 && open.sources === 0, "the end of all that ran");
    await until(() => bufferedBytes() <= before, "the end of all that waited");
    await until(() => server.connections() <= 2, "the end of connections that were closed");
  },
  30_000,
);
