import type { PolicyName } from "../base/policy-name.ts";
import { readMethod, readPolicy } from "./call-args.ts";
import type { LoadMode } from "./load.ts";
import { usageError } from "./usage.ts";
import type { Target, Values } from "./values.ts";

/** `gee bench`. */
export interface BenchInvocation {
  readonly kind: "bench";
  readonly method: string;
  readonly positionals: readonly string[];
  readonly data: string | undefined;
  readonly mode: LoadMode;
  readonly durationMs: number;
  readonly warmupMs: number;
  /** Of one call. */
  readonly timeoutMs: number;
  readonly target: Target;
  readonly policy: PolicyName;
  readonly to: string | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly maxP99Ms: number | undefined;
  /** A part of all calls, 0 to 1. */
  readonly maxErrors: number | undefined;
  /** A file with the result of an earlier run. */
  readonly compare: string | undefined;
}

/** Calls that are in flight at once, at most. */
export const maxInFlight = 20_000;

/** More than one process starts; a number that is larger is a slip. */
const maxRate = 1_000_000;
const leastRate = 0.1;
const leastDurationMs = 100;
const mostDurationMs = 86_400_000;
const usualConcurrency = 50;

/**
 * Reads `gee bench`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE or BAD_DURATION
 */
export function readBench(values: Values): BenchInvocation {
  const [method, positionals, data] = readMethod(values);
  const policy = readPolicy(values);
  if (policy === "hash") throw usageError("--policy hash has no key to go by here");
  return {
    kind: "bench",
    method,
    positionals,
    data,
    mode: readMode(values),
    durationMs: values.duration("duration", leastDurationMs, mostDurationMs),
    warmupMs: values.duration("warmup", 0, mostDurationMs),
    timeoutMs: values.duration("timeout", 1),
    target: values.target(),
    policy,
    to: values.text("to"),
    metadata: values.pairs("meta"),
    maxP99Ms: values.given("max-p99") ? values.duration("max-p99") : undefined,
    maxErrors: readPercent(values.text("max-errors")),
    compare: values.text("compare"),
  };
}

function readMode(values: Values): LoadMode {
  const [hasRate, hasConcurrency] = [values.typed("rate"), values.typed("concurrency")];
  if (hasRate && hasConcurrency) {
    throw usageError("--rate and --concurrency exclude each other", {
      hint: "--rate starts calls on a schedule, --concurrency each when another has ended",
    });
  }
  if (hasRate) {
    return { kind: "open", ratePerSecond: values.number("rate", leastRate, maxRate) };
  }
  if (!hasConcurrency) return { kind: "closed", concurrency: usualConcurrency };
  const concurrency = values.number("concurrency", 1, maxInFlight);
  if (Number.isInteger(concurrency)) return { kind: "closed", concurrency };
  throw usageError(`--concurrency is a whole number, not ${concurrency}`);
}

function readPercent(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1] ?? (text === "0" ? 0 : Number.NaN));
  if (percent <= 100) return percent / 100;
  throw usageError(`--max-errors ${JSON.stringify(text)} is no part of the calls`, {
    hint: "it is from 0% to 100%, such as 0.1%",
  });
}
