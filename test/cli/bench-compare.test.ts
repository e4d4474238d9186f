import { expect, test } from "bun:test";
import { checkSameShape, compareResults, parseEarlier } from "../../src/cli/bench-compare.ts";
import { madeUp } from "./benched.ts";

const words = "--rate 100 --duration 1s --warmup 0";

test("what is printed can be read again, and is beside itself once", async () => {
  const result = await madeUp({ words });
  const earlier = parseEarlier("old.json", JSON.stringify({ ...result, later: "fields" }));
  checkSameShape(earlier, result);
  const ratios = compareResults(earlier, result);
  expect(ratios.map(({ figure }) => figure)).toEqual([
    "rate",
    ...["p50", "p90", "p99", "p99.9", "max"].map((part) => `latency ${part}`),
    ...["p50", "p90", "p99", "p99.9", "max"].map((part) => `service ${part}`),
    "errors",
  ]);
  expect(ratios.map(({ ratio }) => ratio)).toEqual([...Array.from({ length: 11 }, () => 1), null]);
});

test("a ratio is now divided by then", async () => {
  const earlier = parseEarlier("old.json", JSON.stringify(await madeUp({ words })));
  const now = await madeUp({ words: "--rate 100 --duration 3s --warmup 0", ms: () => 2 });
  checkSameShape(earlier, now);
  const [, p50] = compareResults(earlier, now);
  expect(p50?.figure).toBe("latency p50");
  expect(p50?.ratio).toBeWithin(1.98, 2.02);
});

test.each([
  [{ method: "Foo.Other" }, "old.json is of Foo.Sum, and this is Foo.Other"],
  [{ argumentsHash: "def" }, "old.json is of Foo.Sum with other arguments"],
  [{ ratePerSecond: 200 }, "old.json is of --rate 100, and this is --rate 200"],
  [
    { mode: "closed", ratePerSecond: null, concurrency: 5 } as const,
    "old.json is of --rate 100, and this is --concurrency 5",
  ],
  [{ policy: "random" }, "old.json is of policy p2c, and this is policy random"],
])("a run of something else is refused: %o", async (change, message) => {
  const result = await madeUp({ words });
  const earlier = parseEarlier("old.json", JSON.stringify(result));
  expect(() => checkSameShape(earlier, { ...result, ...change })).toThrow(message);
});

test.each([
  ["", "it is no JSON"],
  ["[]", "result: it must be an object"],
  ["{}", "result.method: it is missing"],
  ['{"method":5}', "result.method: it must be a string"],
])("what gee bench did not write is refused: %s", (content, why) => {
  const whole = `--compare: old.json is no result of gee bench --json: ${why}`;
  expect(() => parseEarlier("old.json", content)).toThrow(whole);
});
