import { expect, test } from "bun:test";
import { catchStopSignals } from "../../src/cli/signals.ts";

test("the first and the second signal are told apart, and each has its exit code", async () => {
  using signals = catchStopSignals();
  process.emit("SIGTERM");
  process.emit("SIGINT");
  expect(await signals.first).toEqual({ name: "SIGTERM", exitCode: 143 });
  expect(await signals.second).toEqual({ name: "SIGINT", exitCode: 130 });
});

test("once disposed it leaves the signals to the system", () => {
  const before = process.listenerCount("SIGINT");
  const signals = catchStopSignals();
  expect(process.listenerCount("SIGINT")).toBe(before + 1);
  signals[Symbol.dispose]();
  expect(process.listenerCount("SIGINT")).toBe(before);
});
