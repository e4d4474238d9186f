import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import type { DeadlineEntry } from "../../src/base/deadlines.ts";
import { FakeClock } from "../support/clock.ts";

function entry(deadlineAt: number, expired: () => void): DeadlineEntry {
  return { deadlineAt, previous: undefined, next: undefined, expired };
}

test("an entry expires at its moment, not before, and once", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  let expired = 0;
  deadlines.add(entry(clock.now() + 100, () => expired++));
  await clock.advance(99);
  expect(expired).toBe(0);
  await clock.advance(1);
  expect(expired).toBe(1);
  await clock.advance(100_000);
  expect(expired).toBe(1);
  expect(deadlines.size).toBe(0);
});

test("an entry that was let go never expires, and letting go twice does nothing", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  let expired = 0;
  const held = entry(clock.now() + 10, () => expired++);
  deadlines.add(held);
  deadlines.remove(held);
  deadlines.remove(held);
  expect(deadlines.size).toBe(0);
  await clock.advance(1_000);
  expect(expired).toBe(0);
});

test("a nearer deadline that comes later is not held up by the one that came first", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const order: string[] = [];
  deadlines.add(entry(clock.now() + 5_000, () => order.push("far")));
  deadlines.add(entry(clock.now() + 3, () => order.push("near")));
  await clock.advance(3);
  expect(order).toEqual(["near"]);
  await clock.advance(4_997);
  expect(order).toEqual(["near", "far"]);
});

test("a deadline more than a turn of the wheel ahead waits for its own turn", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const expiredAt: number[] = [];
  const start = clock.now();
  const delays = [8 * 1_024, 8 * 1_024 * 3 + 5, 2 ** 31 - 1, 1];
  for (const delay of delays) {
    deadlines.add(entry(start + delay, () => expiredAt.push(clock.now() - start)));
  }
  await clock.advance(60_000);
  expect(expiredAt).toEqual([1, 8 * 1_024, 8 * 1_024 * 3 + 5]);
  expect(deadlines.size).toBe(1);
});

test("what is due already expires with the next turn of the timer", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  let expired = 0;
  deadlines.add(entry(clock.now() - 500, () => expired++));
  deadlines.add(entry(clock.now(), () => expired++));
  expect(expired).toBe(0);
  await clock.advance(0);
  expect(expired).toBe(2);
});

test("an entry may add and let go others while it expires", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const order: string[] = [];
  const later = entry(clock.now() + 20, () => order.push("let go"));
  deadlines.add(later);
  deadlines.add(
    entry(clock.now() + 10, () => {
      order.push("first");
      deadlines.remove(later);
      deadlines.add(entry(clock.now() + 5, () => order.push("added")));
    }),
  );
  await clock.advance(50);
  expect(order).toEqual(["first", "added"]);
});

test("many entries share one timer, and none of it is left when all have gone", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const held = Array.from({ length: 10_000 }, (_, index) =>
    entry(clock.now() + 1_000 + (index % 977), () => {}),
  );
  for (const one of held) deadlines.add(one);
  expect(clock.pending()).toBe(1);
  for (const one of held) deadlines.remove(one);
  await clock.advance(3_000);
  expect(clock.pending()).toBe(0);
});

test("deadlines at random moments expire in their order, none early, none late", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state % below;
  };
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const wrong: string[] = [];
  let open = 0;
  for (let round = 0; round < 200; round++) {
    for (let count = random(5); count >= 0; count--) {
      const at = clock.now() + random(20_000);
      open++;
      deadlines.add(
        entry(at, () => {
          open--;
          if (clock.now() !== at) wrong.push(`seed ${seed}: due ${at}, expired ${clock.now()}`);
        }),
      );
    }
    await clock.advance(random(300));
  }
  await clock.advance(20_000);
  expect(wrong).toEqual([]);
  expect(open).toBe(0);
});

test("a timer that is left over does not keep a process alive", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const answered = entry(clock.now() + 10_000, () => {});
  deadlines.add(answered);
  deadlines.remove(answered);
  expect(clock.pending("foreground")).toBe(0);
});
