import { GeeError } from "../base/errors.ts";
import { systemClock, type Clock } from "../base/time.ts";
import { connect, type CallOptions, type Gee } from "../client.ts";
import { maxInFlight, type BenchInvocation } from "./bench-args.ts";
import { checkSameShape, compareResults, parseEarlier, type Earlier } from "./bench-compare.ts";
import { benchResult, type BenchResult, type Share } from "./bench-result.ts";
import {
  bars,
  benchText,
  formatCount,
  formatLatency,
  formatShare,
  progressText,
  ratiosText,
} from "./bench-report.ts";
import { connectOptions, withNextStep } from "./connecting.ts";
import { givenArguments } from "./given-arguments.ts";
import { toJson } from "./json.ts";
import { Load } from "./load.ts";
import { callExitCode, errorFields, type Output } from "./output.ts";
import { tellAway } from "./registry-states.ts";
import { catchStopSignals, type StopSignal } from "./signals.ts";
import { Strain } from "./strain.ts";
import { usageError } from "./usage.ts";

const progressMs = 100;
/** The widest that bars are worth. */
const widestBars = 100;

/** What every call is made with. */
interface Calls {
  readonly args: readonly unknown[];
  readonly argumentsHash: string;
  readonly options: CallOptions;
}

/**
 * `gee bench`: calls a method for a while and tells how long the calls took. Interrupted, it tells what
 * there is. Exits 1 when a limit that was given is passed, and as `gee call` does when no call went well.
 */
export async function runBench(
  invocation: BenchInvocation,
  output: Output,
  clock: Clock = systemClock,
): Promise<number> {
  const { timeoutMs, to, metadata, mode, policy, method } = invocation;
  const args = await givenArguments(invocation);
  const argumentsHash = Bun.hash(toJson(args)).toString(16);
  const earlier = await readEarlier(invocation.compare);
  if (earlier !== undefined) {
    checkSameShape(earlier, {
      method,
      argumentsHash,
      policy,
      mode: mode.kind,
      ratePerSecond: mode.kind === "open" ? mode.ratePerSecond : null,
      concurrency: mode.kind === "closed" ? mode.concurrency : null,
    });
  }
  const options: CallOptions = {
    timeoutMs,
    ...(to === undefined ? {} : { to }),
    ...(metadata === undefined ? {} : { metadata }),
  };
  using signals = catchStopSignals();
  // Whoever interrupts it does not wait for what is in flight.
  const settings = { ...connectOptions(invocation, output), policy, drainTimeoutMs: 0, clock };
  await using gee = connect(settings);
  const work = bench(invocation, gee, { args, argumentsHash, options }, signals.first, {
    output,
    clock,
    earlier,
  });
  return await Promise.race([work, signals.second.then(({ exitCode }) => exitCode)]);
}

async function readEarlier(file: string | undefined): Promise<Earlier | undefined> {
  if (file === undefined) return undefined;
  let content: string;
  try {
    content = await Bun.file(file).text();
  } catch (thrown) {
    throw usageError(`--compare: cannot read ${file}: ${GeeError.from(thrown).message}`);
  }
  return parseEarlier(file, content);
}

async function bench(
  invocation: BenchInvocation,
  gee: Gee,
  { args, argumentsHash, options }: Calls,
  interruption: Promise<StopSignal>,
  tools: {
    readonly output: Output;
    readonly clock: Clock;
    readonly earlier: Earlier | undefined;
  },
): Promise<number> {
  const { method, mode, warmupMs, durationMs, target } = invocation;
  const { output, clock, earlier } = tools;
  const startedAt = clock.now();
  output.progress(`${method}   the first call`);
  const first = await Promise.race([firstCall(gee, method, args, options), interruption]);
  output.progress("");
  if (first !== undefined && "exitCode" in first) return first.exitCode;
  await tellAway(gee, invocation, output);
  if (first !== undefined) {
    const error = withNextStep(first, target);
    await output.error(error);
    return callExitCode(error);
  }
  const shares = new Map<string, { -readonly [K in keyof Share]: Share[K] }>();
  const load = new Load({
    clock,
    mode,
    warmupMs,
    durationMs,
    maxInFlight,
    call: () => gee.call(method, args, options),
    ended(call) {
      const member = gee.answeredBy(call);
      if (member === undefined) return;
      const { id = null, address } = member;
      const key = id ?? address;
      const share = shares.get(key);
      if (share === undefined) shares.set(key, { id, address, calls: 1 });
      else share.calls++;
    },
  });
  const strain = new Strain(clock);
  void load.measuring.then(() => strain.begin());
  const hideProgress = showProgress(invocation, load, tools);
  const signal = await Promise.race([load.run(), interruption]);
  if (signal !== undefined) load.stop();
  hideProgress();
  const result = benchResult(invocation, load, {
    argumentsHash,
    interrupted: signal !== undefined,
    instances: [...shares.values()],
    strain: strain.end(),
    tookMs: clock.now() - startedAt,
  });
  await print(result, earlier, output);
  for (const [code, error] of load.examples) {
    const count = load.failures.get(code) ?? 0;
    const text = `failed     ${formatCount(count)} ${code}, such as: ${error.message}`;
    await output.talk("failed", text, { count, error: errorFields(error) });
  }
  if (signal !== undefined) return signal.exitCode;
  return await verdict(invocation, load, result, output);
}

/**
 * Connects, and finds out whether there is anything to measure: what fails for a reason that will not
 * pass is told as `gee call` tells it.
 */
async function firstCall(
  gee: Gee,
  method: string,
  args: readonly unknown[],
  options: CallOptions,
): Promise<GeeError | undefined> {
  const call = gee.call(method, args, options);
  try {
    await call;
  } catch (thrown) {
    const error = GeeError.from(thrown);
    if (error.reason === "IS_A_STREAM") return await firstItem(call);
    return lasting.has(error.code) ? error : undefined;
  }
  return undefined;
}

/** What the next call will fail with as well. */
const lasting: ReadonlySet<string> = new Set<GeeError["code"]>([
  "INVALID_ARGUMENT",
  "UNIMPLEMENTED",
  "UNAVAILABLE",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "FAILED_PRECONDITION",
]);

async function firstItem(call: ReturnType<Gee["call"]>): Promise<GeeError | undefined> {
  try {
    for await (const _ of call) break;
  } catch (thrown) {
    const error = GeeError.from(thrown);
    return lasting.has(error.code) ? error : undefined;
  }
  return undefined;
}

/** Shows how it goes until the function that it returns is called. */
function showProgress(
  { method, warmupMs, durationMs }: BenchInvocation,
  load: Load,
  { output, clock }: { readonly output: Output; readonly clock: Clock },
): () => void {
  const startedAt = clock.now();
  const show = (): void => {
    const { ok, failed, dropped, latency } = load;
    output.progress(
      progressText({
        method,
        passedMs: clock.now() - startedAt,
        warmupMs,
        durationMs,
        ok,
        errors: failed + dropped,
        p99Ms: latency.quantile(0.99),
      }),
    );
    timer = clock.after(progressMs, show, { background: true });
  };
  let timer = clock.after(0, show, { background: true });
  return () => {
    timer.cancel();
    output.progress("");
  };
}

async function print(
  result: BenchResult,
  earlier: Earlier | undefined,
  output: Output,
): Promise<void> {
  const ratios = earlier === undefined ? undefined : compareResults(earlier, result);
  if (output.json) {
    const compared = earlier === undefined ? undefined : { file: earlier.file, ratios };
    await output.value({ ...result, compared });
    return;
  }
  await output.data(benchText(result));
  if (output.terminal && result.latencyBuckets.length > 0) {
    await output.data(bars(result, Math.min(output.columns, widestBars)));
  }
  if (earlier !== undefined) await output.data(ratiosText(earlier.file, ratios ?? []));
}

/** The exit code, and why it is not 0. */
async function verdict(
  { maxP99Ms, maxErrors }: BenchInvocation,
  load: Load,
  result: BenchResult,
  output: Output,
): Promise<number> {
  const { calls, latencyMs, errorShare } = result;
  const passed: GeeError[] = [];
  if (maxP99Ms !== undefined && latencyMs.p99 > maxP99Ms) {
    const text = `the p99 is ${formatLatency(latencyMs.p99)}, more than --max-p99 ${formatLatency(maxP99Ms)}`;
    passed.push(new GeeError("OUT_OF_RANGE", text, { reason: "MAX_P99" }));
  }
  if (maxErrors !== undefined && errorShare > maxErrors) {
    const text = `${formatShare(errorShare)} of the calls failed, more than --max-errors ${formatShare(maxErrors)}`;
    passed.push(new GeeError("OUT_OF_RANGE", text, { reason: "MAX_ERRORS" }));
  }
  for (const error of passed) await output.error(error);
  if (passed.length > 0) return 1;
  const [worst] = load.examples.values();
  if (calls.ok > 0 || worst === undefined) return 0;
  await output.error(worst);
  return callExitCode(worst);
}
