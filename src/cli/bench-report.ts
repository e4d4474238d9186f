import type { Ratio } from "./bench-compare.ts";
import type { BenchResult, Spread } from "./bench-result.ts";
import { formatDuration } from "./durations.ts";

const theLimit =
  "the client was the limit: the rate is a lower bound, and the latencies are upper ones";

/** Instances that are shown by themselves; of more, the ones with the most calls. */
const maxShown = 8;

/** A latency for people: three digits, `0.413ms`, `1.3ms`, `12ms`, `1.2s`. */
export function formatLatency(ms: number): string {
  if (ms >= 10) return formatDuration(ms);
  return `${Number(ms.toFixed(ms < 1 ? 3 : 2))}ms`;
}

/** A count for people: `25,000`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** A rate for people: `4,998/s`; slow ones with their fraction. */
function formatRate(perSecond: number): string {
  return `${perSecond < 100 ? Number(perSecond.toFixed(2)) : formatCount(perSecond)}/s`;
}

/** A part for people: `0.1%`. */
export function formatShare(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`;
}

/** How the calls are started: `open loop 5,000/s`, `50 in flight`. */
export function describeMode({
  ratePerSecond,
  concurrency,
}: Pick<BenchResult, "ratePerSecond" | "concurrency">): string {
  return ratePerSecond === null
    ? `closed loop, ${formatCount(concurrency ?? 0)} in flight`
    : `open loop, ${formatRate(ratePerSecond)}`;
}

function spreadText({ p50, p90, p99, p999, max }: Spread): string {
  return [
    `p50 ${formatLatency(p50)}`,
    `p90 ${formatLatency(p90)}`,
    `p99 ${formatLatency(p99)}`,
    `p99.9 ${formatLatency(p999)}`,
    `max ${formatLatency(max)}`,
  ].join("   ");
}

function line(label: string, ...parts: readonly string[]): string {
  return `${label.padEnd(10)} ${parts.join("   ")}`;
}

function callsLine({ calls, items }: BenchResult): string {
  const { ok, failed, dropped, late, unfinished } = calls;
  return line(
    "calls",
    `${formatCount(ok)} ok`,
    `${formatCount(failed)} failed`,
    `${formatCount(late)} late starts`,
    ...(dropped > 0 ? [`${formatCount(dropped)} dropped (20,000 in flight)`] : []),
    ...(unfinished > 0 ? [`${formatCount(unfinished)} unfinished`] : []),
    ...(items > 0 ? [`${formatCount(items)} items`] : []),
  );
}

function instancesLine({ instances }: BenchResult): string {
  const shown = instances.slice(0, maxShown);
  const rest = instances.length - shown.length;
  const others = instances.slice(maxShown).reduce((sum, { calls }) => sum + calls, 0);
  return line(
    "instances",
    ...shown.map(({ address, calls }) => `${address} ${formatCount(calls)}`),
    ...(rest > 0 ? [`and ${rest} more ${formatCount(others)}`] : []),
  );
}

/** The result as lines; what is wrong with it is said elsewhere. */
export function benchText(result: BenchResult): string {
  const { method, durationMs, warmupMs, ratePerSecond, client, statuses } = result;
  const { latencyMs, serviceMs, achievedPerSecond, tookMs, instances, interrupted } = result;
  const shape = `${describeMode(result)} for ${formatDuration(durationMs)}`;
  const warmup = warmupMs > 0 ? `, ${formatDuration(warmupMs)} of warm-up not counted` : "";
  return [
    line(method, `${shape}${warmup}${interrupted ? ", interrupted" : ""}`),
    callsLine(result),
    line(
      "rate",
      ...(ratePerSecond === null ? [] : [`${formatRate(ratePerSecond)} offered`]),
      `${formatRate(achievedPerSecond)} achieved`,
    ),
    line("latency", spreadText(latencyMs), ...(ratePerSecond === null ? [] : ["(from when due)"])),
    ...(ratePerSecond === null ? [] : [line("service", spreadText(serviceMs), "(from the start)")]),
    ...(instances.length > 0 ? [instancesLine(result)] : []),
    line(
      "status",
      ...Object.entries(statuses).map(([code, count]) => `${code} ${formatCount(count)}`),
    ),
    line(
      "client",
      `${formatShare(client.cpus)} of a CPU`,
      `loop lag p99 ${formatLatency(client.loopLagP99Ms)}`,
      `[${formatDuration(tookMs)}]`,
    ),
    ...(client.wasTheLimit ? [line("note", theLimit)] : []),
  ].join("\n");
}

/** This run beside an earlier one, as lines. */
export function ratiosText(file: string, ratios: readonly Ratio[]): string {
  const parts = (start: string): string =>
    ratios
      .filter(({ figure }) => figure.startsWith(start))
      .map(({ figure, ratio }) => {
        const name = start === "" || figure === start ? "" : `${figure.slice(start.length + 1)} `;
        return `${name}${ratio === null ? "-" : `${ratio.toFixed(2)}x`}`;
      })
      .join("   ");
  return [
    line("compared", `with ${file}: now divided by then`),
    ...["rate", "latency", "service", "errors"].map((kind) => line(`  ${kind}`, parts(kind))),
  ].join("\n");
}

/** The ends of the bars, as people count: 1, 2, 5, 10, ... */
function* ends(fromMs: number): Generator<number> {
  let decade = 10 ** Math.floor(Math.log10(Math.max(fromMs, 0.001)));
  for (;;) {
    for (const step of [1, 2, 5]) if (step * decade > fromMs) yield step * decade;
    decade *= 10;
  }
}

/** How the latencies are spread, a bar for each span of time, at most `width` wide. */
export function bars({ latencyBuckets }: BenchResult, width: number): string {
  const [first] = latencyBuckets;
  if (first === undefined) return "";
  const all = latencyBuckets.reduce((sum, { count }) => sum + count, 0);
  const rows: { readonly toMs: number; readonly count: number }[] = [];
  let rest = latencyBuckets;
  for (const toMs of ends(first.fromMs)) {
    const isIn = (bucket: (typeof latencyBuckets)[number]): boolean =>
      (bucket.fromMs + bucket.toMs) / 2 <= toMs;
    rows.push({ toMs, count: rest.filter(isIn).reduce((sum, { count }) => sum + count, 0) });
    rest = rest.filter((bucket) => !isIn(bucket));
    if (rest.length === 0) break;
  }
  const labels = rows.map(({ toMs }) => `to ${formatLatency(toMs)}`);
  const labelWidth = Math.max(...labels.map((label) => label.length));
  const counts = rows.map(({ count }) => `${formatCount(count)} ${formatShare(count / all)}`);
  const room = Math.max(width - labelWidth - Math.max(...counts.map((c) => c.length)) - 5, 10);
  const most = Math.max(...rows.map(({ count }) => count));
  return rows
    .map(({ count }, index) => {
      const length = count === 0 ? 0 : Math.max(Math.round((count / most) * room), 1);
      return `  ${(labels[index] ?? "").padEnd(labelWidth)}  ${"#".repeat(length)} ${counts[index] ?? ""}`;
    })
    .join("\n");
}

/** What is shown while it runs. */
export function progressText(options: {
  readonly method: string;
  readonly passedMs: number;
  readonly warmupMs: number;
  readonly durationMs: number;
  readonly ok: number;
  readonly errors: number;
  readonly p99Ms: number;
}): string {
  const { method, passedMs, warmupMs, durationMs, ok, errors, p99Ms } = options;
  const width = 24;
  if (passedMs < warmupMs) {
    return `${method}   [${" ".repeat(width)}]   warm-up ${formatDuration(passedMs)}`;
  }
  const spentMs = Math.min(passedMs - warmupMs, durationMs);
  const done = Math.round((spentMs / durationMs) * width);
  const perSecond = spentMs > 0 ? (ok * 1_000) / spentMs : 0;
  return [
    method,
    `[${"#".repeat(done)}${" ".repeat(width - done)}]`,
    `${(spentMs / 1_000).toFixed(1)}s`,
    formatRate(perSecond),
    `${formatCount(errors)} errors`,
    `p99 ${formatLatency(p99Ms)}`,
  ].join("   ");
}
