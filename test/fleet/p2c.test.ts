import { describe, expect, test } from "bun:test";
import type { Endpoint } from "../../src/fleet/endpoint.ts";
import { p2c } from "../../src/fleet/p2c.ts";
import { countPicks, endpointsOf, farthest, pickShares } from "./endpoints.ts";
import { runLoad, shares, takes } from "./load.ts";
import type { Answer, Simulated } from "./load.ts";

const now = 100_000;
const normal: Simulated = { answer: takes(10) };
const failsFast: Simulated = { answer: () => ({ ms: 1, outcome: "failed" }) };

function failsHalf(random: () => number): Answer {
  return random() < 0.5 ? { ms: 1, outcome: "failed" } : { ms: 5 + 10 * random() };
}

/** The shares of each member in a minute, with each of several seeds. */
function minutes(
  members: readonly Simulated[],
  callsPerSecond: number,
  timeoutMs = 10_000,
): readonly (readonly number[])[] {
  return [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((seed) =>
    shares(
      runLoad({ policy: p2c, members, callsPerSecond, seconds: 60, seed, timeoutMs }),
      members.length,
    ),
  );
}

/** The largest share that the first member got. */
function most(all: readonly (readonly number[])[]): number {
  return Math.max(...all.map(([first = 1]) => first));
}

describe.each([10, 100, 500])("at %d calls a second", (rate) => {
  test("one of four that is 10 times slower gets less than 5 %", () => {
    const slow = { answer: takes(100) };
    expect(most(minutes([slow, normal, normal, normal], rate))).toBeLessThan(0.05);
  });

  test("one of three that takes 2 s gets less than 5 %", () => {
    expect(most(minutes([{ answer: takes(2_000) }, normal, normal], rate))).toBeLessThan(0.05);
  });

  test.each([
    ["10 s", 10_000],
    ["50 ms", 50],
    ["no end", Infinity],
  ])(
    "one of four that fails in 1 ms gets less than 2 %%, with %s for each call",
    (_, timeoutMs) => {
      expect(most(minutes([failsFast, normal, normal, normal], rate, timeoutMs))).toBeLessThan(
        0.02,
      );
    },
  );

  test("one of two that fails in 1 ms gets less than 3 %", () => {
    expect(most(minutes([failsFast, normal], rate))).toBeLessThan(0.03);
  });

  test("one of four that refuses in 0.2 ms gets less than 5 %", () => {
    const refuses: Simulated = { answer: () => ({ ms: 0.2, outcome: "refused" }) };
    expect(most(minutes([refuses, normal, normal, normal], rate))).toBeLessThan(0.05);
  });

  test("nobody is starved when all fail half their calls", () => {
    const half: Simulated = { answer: failsHalf };
    for (const each of minutes([half, half, half, half], rate)) {
      expect(Math.min(...each) * 60 * rate).toBeGreaterThan(5);
    }
  });

  test("those that do alike get alike", () => {
    for (const each of minutes([normal, normal, normal, normal], rate)) {
      expect(farthest(each, [0.25, 0.25, 0.25, 0.25])).toBeLessThan(0.1);
    }
  });
});

test("a slow one that is well again gets its share again within a minute", () => {
  const heals: Simulated = {
    answer: (random, at) => takes(at < 20_000 ? 100 : 10)(random, at, 0),
  };
  const members = [heals, normal, normal, normal];
  const attempts = runLoad({ policy: p2c, members, callsPerSecond: 100, seconds: 90, seed: 1 });
  expect(shares(attempts, 4, 5_000, 20_000)[0]).toBeLessThan(0.05);
  expect(shares(attempts, 4, 80_000)[0]).toBeGreaterThan(0.2);
});

test("one that failed for a while gets its share again within two minutes", () => {
  const heals: Simulated = {
    answer: (random, at) => (at < 10_000 ? { ms: 1, outcome: "failed" } : takes(10)(random, at, 0)),
  };
  const members = [heals, normal, normal, normal];
  const attempts = runLoad({ policy: p2c, members, callsPerSecond: 100, seconds: 150, seed: 1 });
  expect(shares(attempts, 4, 0, 10_000)[0]).toBeLessThan(0.02);
  expect(shares(attempts, 4, 130_000)[0]).toBeGreaterThan(0.2);
});

test("a fresh one rises from a tenth to its full share over 30 s", () => {
  const members = [{ joinsAt: 5_000, answer: takes(10) }, normal, normal, normal];
  const attempts = runLoad({ policy: p2c, members, callsPerSecond: 500, seconds: 60, seed: 1 });
  const at = (from: number, until: number): number =>
    shares(attempts, 4, 5_000 + from, 5_000 + until)[0] ?? 0;
  expect(at(0, 3_000)).toBeLessThan(0.06);
  expect(at(0, 3_000)).toBeGreaterThan(0.01);
  expect(at(13_000, 17_000)).toBeGreaterThan(0.1);
  expect(at(13_000, 17_000)).toBeLessThan(0.2);
  expect(at(30_000, 55_000)).toBeCloseTo(0.25, 1);
});

test("weights are shares of those that do alike", () => {
  const members = [4, 2, 1, 1, 0].map((weight) => ({ ...normal, weight }));
  const got = shares(
    runLoad({ policy: p2c, members, callsPerSecond: 100, seconds: 120, seed: 1 }),
    5,
  );
  expect(farthest(got, [1 / 2, 1 / 4, 1 / 8, 1 / 8, 0])).toBeLessThan(0.08);
  expect(got[4]).toBe(0);
});

/** What makes the second of two another than the first, and the part of the picks that it then gets. */
const cases: readonly (readonly [string, number, (it: Endpoint, other: Endpoint) => void])[] = [
  ["alike: by chance", 0.5, () => {}],
  ["slower: not at all", 0, (it) => it.end(now, 11, "ok", 1_000)],
  ["with one more under way: not at all", 0, (it) => it.begin(now)],
  ["faster: always", 1, (_, other) => other.end(now, 11, "ok", 1_000)],
  [
    "slower by half, with two under way at the other: always",
    1,
    (it, other) => {
      it.end(now, 15, "ok", 1_000);
      other.begin(now);
    },
  ],
  [
    "slower once, but so long ago that it has faded: always",
    1,
    (it) => (it.measuredAt = now - 30_000),
  ],
  ["a failure of late: not at all", 0, (it) => it.end(now + 10, 1, "failed", 1_000)],
  ["a refusal of late: not at all", 0, (it) => it.end(now + 10, 1, "refused", 1_000)],
  // Of those of which nothing is known only what is under way counts.
  ["unknown, and the other is known: by chance", 0.5, (it) => (it.latencyMs = 0)],
  [
    "unknown, with one under way: not at all",
    0,
    (it) => {
      it.latencyMs = 0;
      it.begin(now);
    },
  ],
  // Looked at again now and then.
  [
    "slower, and not picked for more than a second: once in 64",
    1 / 64,
    (it) => {
      it.end(now, 50, "ok", 1_000);
      it.pickedAt = now - 1_100;
    },
  ],
  [
    "... unless somebody looks already",
    0,
    (it) => {
      it.end(now, 50, "ok", 1_000);
      it.begin(now - 1_100);
    },
  ],
  [
    "... or it failed all the time",
    0,
    (it) => {
      it.end(now + 20_000, 50, "failed", 1_000);
      it.ratedAt = now;
      it.measuredAt = now;
      it.pickedAt = now - 1_100;
    },
  ],
  [
    "... and with a tenth of the weight as much of its share, which is 1 in 11",
    1 / 352,
    (it) => {
      it.update({ key: "", weight: 0.1 });
      it.end(now, 50, "ok", 1_000);
      it.pickedAt = now - 1_100;
    },
  ],
  // Weights.
  ["a third of the weight: a quarter", 0.25, (it) => it.update({ key: "", weight: 1 / 3 })],
  ["three times the weight: three quarters", 0.75, (it) => it.update({ key: "", weight: 3 })],
  [
    "a third of the weight but ten times faster: always",
    1,
    (it, other) => {
      it.update({ key: "", weight: 1 / 3 });
      other.end(now, 100, "ok", 1_000);
    },
  ],
  [
    "three times the weight but ten times slower: not at all",
    0,
    (it) => {
      it.update({ key: "", weight: 3 });
      it.end(now, 100, "ok", 1_000);
    },
  ],
  [
    "no weight, however fast: not at all",
    0,
    (it, other) => {
      it.update({ key: "", weight: 0 });
      it.pickedAt = now - 10_000;
      other.end(now, 1_000, "failed", 1_000);
    },
  ],
  [
    "a third of the weight, with one under way for the other's two: not at all",
    0,
    (it, other) => {
      it.update({ key: "", weight: 1 / 3 });
      it.begin(now);
      other.begin(now);
      other.begin(now);
    },
  ],
  [
    "three times the weight, with one under way for the other's one: always",
    1,
    (it, other) => {
      it.update({ key: "", weight: 3 });
      it.begin(now);
      other.begin(now);
    },
  ],
  ["fresh: a tenth of the other", 1 / 11, (it) => (it.freshSince = now)],
];

test.each(cases)("of two, one that is %s", (_, share, change) => {
  const [other, it, ...none] = endpointsOf(1, 1);
  if (other === undefined || it === undefined) throw new Error("there are two");
  for (const endpoint of [other, it]) {
    endpoint.begin(now - 10);
    endpoint.end(now, 10, "ok", 1_000);
    endpoint.pickedAt = now;
  }
  change(it, other);
  expect(none).toEqual([]);
  const got = pickShares(p2c, [other, it], now)[1] ?? Number.NaN;
  if (share === 0 || share === 1) expect(got).toBe(share);
  else expect(Math.abs(got - share)).toBeLessThan(share / 6);
});

test("who fails more than half of late is passed over by drawing again, and not for ever", () => {
  const endpoints = endpointsOf(1, 1, 1, 1);
  for (const endpoint of endpoints) endpoint.end(now, 10, "ok", 1_000);
  const sick = endpoints[0];
  if (sick === undefined) throw new Error("there are four");
  sick.successRate = 0.3;
  // It is as fast as the others: only what failed speaks against it.
  const share = (at: number): number => {
    for (const endpoint of endpoints) endpoint.pickedAt = at;
    return pickShares(p2c, endpoints, at)[0] ?? Number.NaN;
  };
  // Half of all pairs have it, four times in a row; then it wins half.
  expect(share(now)).toBeCloseTo(1 / 32, 2);
  expect(share(now + 2_000)).toBeCloseTo(1 / 32, 2);
  expect(share(now + 5_000)).toBeCloseTo(1 / 4, 1);
});

test("of many, only two are looked at: who is loaded most is never picked", () => {
  const endpoints = endpointsOf(1, 1, 1, 1, 1, 1);
  for (const [load, endpoint] of endpoints.entries()) {
    for (let count = 0; count < load; count++) endpoint.begin(now);
  }
  const counts = countPicks(p2c, endpoints, 10_000, { now });
  expect(counts[5]).toBe(0);
  expect(counts).toEqual(counts.toSorted((left, right) => right - left));
  expect(counts[4]).toBeGreaterThan(0);
});
