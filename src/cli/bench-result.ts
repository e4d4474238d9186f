import type { BenchInvocation } from "./bench-args.ts";
import type { Histogram } from "./histogram.ts";
import { lateMs, type Load } from "./load.ts";
import type { StrainReport } from "./strain.ts";

/** How long calls took. */
export interface Spread {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
}

/** The calls that one instance answered, or was asked last. */
export interface Share {
  readonly id: string | null;
  readonly address: string;
  readonly calls: number;
}

/** What `gee bench --json` prints, and reads with `--compare`. */
export interface BenchResult {
  readonly method: string;
  /** Tells runs with other arguments apart. */
  readonly argumentsHash: string;
  readonly mode: "open" | "closed";
  /** Of an open loop; else null. */
  readonly ratePerSecond: number | null;
  /** Of a closed loop; else null. */
  readonly concurrency: number | null;
  readonly policy: string;
  readonly warmupMs: number;
  readonly durationMs: number;
  /** It was ended before its time. */
  readonly interrupted: boolean;
  readonly calls: {
    readonly ok: number;
    readonly failed: number;
    /** Not started, as too many were in flight. */
    readonly dropped: number;
    /** Started more than 10 ms behind their time. */
    readonly late: number;
    /** Under way when it was ended. */
    readonly unfinished: number;
  };
  /** Items of streams. */
  readonly items: number;
  /** The part of the calls that failed or were dropped, 0 to 1. */
  readonly errorShare: number;
  /** Calls that were answered well in the time that counts, whenever they were started. */
  readonly achievedPerSecond: number;
  /** From when a call was due. */
  readonly latencyMs: Spread;
  /** From when it was started. */
  readonly serviceMs: Spread;
  /** Calls by what became of them: OK, or the code of a failure. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly instances: readonly Share[];
  readonly client: StrainReport & {
    /** It was busy, or late: a faster client would have got other figures. */
    readonly wasTheLimit: boolean;
  };
  readonly tookMs: number;
  readonly latencyBuckets: readonly {
    readonly fromMs: number;
    readonly toMs: number;
    readonly count: number;
  }[];
}

/** Beyond this part of one CPU the client's own loop has no room left. */
const busyCpus = 0.9;
/** Beyond this part of the starts lateness is no accident. */
const lateShare = 0.01;

/** A microsecond is as fine as any of it is. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function spreadOf(histogram: Histogram): Spread {
  const [p50 = 0, p90 = 0, p99 = 0, p999 = 0] = [0.5, 0.9, 0.99, 0.999].map((part) =>
    rounded(histogram.quantile(part)),
  );
  return {
    p50,
    p90,
    p99,
    p999,
    max: rounded(histogram.maxMs),
    mean: rounded(histogram.meanMs),
  };
}

/** What a run has shown. */
export function benchResult(
  { method, mode, policy, warmupMs, durationMs }: BenchInvocation,
  load: Load,
  own: {
    readonly argumentsHash: string;
    readonly interrupted: boolean;
    readonly instances: readonly Share[];
    readonly strain: StrainReport;
    readonly tookMs: number;
  },
): BenchResult {
  const { ok, failed, dropped, late, unfinished, items } = load;
  const ended = ok + failed + dropped;
  const { cpus, loopLagP99Ms } = own.strain;
  return {
    method,
    argumentsHash: own.argumentsHash,
    mode: mode.kind,
    ratePerSecond: mode.kind === "open" ? mode.ratePerSecond : null,
    concurrency: mode.kind === "closed" ? mode.concurrency : null,
    policy,
    warmupMs,
    durationMs,
    interrupted: own.interrupted,
    calls: { ok, failed, dropped, late, unfinished },
    items,
    errorShare: ended === 0 ? 0 : (failed + dropped) / ended,
    achievedPerSecond: rounded(load.answeredPerSecond),
    latencyMs: spreadOf(load.latency),
    serviceMs: spreadOf(load.service),
    statuses: { ...(ok > 0 ? { OK: ok } : {}), ...Object.fromEntries(load.failures) },
    instances: own.instances.toSorted((left, right) => right.calls - left.calls),
    client: {
      cpus: rounded(cpus),
      loopLagP99Ms: rounded(loopLagP99Ms),
      wasTheLimit: cpus > busyCpus || loopLagP99Ms > lateMs || late > lateShare * ended,
    },
    tookMs: Math.round(own.tookMs),
    latencyBuckets: load.latency
      .buckets()
      .map(({ fromMs, toMs, count }) => ({ fromMs: round5(fromMs), toMs: round5(toMs), count })),
  };
}

function round5(value: number): number {
  return Number(value.toPrecision(5));
}
