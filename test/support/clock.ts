import { TestClock } from "../../src/testing/test-clock.ts";

/** The clock of nearly all tests. */
export { TestClock as FakeClock };

/** One turn of the real loop: every microtask that is due has run when it resolves. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How long a condition may take to hold; a machine under load is slow, a failure is for ever. */
const untilMs = 4_000;

/** Turns the real loop until the condition holds; for what waits for sockets and not for time. */
export async function until(condition: () => boolean, what = "condition"): Promise<void> {
  const givenUpAt = performance.now() + untilMs;
  while (!condition()) {
    if (performance.now() > givenUpAt) throw new Error(`${what} never came to hold`);
    await turn();
  }
}

/** Lets time pass, in steps of 10 ms, until a promise settles; what it settles to. */
export async function inTime<T>(clock: TestClock, promise: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const mark = (): void => {
    state.isOver = true;
  };
  promise.then(mark, mark);
  for (let steps = 0; !state.isOver; steps++) {
    if (steps > 10_000) throw new Error("it did not settle within 100 s");
    await clock.advance(10);
    await turn();
  }
  return await promise;
}
