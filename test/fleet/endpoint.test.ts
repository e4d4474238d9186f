import { expect, test } from "bun:test";
import { Endpoint, faded, fadeMs, saneWeight } from "../../src/fleet/endpoint.ts";
import type { Outcome } from "../../src/fleet/endpoint.ts";
import { hashOf } from "../../src/fleet/hash.ts";

type End = readonly [at: number, elapsedMs: number, outcome: Outcome, timeoutMs?: number];

/** What is known after attempts that ended so. */
function after(...ends: readonly End[]): Endpoint {
  const endpoint = new Endpoint({ key: "a", weight: 1 });
  for (const [at, elapsedMs, outcome, timeoutMs = 1_000] of ends) {
    endpoint.begin(at - (elapsedMs > 0 ? elapsedMs : 0));
    endpoint.end(at, elapsedMs, outcome, timeoutMs);
  }
  return endpoint;
}

const once = Math.exp(-1);

test.each<readonly [what: string, ends: readonly End[], latencyMs: number, successRate: number]>([
  ["nothing is known of who was never called", [], 0, 1],
  ["the first answer is the average", [[0, 10, "ok"]], 10, 1],
  [
    "a peak replaces the average at once",
    [
      [0, 10, "ok"],
      [1, 80, "ok"],
    ],
    80,
    1,
  ],
  [
    "what is faster is averaged in",
    [
      [0, 80, "ok"],
      [fadeMs, 10, "ok"],
    ],
    10 + 70 * once,
    1,
  ],
  [
    "... and at the same moment says nothing",
    [
      [0, 80, "ok"],
      [0, 10, "ok"],
    ],
    80,
    1,
  ],
  ["0 ms is not the same as unknown", [[0, 0, "ok"]], 0.001, 1],
  ["no sample is above 30 s", [[0, 1e9, "ok"]], 30_000, 1],
  [
    "a stream that went well says nothing of time",
    [
      [0, 10, "ok"],
      [fadeMs, NaN, "ok"],
    ],
    10,
    1,
  ],
  ["... also when nothing is known", [[0, NaN, "ok"]], 0, 1],
  [
    "... and is a success",
    [
      [0, 10, "failed"],
      [fadeMs, NaN, "ok"],
    ],
    1_000,
    1 - once,
  ],
  [
    "... which does not make what is known newer",
    [
      [0, 80, "ok"],
      [fadeMs, NaN, "ok"],
      [fadeMs, 10, "ok"],
    ],
    10 + 70 * once,
    1,
  ],
  ["who fails first counts as having taken its timeout", [[0, 1, "failed"]], 1_000, 0],
  ["... at least 100 ms", [[0, 1, "failed", 5]], 100, 0],
  ["... at most 30 s", [[0, 1, "failed", Infinity]], 30_000, 0],
  ["... 30 s when nobody knows", [[0, 1, "failed", NaN]], 30_000, 0],
  ["... which is no less than what was left of it", [[0, 1, "failed", -5]], 100, 0],
  [
    "a failure is averaged in",
    [
      [0, 10, "ok"],
      [fadeMs, 1, "failed"],
    ],
    1_000 + (10 - 1_000) * once,
    once,
  ],
  [
    "... as twice the average when that is more",
    [
      [0, 800, "ok"],
      [fadeMs, 1, "failed"],
    ],
    1_600 - 800 * once,
    once,
  ],
  [
    "... its own time is a peak",
    [
      [0, 10, "ok"],
      [0, 900, "failed"],
    ],
    900,
    1,
  ],
  [
    "a stream that failed counts as its timeout",
    [
      [0, 10, "ok"],
      [fadeMs, NaN, "failed", 500],
    ],
    500 + (10 - 500) * once,
    once,
  ],
  [
    "a refusal doubles the average",
    [
      [0, 10, "ok"],
      [50, 1, "refused"],
    ],
    20,
    1,
  ],
  [
    "... however old it is",
    [
      [0, 10, "ok"],
      [60_000, 1, "refused"],
    ],
    20,
    1,
  ],
  ["... and counts as 100 ms when nothing is known", [[0, 1, "refused"]], 100, 1],
  [
    "... or as its own time when that is more",
    [
      [0, 10, "ok"],
      [50, 45, "refused"],
    ],
    45,
    1,
  ],
  [
    "... up to 30 s",
    [
      [0, 20_000, "ok"],
      [1, 1, "refused"],
    ],
    30_000,
    1,
  ],
  [
    "the next one doubles it again",
    [
      [0, 10, "ok"],
      [50, 1, "refused"],
      [52, 1, "refused"],
    ],
    40,
    1,
  ],
  [
    "one that was under way beside it does not",
    [
      [0, 10, "ok"],
      [50, 1, "refused"],
      [50, 1, "refused"],
      [52, 8, "refused"],
    ],
    20,
    1,
  ],
  [
    "... nor does one of a stream",
    [
      [0, 10, "ok"],
      [50, NaN, "refused"],
      [51, NaN, "refused"],
    ],
    20,
    1,
  ],
  [
    "who left earlier than others were answered says nothing",
    [
      [0, 10, "ok"],
      [50, 9, "left"],
    ],
    10,
    1,
  ],
  [
    "who left later says that it takes so long",
    [
      [0, 10, "ok"],
      [50, 90, "left"],
    ],
    90,
    1,
  ],
  [
    "who left without a time says nothing",
    [
      [0, 10, "ok"],
      [50, NaN, "left"],
    ],
    10,
    1,
  ],
  ["who left first says that it takes so long", [[0, 30, "left"]], 30, 1],
])("%s", (_, ends, latencyMs, successRate) => {
  const endpoint = after(...ends);
  expect(endpoint.latencyMs).toBeCloseTo(latencyMs, 6);
  expect(endpoint.successRate).toBeCloseTo(successRate, 6);
  expect(endpoint.inFlight).toBe(0);
});

test("who fails fast never looks fast, whatever was known and whatever the timeout", () => {
  for (const known of [0, 0.01, 1, 10, 5_000]) {
    for (const timeoutMs of [1, 50, 10_000, Infinity, NaN, 0, -1]) {
      const endpoint = after(...(known > 0 ? ([[0, known, "ok"]] as const) : []));
      for (let at = 1; at <= 20; at++) {
        const before = endpoint.latencyMs;
        endpoint.begin(at);
        endpoint.end(at, 0.1, "failed", timeoutMs);
        expect(endpoint.latencyMs).toBeGreaterThanOrEqual(before);
      }
      expect(endpoint.latencyMs).toBeGreaterThan(known === 0 ? 99 : known);
    }
  }
});

test("success is an average over time and comes back", () => {
  const endpoint = after([0, 1, "ok"]);
  const step = (at: number, outcome: Outcome): number => {
    endpoint.end(at, 1, outcome, 1_000);
    return endpoint.successRate;
  };
  expect(step(fadeMs, "failed")).toBeCloseTo(once, 6);
  expect(step(2 * fadeMs, "failed")).toBeCloseTo(once ** 2, 6);
  expect(step(2 * fadeMs, "refused")).toBeCloseTo(once ** 2, 6);
  expect(step(2 * fadeMs, "left")).toBeCloseTo(once ** 2, 6);
  expect(step(3 * fadeMs, "ok")).toBeCloseTo(once ** 3 + 1 - once, 6);
  expect(step(20 * fadeMs, "ok")).toBeGreaterThan(0.999);
});

test("attempts under way are counted, never below none", () => {
  const endpoint = after();
  endpoint.begin(5);
  endpoint.begin(7);
  expect([endpoint.inFlight, endpoint.pickedAt]).toEqual([2, 7]);
  for (const left of [1, 0, 0]) {
    endpoint.end(8, 1, "ok", 1_000);
    expect(endpoint.inFlight).toBe(left);
  }
});

test.each([
  [0, 0],
  [1, 1],
  [0.25, 0.25],
  [10_000, 10_000],
  [10_001, 10_000],
  [Infinity, 10_000],
  [-1, 0],
  [-Infinity, 0],
  [NaN, 0],
  [-0, 0],
  [1e-300, 1e-300],
])("a weight of %d counts as %d", (weight, expected) => {
  expect(saneWeight(weight)).toBe(expected);
  const endpoint = new Endpoint({ key: "a", weight });
  expect(endpoint.weight).toBe(expected);
  endpoint.update({ key: "a", weight: 3 });
  endpoint.update({ key: "a", weight });
  expect(endpoint.weight).toBe(expected);
});

test.each([
  [0, 1],
  [-5, 1],
  [NaN, 1],
  [fadeMs, once],
  [2 * fadeMs, once ** 2],
  [Infinity, 0],
  [1, Math.exp(-1e-4)],
  [99, Math.exp(-0.0099)],
  [101, Math.exp(-0.0101)],
])("after %d ms %d is left", (forMs, expected) => {
  expect(faded(forMs)).toBeCloseTo(expected, 6);
});

test("a clock that goes back leaves the average as it is, and then goes on from there", () => {
  const endpoint = after([1e9, 80, "ok"], [0, 10, "ok"]);
  expect(endpoint.latencyMs).toBe(80);
  endpoint.end(fadeMs, 10, "ok", 1_000);
  expect(endpoint.latencyMs).toBeCloseTo(10 + 70 * once, 6);
  const refusing = after([0, 10, "ok"], [1e9, 1, "refused"], [50, 1, "refused"]);
  expect(refusing.latencyMs).toBe(40);
});

test("no clock and no number makes a figure that is none", () => {
  const odd = [0, -1, 1, 1e3, 1e15, -1e15, NaN, Infinity, -Infinity, Number.MAX_VALUE, 5e-324];
  const endpoint = after();
  for (const outcome of ["ok", "failed", "refused", "left"] as const) {
    for (const at of odd) {
      for (const elapsedMs of odd) {
        for (const timeoutMs of odd) {
          endpoint.begin(at);
          endpoint.end(at, elapsedMs, outcome, timeoutMs);
          const { latencyMs, successRate, inFlight } = endpoint;
          const sane =
            latencyMs >= 0 && latencyMs <= 30_000 && successRate >= 0 && successRate <= 1;
          if (!sane || inFlight !== 0) {
            expect([at, elapsedMs, outcome, timeoutMs, latencyMs, successRate]).toEqual([]);
          }
        }
      }
    }
  }
});

test("a newer record changes what the list says and nothing that was measured", () => {
  const endpoint = after([0, 10, "ok"]);
  const tags = { version: "2" };
  endpoint.update({ key: "other", weight: 5, zone: "b", tags });
  expect(endpoint).toMatchObject({ key: "a", weight: 5, zone: "b", tags, latencyMs: 10 });
  expect(endpoint.hash).toBe(hashOf("a"));
  endpoint.update({ key: "a", weight: 5 });
  expect([endpoint.zone, endpoint.tags]).toEqual([undefined, undefined]);
});

test("who comes back begins as a fresh one, with what is still under way", () => {
  const endpoint = after([0, 10, "ok"], [fadeMs, 10, "failed"], [fadeMs, 1, "refused"]);
  endpoint.begin(fadeMs);
  endpoint.renew(50_000);
  expect(endpoint).toMatchObject({
    latencyMs: 0,
    successRate: 1,
    freshSince: 50_000,
    pickedAt: 50_000,
    inFlight: 1,
  });
  endpoint.end(50_001, 1, "refused", 1_000);
  expect(endpoint.latencyMs).toBe(100);
});
