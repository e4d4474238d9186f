import { expect, test } from "bun:test";
import { join } from "node:path";
import { fuzz } from "../../scripts/fuzz.ts";
import { isPlain } from "../../scripts/fuzz/streams.ts";
import { runSeed } from "../wire/random-values.ts";

const program = join(import.meta.dir, "../../scripts/fuzz.ts");
const seed = runSeed();

test(`a small run finds nothing (GEE_SEED=${seed})`, async () => {
  const { findings, streams } = await fuzz(20_000, seed);
  expect(findings).toEqual([]);
  expect(streams).toBe(1_000);
}, 60_000);

test("the program says its seed and how much it tried", async () => {
  const child = Bun.spawn([process.execPath, program, "--inputs", "200", "--seed", "7"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await child.stdout.text()).toMatch(
    /^seed 7\n0 findings in 200 values and 10 streams {3}\[/,
  );
  expect(await child.exited).toBe(0);
}, 30_000);

test("a count that is none is wrong usage", async () => {
  const child = Bun.spawn([process.execPath, program, "--inputs", "many"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await child.stderr.text()).toStartWith("usage: bun scripts/fuzz.ts");
  expect(await child.exited).toBe(2);
}, 30_000);

test("plain is what can travel, and no view on more than its own bytes", () => {
  const shared = new Uint8Array(new ArrayBuffer(8), 4);
  for (const value of [null, undefined, 1, 1n, "", [], {}, new Date(), new Float32Array(1)]) {
    expect(isPlain(value)).toBe(true);
  }
  for (const value of [/a/, new Map(), Object.create({}), Object.create(null), shared, () => {}]) {
    expect(isPlain([value])).toBe(false);
  }
  expect(isPlain(Buffer.from([1]))).toBe(false);
  expect(isPlain(Object.defineProperty({}, "x", { get: () => 1 }))).toBe(false);
});
