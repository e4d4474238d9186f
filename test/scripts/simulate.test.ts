import { expect, test } from "bun:test";
import { join } from "node:path";
import { parseAddress } from "../../src/base/address.ts";
import { sleep } from "../../src/base/time.ts";
import { figure, holds, scene, worse } from "../../scripts/simulate/claim.ts";
import { claims } from "../../scripts/simulate/claims.ts";
import { Meter, quantile } from "../../scripts/simulate/meter.ts";
import { parseOptions, UsageError } from "../../scripts/simulate/options.ts";
import { claimLines, figuresOf, worstOf } from "../../scripts/simulate/report.ts";
import type { Reported } from "../../scripts/simulate/report.ts";
import { ProcessClock, VirtualClock } from "../../scripts/simulate/time.ts";
import { World } from "../../scripts/simulate/world.ts";
import { simulate } from "../../scripts/simulate.ts";

const program = join(import.meta.dir, "../../scripts/simulate.ts");

async function run(...args: string[]): Promise<readonly [code: number, out: string, err: string]> {
  const child = Bun.spawn([process.execPath, program, ...args], { stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return [await child.exited, out, err];
}

// -------------------------------------------------------------- the claims

for (const claim of claims) {
  test(`claim: ${claim.name}`, () => {
    const beyond = figuresOf(claim.run(1, 1_000)).filter((one) => !holds(one));
    expect(beyond).toEqual([]);
  }, 60_000);
}

test("the same seed prints the same, another another", async () => {
  const args = ["--members", "6", "--policy", "p2c,hash", "--seed"] as const;
  const lines = async (seed: string): Promise<string> => {
    const options = parseOptions([...args, seed]);
    if (options === "help") throw new Error("no help was asked for");
    const printed: string[] = [];
    await simulate({ ...options, claims: claims.slice(0, 2) }, (line) => printed.push(line));
    return printed.join("\n");
  };
  const [first, again, other] = [await lines("3"), await lines("3"), await lines("4")];
  expect(first).toBe(again);
  expect(other).not.toBe(first);
  expect(first).toMatch(/^p2c .* %.* ms.* %$/m);
  expect(first).toMatch(/^slow .*below 5\.00 % +ok$/m);
}, 60_000);

test("another process prints the same, and says how it went", async () => {
  const first = await run("--claim", "slow,hash", "--seed", "3");
  expect(first).toEqual(await run("--claim", "slow,hash", "--seed", "3"));
  const [code, out] = first;
  expect(code).toBe(0);
  expect(out).toStartWith("seed 3\nclaim");
  expect(out).toEndWith("figures are within their bounds\n");
}, 60_000);

// -------------------------------------------------------------- arguments

test("--help tells the claims and the policies", async () => {
  const [code, out] = await run("--help");
  expect(code).toBe(0);
  for (const { what } of claims) expect(out).toContain(what);
  expect(out).toContain("policies: p2c");
});

const mistakes: readonly (readonly [args: readonly string[], says: string])[] = [
  [["--sede", "1"], "--sede"],
  [["--claim", "slwo"], "did you mean slow?"],
  [["--policy", "p3c"], "did you mean p2c?"],
  [["--members", "2"], "3 to 10,000"],
  [["--members", "10001"], "3 to 10,000"],
  [["--seed", "-1"], "--seed"],
  [["--seeds", "many"], "--seeds is"],
  [["slow"], "slow"],
];
for (const [args, says] of mistakes) {
  test(`${args.join(" ")} is wrong usage`, () => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(says);
  });
}

test("wrong usage ends with 2, and prints nothing but why", async () => {
  const [code, out, err] = await run("--claim", "slwo");
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain("did you mean slow?");
});

// -------------------------------------------------------------- figures

test("a figure holds within its bound, and NaN never does", () => {
  const held = (kind: "below" | "at most" | "at least"): readonly boolean[] =>
    [1, 2, 3, Number.NaN].map((value) => holds(figure("", "times", value, kind, 2)));
  expect(held("below")).toEqual([true, false, false, false]);
  expect(held("at most")).toEqual([true, true, false, false]);
  expect(held("at least")).toEqual([false, true, true, false]);
  expect(holds(figure("", "times", 9))).toBe(true);
});

test("of several seeds the worst is reported, with what shows it again", () => {
  const of = (seed: number, value: number): Reported[] => [
    {
      claim: "a",
      figure: figure("most", "times", value, "at most", 2),
      seed,
      again: `--seed ${seed}`,
    },
    {
      claim: "a",
      figure: figure("least", "%", value, "at least", 1),
      seed,
      again: `--seed ${seed}`,
    },
  ];
  const worst = worstOf([...of(1, 1), ...of(2, 3), ...of(3, 2)]);
  expect(worst.map(({ seed }) => seed)).toEqual([2, 1]);
  const lines = claimLines(worst, 3);
  expect(lines[1]).toMatch(/^a +most +3\.000 +at most 2\.000 +2 +FAILED$/);
  expect(lines[2]).toMatch(/^ +least +100\.00 % +at least 100\.00 % +1 +ok$/);
  expect(lines.slice(-2)).toEqual([
    "1 of 2 figures are beyond their bounds; to see it again:",
    "  bun scripts/simulate.ts --seed 2",
  ]);
  const nothing = figure("", "times", Number.NaN, "at most", 1);
  expect(worse(nothing, figure("", "times", 9, "at most", 1))).toBe(nothing);
});

test("what is wrong in a scene fails its claim", () => {
  const results = [{ figures: [figure("fine", "ms", 1)], wrongs: ["3 calls never settled"] }];
  const [fine, wrong] = figuresOf(results);
  expect(fine?.name).toBe("fine");
  expect(wrong).toMatchObject({ name: "calls never settled", value: 3 });
  expect(wrong === undefined || holds(wrong)).toBe(false);
});

test("a quantile leaves out the slowest", () => {
  expect(quantile(Float64Array.from([3, 1, 2, 4]), 0.5)).toBe(3);
  expect(quantile(Float64Array.from([3, 1, 2, 4]), 0.99)).toBe(4);
  expect(quantile(new Float64Array(), 0.5)).toBeNaN();
});

// -------------------------------------------------------------- what is always looked at

test("a run of a call that may run once and had run already is seen", () => {
  const meter = new Meter();
  const [once, many] = [meter.begin(false), meter.begin(true)];
  for (const call of [once, many, many]) meter.ran(call);
  expect(meter.ranTwice).toBe(0);
  meter.ran(once);
  expect(meter.ranTwice).toBe(1);
});

test("a call that nobody started is lost when somebody was well, and else it is not", () => {
  const wrongs = (isWell: boolean): readonly string[] =>
    scene(1, (world) => {
      const [down] = world.serve(1);
      const [client] = world.connect(1, { named: true });
      // Somebody whom this client does not know.
      if (isWell) world.serve(1);
      world.run(6_000);
      down?.kill();
      if (client !== undefined) void world.call(client);
      world.run(6_000);
      expect([...world.meter.reasons.keys()]).toEqual(["UNAVAILABLE CONNECT_FAILED executed no"]);
      return [];
    }).wrongs;
  expect(wrongs(false)).toEqual([]);
  expect(wrongs(true)).toEqual(["1 calls that nobody started, though somebody could have"]);
});

test("a call that does not settle is seen", () => {
  const world = new World(1);
  world.meter.begin(true);
  expect(world.wrongs()).toEqual(["1 calls never settled"]);
});

// -------------------------------------------------------------- time

test("what is due happens in its order, with all that follows from it, and time ends where it should", async () => {
  const clock = new VirtualClock();
  const from = clock.now();
  const seen: string[] = [];
  const note = (what: string): void => void seen.push(`${what} ${clock.now() - from}`);
  clock.after(20, () => note("late"));
  clock.after(10, () => note("first"));
  clock.after(10, () => note("second"));
  clock.after(10, () => note("never")).cancel();
  clock.nextPhase(() => note("phase"));
  void sleep(clock, 5).then(() => {
    note("slept");
    return sleep(clock, 5).then(() => note("third"));
  });
  clock.after(31, () => note("too late"));
  clock.run(30);
  expect(seen).toEqual(["phase 0", "slept 5", "first 10", "second 10", "third 10", "late 20"]);
  expect(clock.now() - from).toBe(30);
  expect(() => clock.after(Number.NaN, () => {})).toThrow(RangeError);
});

test("what falls due while a process is stopped happens when it goes on; when it is killed, never", () => {
  const clock = new VirtualClock();
  const process = new ProcessClock(clock);
  const seen: number[] = [];
  const from = clock.now();
  for (const at of [10, 5]) process.after(at, () => seen.push(at));
  process.stop();
  clock.run(20);
  expect(seen).toEqual([]);
  process.resume();
  clock.run(0);
  expect(seen).toEqual([5, 10]);
  expect(process.arrivalOf(clock.now())).toBe(from);
  process.after(5, () => seen.push(0));
  process.kill();
  clock.run(20);
  expect(seen).toEqual([5, 10]);
});

// -------------------------------------------------------------- network

test("a machine answers, refuses, or is silent, as its process and its way do", () => {
  const world = new World(1);
  const [server] = world.serve(1);
  const machine = server?.machine;
  expect(machine?.address).toBe(parseAddress("tcp@10.0.0.1:4000"));
  expect(machine?.answer()).toBe("taken");
  machine?.cut();
  expect(machine?.answer()).toBe("nothing");
  machine?.heal();
  server?.stop();
  expect(machine?.answer()).toBe("taken");
  server?.kill();
  expect(machine?.answer()).toBe("refused");
});

test("a queue that is full answers nobody", () => {
  const world = new World(1);
  const [server] = world.serve(1, { listening: { acceptMs: 1_000, backlog: 2 } });
  const clients = world.connect(4, { named: true });
  for (const client of clients) void world.call(client);
  world.run(10);
  expect(server?.machine.answer()).toBe("nothing");
  expect(server?.connections).toBe(0);
  world.run(1_500);
  expect(server?.connections).toBe(1);
});
