import { expect, test } from "bun:test";
import { TestClock } from "../../src/testing/test-clock.ts";

test("time stands still until it is moved, and then timers run in their order", async () => {
  const clock = new TestClock();
  const startedAt = clock.now();
  const ran: string[] = [];
  const note = (what: string) => (): void => void ran.push(`${clock.now() - startedAt} ${what}`);
  clock.after(20, note("b"));
  clock.after(10, note("a"));
  clock.after(20, note("c"));
  clock.after(5, note("never")).cancel();
  expect(clock.nextInMs()).toBe(10);
  await clock.advance(15);
  expect(ran).toEqual(["10 a"]);
  expect(clock.nextInMs()).toBe(5);
  await clock.advance(5);
  expect(ran).toEqual(["10 a", "20 b", "20 c"]);
  expect([clock.now() - startedAt, clock.pending(), clock.nextInMs()]).toEqual([20, 0, undefined]);
});

test("what follows from a timer is done before the next one runs", async () => {
  const clock = new TestClock();
  const ran: string[] = [];
  clock.after(10, () => {
    ran.push("first");
    void Promise.resolve()
      .then(() => {})
      .then(() => ran.push("what follows"));
    clock.after(5, () => ran.push("what it set"));
  });
  clock.after(12, () => ran.push("second"));
  await clock.advance(20);
  expect(ran).toEqual(["first", "what follows", "second", "what it set"]);
});

test("the wall clock goes along, and may jump", async () => {
  const clock = new TestClock();
  const [now, wall] = [clock.now(), clock.wall()];
  await clock.advance(30);
  expect([clock.now() - now, clock.wall() - wall]).toEqual([30, 30]);
  clock.jumpWall(-1_000);
  expect([clock.now() - now, clock.wall() - wall]).toEqual([30, -970]);
});

test("a loop that stands still runs what fell due afterwards, late", async () => {
  const clock = new TestClock();
  let at = 0;
  clock.after(10, () => (at = clock.now()));
  clock.stall(50);
  expect(at).toBe(0);
  const late = clock.now();
  await clock.advance(0);
  expect(at).toBe(late);
});

test("it counts what waits: not what was cancelled, not another process's", () => {
  const clock = new TestClock();
  clock.after(10, () => {});
  clock.after(10, () => {}, { background: true });
  clock.after(10, () => {}).cancel();
  clock.elsewhere().after(1, () => {});
  expect([clock.pending(), clock.pending("foreground"), clock.nextInMs()]).toEqual([2, 1, 10]);
});

test("two who move it at once do not move it back", async () => {
  const clock = new TestClock();
  const startedAt = clock.now();
  await Promise.all([clock.advance(10), clock.advance(100), clock.advance(20)]);
  expect(clock.now() - startedAt).toBe(100);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("it is not moved by %p", async (byMs) => {
  const clock = new TestClock();
  await expect(clock.advance(byMs)).rejects.toThrow(RangeError);
  expect(clock.now()).toBe(new TestClock().now());
});
