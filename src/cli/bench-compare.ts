import { Fields, number, text, word } from "../base/fields.ts";
import { GeeError } from "../base/errors.ts";
import type { BenchResult, Spread } from "./bench-result.ts";
import { usageError } from "./usage.ts";

/** What is compared of an earlier run, and what has to be the same. */
export interface Earlier {
  readonly file: string;
  readonly method: string;
  readonly argumentsHash: string;
  readonly mode: "open" | "closed";
  readonly ratePerSecond: number | null;
  readonly concurrency: number | null;
  readonly policy: string;
  readonly errorShare: number;
  readonly achievedPerSecond: number;
  readonly latencyMs: Spread;
  readonly serviceMs: Spread;
}

/** A figure of both runs. */
export interface Ratio {
  readonly figure: string;
  readonly before: number;
  readonly now: number;
  /** Now divided by before; null where before there was nothing. */
  readonly ratio: number | null;
}

const any = number(0, Number.MAX_VALUE);
const name = text(256);

function orNull(value: unknown, path: string): number | null {
  return value === null ? null : any(value, path);
}

function spread(value: unknown, path: string): Spread {
  const fields = new Fields(value, path);
  const part = (key: string): number => fields.need(key, any);
  return {
    p50: part("p50"),
    p90: part("p90"),
    p99: part("p99"),
    p999: part("p999"),
    max: part("max"),
    mean: part("mean"),
  };
}

/**
 * Reads what `gee bench --json` wrote to a file.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE, for what it did not write
 */
export function parseEarlier(file: string, content: string): Earlier {
  try {
    const fields = new Fields(JSON.parse(content), "result");
    return {
      file,
      method: fields.need("method", name),
      argumentsHash: fields.need("argumentsHash", name),
      mode: fields.need("mode", word("open", "closed")),
      ratePerSecond: fields.need("ratePerSecond", orNull),
      concurrency: fields.need("concurrency", orNull),
      policy: fields.need("policy", name),
      errorShare: fields.need("errorShare", any),
      achievedPerSecond: fields.need("achievedPerSecond", any),
      latencyMs: fields.need("latencyMs", spread),
      serviceMs: fields.need("serviceMs", spread),
    };
  } catch (thrown) {
    const why = thrown instanceof SyntaxError ? "it is no JSON" : GeeError.from(thrown).message;
    throw usageError(`--compare: ${file} is no result of gee bench --json: ${why}`, {
      cause: thrown,
    });
  }
}

/** What two runs have to have in common. */
type Shape = Pick<
  Earlier,
  "method" | "argumentsHash" | "mode" | "ratePerSecond" | "concurrency" | "policy"
>;

/**
 * Refuses an earlier run of something else: figures of two different things say nothing beside each
 * other. How long a run lasts is not looked at.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE
 */
export function checkSameShape(earlier: Earlier, now: Shape): void {
  const refuse = (was: string, is: string): never => {
    throw usageError(`--compare: ${earlier.file} is of ${was}, and this is ${is}`);
  };
  if (earlier.method !== now.method) refuse(earlier.method, now.method);
  if (earlier.argumentsHash !== now.argumentsHash) {
    throw usageError(`--compare: ${earlier.file} is of ${now.method} with other arguments`);
  }
  const [was, is] = [loopOf(earlier), loopOf(now)];
  if (was !== is) refuse(was, is);
  if (earlier.policy !== now.policy) refuse(`policy ${earlier.policy}`, `policy ${now.policy}`);
}

function loopOf({ mode, ratePerSecond, concurrency }: Shape): string {
  return mode === "open" ? `--rate ${ratePerSecond}` : `--concurrency ${concurrency}`;
}

/** This run's figures divided by the earlier one's. */
export function compareResults(earlier: Earlier, now: BenchResult): readonly Ratio[] {
  const one = (figure: string, before: number, after: number): Ratio => ({
    figure,
    before,
    now: after,
    ratio: before > 0 ? Math.round((after / before) * 1_000) / 1_000 : null,
  });
  const spreads = (kind: "latency" | "service", before: Spread, after: Spread): Ratio[] =>
    (["p50", "p90", "p99", "p999", "max"] as const).map((part) =>
      one(`${kind} ${part === "p999" ? "p99.9" : part}`, before[part], after[part]),
    );
  return [
    one("rate", earlier.achievedPerSecond, now.achievedPerSecond),
    ...spreads("latency", earlier.latencyMs, now.latencyMs),
    ...spreads("service", earlier.serviceMs, now.serviceMs),
    one("errors", earlier.errorShare, now.errorShare),
  ];
}
