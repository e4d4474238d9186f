import { GeeError } from "../../src/base/errors.ts";
import type { BenchInvocation } from "../../src/cli/bench-args.ts";
import { benchResult, type BenchResult, type Share } from "../../src/cli/bench-result.ts";
import { Load } from "../../src/cli/load.ts";
import { parseArguments } from "../../src/cli/args.ts";
import type { StrainReport } from "../../src/cli/strain.ts";
import type { Gee } from "../../src/index.ts";
import { FakeClock, inTime } from "../support/clock.ts";

/** What a run is like that is made up for a test of its result. */
export interface MadeUp {
  /** What is behind `gee bench Foo.Sum`. Default `--rate 100 --duration 10s`. */
  readonly words?: string;
  /** How long call number k takes, in ms; a negative one fails after so long. Default 1. */
  readonly ms?: (index: number) => number;
  readonly interrupted?: boolean;
  readonly instances?: readonly Share[];
  readonly strain?: Partial<StrainReport>;
}

export function readBench(words: string): BenchInvocation {
  const invocation = parseArguments(["bench", "Foo.Sum", ...words.split(" ")], {});
  if (invocation.kind !== "bench") throw new Error("it is no bench");
  return invocation;
}

/** The result of a run in which nothing was called and no time passed. */
export async function madeUp(own: MadeUp = {}): Promise<BenchResult> {
  const { words = "--rate 100 --duration 10s --warmup 0", ms = () => 1 } = own;
  const clock = new FakeClock();
  const invocation = readBench(words);
  let index = 0;
  const call = (): ReturnType<Gee["call"]> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const tookMs = ms(index++);
    const failure = new GeeError("UNAVAILABLE", "nobody is there");
    clock.after(Math.abs(tookMs), () => (tookMs < 0 ? reject(failure) : resolve(3)));
    return Object.assign(promise, { async *[Symbol.asyncIterator]() {} });
  };
  const { mode, warmupMs, durationMs } = invocation;
  const load = new Load({ clock, mode, warmupMs, durationMs, maxInFlight: 20_000, call });
  await inTime(clock, load.run());
  return benchResult(invocation, load, {
    argumentsHash: "abc",
    interrupted: own.interrupted ?? false,
    instances: own.instances ?? [],
    strain: { cpus: 0.41, loopLagP99Ms: 0.9, ...own.strain },
    tookMs: durationMs + warmupMs + 40,
  });
}
