import { GeeError } from "../base/errors.ts";
import { sleep, systemClock } from "../base/time.ts";
import { callContext } from "../index.ts";

function checkNumber(name: string, value: unknown): void {
  if (typeof value === "number") return;
  throw new GeeError("INVALID_ARGUMENT", `${name} is a number, got ${typeof value}`, {
    reason: "BAD_ARGUMENT",
  });
}

/** The service of GeeRPC's demo, served by `gee server` when no module is named. */
export class Foo {
  /** The sum of two numbers. */
  Sum(a: number, b: number): number {
    checkNumber("a", a);
    checkNumber("b", b);
    return a + b;
  }

  /** The sum of two numbers, after as many seconds as the first one says. */
  async Sleep(seconds: number, b: number): Promise<number> {
    const sum = this.Sum(seconds, b);
    if (!(seconds >= 0 && seconds <= 86_400)) {
      throw new GeeError("INVALID_ARGUMENT", `seconds is from 0 to 86400, got ${seconds}`, {
        reason: "BAD_ARGUMENT",
      });
    }
    await sleep(systemClock, seconds * 1_000, { signal: callContext().signal });
    return sum;
  }
}
