import { expect, test } from "bun:test";
import { ReceiveWindow, windowLimits } from "../../src/streams/window.ts";
import { simulate } from "./simulated-link.ts";

const start = windowLimits.initialWindowBytes;
const quarter = start / 4;

/** A window and the time that it reads. */
function windowAt(mayGrow = true): { window: ReceiveWindow; advance: (ms: number) => void } {
  let now = 1_000;
  const window = new ReceiveWindow({ now: () => now, mayGrow: () => mayGrow });
  return { window, advance: (ms) => (now += ms) };
}

test("the numbers are those of the protocol", () => {
  expect(windowLimits).toEqual({
    initialWindowBytes: 262_144,
    minWindowBytes: 65_536,
    maxStreamWindowBytes: 16_777_216,
    maxCreditBytes: 2_147_483_647,
  });
});

test("an item may come while any credit is left, and take more than that", () => {
  const { window } = windowAt();
  expect(window.spend(start - 1)).toBe(true);
  expect(window.spend(1_000_000)).toBe(true);
  expect(window.spend(1)).toBe(false);
  expect(window.spend(1)).toBe(false);
});

test("credit that is used up to the last byte is used up", () => {
  const { window } = windowAt();
  expect(window.spend(start)).toBe(true);
  expect(window.spend(1)).toBe(false);
});

test("nothing is granted for what has come, all of it for what was taken, in few grants", () => {
  const { window } = windowAt();
  const item = 1_024;
  for (let each = 0; each < start / item; each++) window.spend(item);
  const grants: number[] = [];
  for (let each = 0; each < start / item; each++) {
    const credit = window.consumed(item);
    if (credit > 0) grants.push(credit);
  }
  expect(grants).toEqual([quarter, quarter, quarter, quarter]);
});

test("what an item took beyond the credit is owed when it was taken", () => {
  const { window } = windowAt();
  window.spend(4_000_000);
  expect(window.consumed(4_000_000)).toBe(4_000_000);
  expect(window.spend(start)).toBe(true);
  expect(window.spend(1)).toBe(false);
});

/**
 * One round trip of a sender that was held back: it has used everything, the consumer takes so
 * much, and the next item comes so much later.
 */
interface Round {
  readonly taken: number;
  readonly ms: number;
  readonly starved: boolean;
  readonly windowBytes: number;
}

const tables: readonly {
  readonly what: string;
  readonly mayGrow?: boolean;
  readonly rounds: readonly Round[];
}[] = [
  {
    what: "doubles each round from the start, while all of it is used within a round trip",
    rounds: [
      { taken: 1, ms: 20, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 22, starved: true, windowBytes: start * 4 },
      { taken: 1, ms: 29, starved: true, windowBytes: start * 8 },
      { taken: 1, ms: 20, starved: true, windowBytes: start * 16 },
      { taken: 1, ms: 20, starved: true, windowBytes: start * 32 },
      { taken: 1, ms: 20, starved: true, windowBytes: start * 64 },
      { taken: 1, ms: 20, starved: true, windowBytes: start * 64 },
    ],
  },
  {
    what: "does not grow when the process has no memory for it",
    mayGrow: false,
    rounds: [
      { taken: 1, ms: 20, starved: true, windowBytes: start },
      { taken: 1, ms: 20, starved: true, windowBytes: start },
      { taken: 1, ms: 20, starved: true, windowBytes: start },
      { taken: 1, ms: 20, starved: true, windowBytes: start },
    ],
  },
  {
    what: "after a round that was no waiting for credit, grows with the third in a row that was",
    rounds: [
      { taken: 1, ms: 10, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 16, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 10, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 10, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 50, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 10, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 10, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 10, starved: true, windowBytes: start * 4 },
      { taken: 1, ms: 10, starved: true, windowBytes: start * 4 },
    ],
  },
  {
    what: "is not kept small by one round that was shorter than two loops can be",
    rounds: [
      { taken: 1, ms: 0.01, starved: true, windowBytes: start * 2 },
      { taken: 1, ms: 0.14, starved: true, windowBytes: start * 4 },
      { taken: 1, ms: 0.16, starved: true, windowBytes: start * 4 },
    ],
  },
  {
    what: "shrinks by a tenth a round while the consumer leaves more than half, and not below the least",
    rounds: [
      { taken: 0.25, ms: 1, starved: false, windowBytes: 235_929 },
      { taken: 0.25, ms: 1, starved: false, windowBytes: 212_336 },
      { taken: 0.25, ms: 1, starved: false, windowBytes: 191_102 },
      { taken: 0.25, ms: 1, starved: false, windowBytes: 171_991 },
      ...[154_791, 139_311, 125_379, 112_841, 101_556, 91_400, 82_260, 74_034].map(
        (windowBytes) => ({ taken: 0.25, ms: 1, starved: false, windowBytes }),
      ),
      { taken: 0.25, ms: 1, starved: false, windowBytes: 66_630 },
      { taken: 0.25, ms: 1, starved: false, windowBytes: 65_536 },
      { taken: 0.25, ms: 1, starved: false, windowBytes: 65_536 },
    ],
  },
  {
    what: "stays when the consumer takes more than half and never waits",
    rounds: [
      { taken: 0.6, ms: 1, starved: false, windowBytes: start },
      { taken: 0.6, ms: 1, starved: false, windowBytes: start },
      { taken: 0.6, ms: 1, starved: false, windowBytes: start },
    ],
  },
];

for (const { what, mayGrow, rounds } of tables) {
  test(`the window ${what}`, () => {
    const { window, advance } = windowAt(mayGrow);
    const item = 64;
    /** What the sender may send, and what waits. */
    let credit = start;
    let queued = 0;
    const fill = (): void => {
      for (; credit > 0; credit -= item, queued += item) expect(window.spend(item)).toBe(true);
    };
    fill();
    for (const { taken, ms, starved, windowBytes } of rounds) {
      for (const upTo = window.windowBytes * (1 - taken); queued - item >= upTo; queued -= item) {
        credit += window.consumed(item);
      }
      // What was granted is a quarter at least; the rest of what was taken comes with the next.
      while (credit <= 0 && queued > 0) {
        queued -= item;
        credit += window.consumed(item);
      }
      if (starved) window.starved();
      advance(ms);
      fill();
      expect(window.windowBytes).toBe(windowBytes);
    }
  });
}

test("a source that is slow looks like no long link: the window stays about as it is", () => {
  const result = simulate({ roundTripMs: 2, sourceBytesPerMs: 1_000, forMs: 5_000 });
  expect(result.largestWindow).toBeLessThanOrEqual(start * 2);
  expect(result.bytesPerMs).toBeGreaterThan(980);
});

for (const { what, roundTripMs, jitterMs = 0, linkBytesPerMs } of [
  { what: "a long and fat link", roundTripMs: 100, linkBytesPerMs: 10_000 },
  {
    what: "a long and fat link that trembles",
    roundTripMs: 100,
    jitterMs: 40,
    linkBytesPerMs: 10_000,
  },
  { what: "a short and very fast link", roundTripMs: 0.3, linkBytesPerMs: 2_000_000 },
  { what: "a slow link", roundTripMs: 50, linkBytesPerMs: 100 },
]) {
  test(`${what} is filled, with a window of a few times what it holds`, () => {
    const items = { itemBytes: 8_192, forMs: roundTripMs * 200 };
    const result = simulate({ roundTripMs, jitterMs, linkBytesPerMs, ...items });
    const holds = linkBytesPerMs * (roundTripMs + jitterMs);
    expect(result.bytesPerMs).toBeGreaterThan(linkBytesPerMs * 0.97);
    expect(result.largestWindow).toBeLessThanOrEqual(Math.max(start * 2, holds * 5));
  });
}

test("items that are larger than the window fill the link too", () => {
  const result = simulate({
    roundTripMs: 100,
    linkBytesPerMs: 10_000,
    itemBytes: 1_048_576,
    forMs: 30_000,
  });
  expect(result.bytesPerMs).toBeGreaterThan(9_500);
});

test("a slow consumer's window only shrinks, and what waits for it stays below where it started", () => {
  const result = simulate({ roundTripMs: 5, consumerBytesPerMs: 500, forMs: 10_000 });
  expect(result.largestWindow).toBe(start);
  expect(result.window).toBe(windowLimits.minWindowBytes);
  expect(result.largestQueue).toBeLessThanOrEqual(start + 1_024);
  // And it is never without an item.
  expect(result.bytesPerMs).toBeGreaterThan(490);
});

test("a consumer that becomes slow gets back to a small window", () => {
  const result = simulate({
    roundTripMs: 100,
    linkBytesPerMs: 20_000,
    consumerBytesPerMs: (now) => (now < 3_000 ? Number.POSITIVE_INFINITY : 200),
    forMs: 300_000,
  });
  expect(result.largestWindow).toBeGreaterThan(1_000_000);
  expect(result.largestQueue).toBeLessThanOrEqual(result.largestWindow + 1_024);
  expect(result.window).toBeLessThanOrEqual(start / 2);
});

test("without memory to grow into a long link is not filled, and nothing stops", () => {
  const result = simulate({
    roundTripMs: 100,
    linkBytesPerMs: 100_000,
    mayGrow: () => false,
    forMs: 5_000,
  });
  expect(result.largestWindow).toBe(start);
  expect(result.bytesPerMs).toBeGreaterThan((start / 100) * 0.9);
});
