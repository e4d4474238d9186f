import { GeeError } from "../base/errors.ts";
import { systemClock } from "../base/time.ts";
import { connect, type CallOptions, type Gee } from "../client.ts";
import { printAnswer, type Answer } from "./answer.ts";
import type { CallInvocation } from "./call-args.ts";
import { callAll } from "./call-all.ts";
import { connectOptions, withNextStep } from "./connecting.ts";
import { formatDuration } from "./durations.ts";
import { givenArguments } from "./given-arguments.ts";
import { openChunks, openItems } from "./item-lines.ts";
import { callExitCode, type Output } from "./output.ts";
import { catchStopSignals, type StopSignal } from "./signals.ts";
import { tellAway } from "./registry-states.ts";
import { within } from "./within.ts";

/** What ends a call before its answer. */
interface Ending {
  /** Takes the call back when it aborts, down to its handler. */
  readonly call: AbortController;
  /** What was wrong with the items of its stream argument. */
  badItem: GeeError | undefined;
}

/**
 * `gee call`: calls one instance, or with `--all` every one, and prints what comes back: a result, or
 * items as they come.
 */
export async function runCall(invocation: CallInvocation, output: Output): Promise<number> {
  const startedAt = systemClock.now();
  const ending: Ending = { call: new AbortController(), badItem: undefined };
  let args: readonly unknown[];
  try {
    args = await readArguments(invocation, ending);
  } catch (thrown) {
    const error = GeeError.from(thrown);
    if (error.code !== "DEADLINE_EXCEEDED") throw error;
    await output.error(error);
    return callExitCode(error);
  }
  using signals = catchStopSignals();
  let interruption: StopSignal | undefined;
  void signals.first.then((signal) => {
    interruption = signal;
    const why = `interrupted by ${signal.name}`;
    ending.call.abort(new GeeError("CANCELLED", why, { reason: signal.name }));
  });
  const { timeoutMs } = invocation;
  const leftMs = timeoutMs === undefined ? undefined : timeoutMs - (systemClock.now() - startedAt);
  const work = callAndPrint(invocation, args, leftMs, ending, output);
  return await Promise.race([
    // A call that answered in spite of the signal has done its work.
    work.then((code) => (code === 0 ? code : (interruption?.exitCode ?? code))),
    signals.second.then((signal) => signal.exitCode),
  ]);
}

async function readArguments(
  { data, positionals, stream, timeoutMs }: CallInvocation,
  ending: Ending,
): Promise<readonly unknown[]> {
  const broken = (error: GeeError): void => {
    ending.badItem ??= error;
    ending.call.abort(error);
  };
  const items =
    stream === undefined
      ? []
      : [
          openItems(stream, broken, {
            file: (path) => openChunks(Bun.file(path).stream()),
            stdin: () => openChunks(Bun.stdin.stream()),
          }),
        ];
  const reading = givenArguments({ positionals, data });
  const args =
    timeoutMs === undefined ? reading : within(timeoutMs, "--data was not read", reading);
  return [...(await args), ...items];
}

async function callAndPrint(
  invocation: CallInvocation,
  args: readonly unknown[],
  timeoutMs: number | undefined,
  ending: Ending,
  output: Output,
): Promise<number> {
  const { policy, zone, all, to, metadata, idempotencyKey, oneWay } = invocation;
  const { hashKey, tags, wait } = invocation;
  await using gee = connect({ ...connectOptions(invocation, output), policy, zone });
  const options: CallOptions = {
    signal: ending.call.signal,
    oneWay,
    // Only what somebody gave: a stream, either way, has no total limit by default.
    ...(timeoutMs === undefined ? {} : { timeoutMs: Math.max(timeoutMs, 1) }),
    ...(to === undefined ? {} : { to }),
    ...(hashKey === undefined ? {} : { hashKey }),
    ...(tags === undefined ? {} : { tags }),
    ...(wait ? { waitForReady: true } : {}),
    ...(metadata === undefined ? {} : { metadata }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
  if (all) return await callAll(gee, invocation, args, options, output);
  const startedAt = systemClock.now();
  const answer = await callOne(gee, invocation, args, options, ending, output);
  await tellAway(gee, invocation, output);
  if (answer.kind === "failed") {
    const { badItem } = ending;
    if (badItem !== undefined) throw badItem.withExecuted(answer.error.executed);
    const error = withNextStep(answer.error, invocation.target);
    await output.error(error);
    return callExitCode(error);
  }
  if (output.terminal && !output.json) {
    const took = formatDuration(systemClock.now() - startedAt);
    await output.talk("called", `-> ${invocation.method}  ${took}${remark(answer)}`);
  }
  return 0;
}

/** One-way: nothing comes back. */
type Sent = { readonly kind: "sent" };

async function callOne(
  gee: Gee,
  { method, oneWay }: CallInvocation,
  args: readonly unknown[],
  options: CallOptions,
  ending: Ending,
  output: Output,
): Promise<Answer | Sent> {
  const call = gee.call(method, args, options);
  if (oneWay) {
    return await call.then(
      () => ({ kind: "sent" }) as const,
      (thrown: unknown) => ({ kind: "failed", error: GeeError.from(thrown) }) as const,
    );
  }
  // A reader who is slow does not make the command last longer than it may.
  const release = new AbortController();
  const { signal } = ending.call;
  signal.addEventListener("abort", () => release.abort(), { once: true });
  if (signal.aborted) release.abort();
  const late =
    options.timeoutMs === undefined
      ? undefined
      : systemClock.after(options.timeoutMs, () => release.abort());
  try {
    return await printAnswer(call, output, {
      release: release.signal,
      stop: () => ending.call.abort(),
    });
  } finally {
    late?.cancel();
  }
}

function remark(answer: Answer | Sent): string {
  if (answer.kind === "sent") return ", sent";
  if (answer.kind !== "items") return "";
  return `, ${answer.count} ${answer.count === 1 ? "item" : "items"}`;
}
