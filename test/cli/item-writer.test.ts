import { expect, test } from "bun:test";
import { ItemWriter } from "../../src/cli/item-writer.ts";
import type { Sink } from "../../src/cli/sink.ts";
import { FakeClock, turn } from "../support/clock.ts";

/** A sink whose reader takes what is poured when the test says so. */
class ByHand implements Sink {
  readonly terminal = false;
  readonly columns = 80;
  closed = false;
  readonly taken: string[] = [];
  #pouring: { readonly text: string; readonly settle: PromiseWithResolvers<void> } | undefined;

  write(): Promise<void> {
    throw new Error("items are poured");
  }

  pour(text: string): Promise<void> {
    expect(this.#pouring).toBeUndefined();
    const settle = Promise.withResolvers<void>();
    this.#pouring = { text, settle };
    return settle.promise;
  }

  /** What waits for the reader now. */
  get offered(): string | undefined {
    return this.#pouring?.text;
  }

  async take(): Promise<void> {
    this.taken.push(this.#pouring?.text ?? "");
    await this.#end((settle) => settle.resolve());
  }

  async leave(): Promise<void> {
    this.closed = true;
    await this.#end((settle) => settle.resolve());
  }

  async fail(error: unknown): Promise<void> {
    await this.#end((settle) => settle.reject(error));
  }

  async #end(how: (settle: PromiseWithResolvers<void>) => void): Promise<void> {
    const pouring = this.#pouring;
    this.#pouring = undefined;
    if (pouring !== undefined) how(pouring.settle);
    await turn();
  }
}

interface Scene {
  readonly sink: ByHand;
  readonly clock: FakeClock;
  readonly release: AbortController;
  readonly writer: ItemWriter;
  broken(): number;
}

function scene(): Scene {
  const [sink, clock, release] = [new ByHand(), new FakeClock(), new AbortController()];
  let broken = 0;
  const writer = new ItemWriter(sink, {
    format: (item) => `<${String(item)}>`,
    release: release.signal,
    broken: () => {
      broken += 1;
    },
    clock,
  });
  return { sink, clock, release, writer, broken: () => broken };
}

/** Whether a promise has settled, and how. */
function watch(promise: Promise<unknown> | undefined): { state: string } {
  const seen = { state: promise === undefined ? "none" : "open" };
  promise?.then(
    () => {
      seen.state = "kept";
    },
    (error: unknown) => {
      seen.state = error instanceof Error ? error.message : "broken";
    },
  );
  return seen;
}

test("the first item leaves at once, and those that come meanwhile together behind it", async () => {
  const { sink, writer } = scene();
  expect(writer.write(1)).toBeUndefined();
  expect(sink.offered).toBe("<1>\n");
  for (const item of [2, 3]) expect(writer.write(item)).toBeUndefined();
  const flushed = watch(writer.flush());
  await sink.take();
  expect(sink.offered).toBe("<2>\n<3>\n");
  expect(flushed.state).toBe("open");
  await sink.take();
  expect(flushed.state).toBe("kept");
  writer.write(4);
  await sink.take();
  expect(sink.taken).toEqual(["<1>\n", "<2>\n<3>\n", "<4>\n"]);
});

test("who writes has to wait for a reader that is slow, and no longer than that", async () => {
  const { sink, writer } = scene();
  const item = "x".repeat(20_000);
  const rooms: (Promise<void> | undefined)[] = [];
  // One is on its way, and three more are below 64 Ki.
  for (let i = 0; i < 5; i++) rooms.push(writer.write(item));
  expect(rooms.map((room) => room !== undefined)).toEqual([false, false, false, false, true]);
  const room = watch(rooms[4]);
  await turn();
  expect(room.state).toBe("open");
  await sink.take();
  expect(room.state).toBe("kept");
  expect(writer.write(item)).toBeUndefined();
});

test("a command that is to end waits a tenth of a second for its reader, and then no more", async () => {
  const { sink, clock, release, writer } = scene();
  writer.write("a");
  const room = watch(writer.write("x".repeat(70_000)));
  expect(room.state).toBe("open");
  const flushed = watch(writer.flush());
  await clock.advance(60_000);
  expect([room.state, flushed.state]).toEqual(["open", "open"]);
  release.abort();
  await turn();
  expect([room.state, flushed.state]).toEqual(["kept", "open"]);
  expect(writer.write("nobody waits any more")).toBeUndefined();
  await clock.advance(99);
  expect(flushed.state).toBe("open");
  await clock.advance(1);
  expect(flushed.state).toBe("kept");
  expect(sink.offered).toBe("<a>\n");
});

test("a reader that takes the rest in that time gets it", async () => {
  const { sink, clock, release, writer } = scene();
  writer.write("a");
  writer.write("b");
  release.abort();
  const flushed = watch(writer.flush());
  await sink.take();
  expect(flushed.state).toBe("open");
  await sink.take();
  expect([flushed.state, sink.taken.join("")]).toEqual(["kept", "<a>\n<b>\n"]);
  await clock.advance(1_000);
});

test("a reader that goes away is told once, and everything behind it is dropped", async () => {
  const { sink, writer, broken } = scene();
  writer.write("a");
  const room = watch(writer.write("x".repeat(70_000)));
  await sink.leave();
  expect([room.state, broken(), writer.closed]).toEqual(["kept", 1, true]);
  expect(writer.write("b")).toBeUndefined();
  await writer.flush();
  expect([sink.offered, broken()]).toEqual([undefined, 1]);
});

test("what writing fails with is told at the end", async () => {
  const { sink, writer, broken } = scene();
  writer.write("a");
  const room = watch(writer.write("x".repeat(70_000)));
  await sink.fail(new Error("disk full"));
  expect([room.state, broken(), writer.closed]).toEqual(["kept", 1, false]);
  expect(writer.write("b")).toBeUndefined();
  const flushed = watch(writer.flush());
  await turn();
  expect([flushed.state, sink.offered]).toEqual(["disk full", undefined]);
});
