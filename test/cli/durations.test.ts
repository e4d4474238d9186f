import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { formatDuration, parseDuration } from "../../src/cli/durations.ts";

test("a duration is a number with a unit", () => {
  const read = ["0", "0s", "500ms", "9s", "1.5s", "5m", "1h", "2d"].map(parseDuration);
  expect(read).toEqual([0, 0, 500, 9_000, 1_500, 300_000, 3_600_000, 172_800_000]);
});

test.each([
  ["5", "it has no unit"],
  ["5x", "there is no unit x"],
  ["5S", "there is no unit S"],
  ["", "it is not a number with a unit"],
  ["-5s", "it is not a number with a unit"],
  ["5 s", "it is not a number with a unit"],
  ["1e3s", "it is not a number with a unit"],
  ["1m30s", "it is not a number with a unit"],
  ["9".repeat(30) + "d", "it is too long"],
])("%p is refused and the reason said", (text, why) => {
  try {
    parseDuration(text);
  } catch (thrown) {
    const error = GeeError.from(thrown);
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).toContain(why);
    expect(error.hint).toContain("500ms");
    return;
  }
  throw new Error("it was accepted");
});

test("a duration is written in the unit that a person would take", () => {
  const written = [0, 0.04, 1.44, 9.94, 9.96, 320, 999.6, 1_240, 59_940, 60_000, 125_000].map(
    formatDuration,
  );
  expect(written).toEqual([
    "0ms",
    "0ms",
    "1.4ms",
    "9.9ms",
    "10ms",
    "320ms",
    "1s",
    "1.2s",
    "59.9s",
    "1m",
    "2m05s",
  ]);
  expect([3_600_000, 7_440_000, 777_600_000].map(formatDuration)).toEqual(["1h", "2h04m", "9d"]);
});
