import { GeeError } from "../base/errors.ts";
import { sleep, systemClock } from "../base/time.ts";
import { callContext } from "../index.ts";

function refuse(message: string): never {
  throw new GeeError("INVALID_ARGUMENT", message, { reason: "BAD_ARGUMENT" });
}

function checkNumber(name: string, value: unknown): void {
  if (typeof value !== "number") refuse(`${name} is a number, got ${typeof value}`);
}

function checkStream(name: string, value: unknown): void {
  const isStream = typeof value === "object" && value !== null && Symbol.asyncIterator in value;
  if (!isStream) refuse(`${name} is a stream, got ${value === null ? "null" : typeof value}`);
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
    if (!(seconds >= 0 && seconds <= 86_400)) refuse(`seconds is from 0 to 86400, got ${seconds}`);
    await sleep(systemClock, seconds * 1_000, { signal: callContext().signal });
    return sum;
  }

  /** The numbers from 1 on, one by one. */
  async *Count(to: number): AsyncGenerator<number> {
    checkNumber("to", to);
    for (let i = 1; i <= to; i++) yield i;
  }

  /** The sum of numbers that come one by one. */
  async Total(numbers: AsyncIterable<number>): Promise<number> {
    checkStream("numbers", numbers);
    let sum = 0;
    for await (const number of numbers) {
      checkNumber("each of numbers", number);
      sum += number;
    }
    return sum;
  }
}
