import { GeeError } from "../base/errors.ts";
import { systemClock } from "../base/time.ts";
import { connect, type CallOptions, type Gee } from "../client.ts";
import type { CallInvocation } from "./args.ts";
import { connectOptions, withNextStep } from "./connecting.ts";
import { formatDuration } from "./durations.ts";
import { toJson } from "./json.ts";
import { parseArgument, parseData } from "./literals.ts";
import { callExitCode, errorFields, type Output } from "./output.ts";
import { catchStopSignals } from "./signals.ts";
import { table } from "./table.ts";

/** `gee call`: calls one instance, or with `--all` every one, and prints what comes back. */
export async function runCall(invocation: CallInvocation, output: Output): Promise<number> {
  const args = await readArguments(invocation);
  const controller = new AbortController();
  using signals = catchStopSignals();
  const interrupted = signals.first.then((signal) => {
    controller.abort(
      new GeeError("CANCELLED", `interrupted by ${signal.name}`, { reason: signal.name }),
    );
    return signal.exitCode;
  });
  const work = callAndPrint(invocation, args, controller.signal, output);
  return await Promise.race([
    // A call that answered in spite of the signal has done its work.
    work.then((code) => (controller.signal.aborted && code !== 0 ? interrupted : code)),
    signals.second.then((signal) => signal.exitCode),
  ]);
}

async function readArguments({ data, positionals }: CallInvocation): Promise<readonly unknown[]> {
  if (data === undefined) {
    return positionals.map((text, index) => parseArgument(text, index + 1));
  }
  return parseData(data, {
    file: (path) => Bun.file(path).bytes(),
    stdin: () => Bun.stdin.bytes(),
  });
}

async function callAndPrint(
  invocation: CallInvocation,
  args: readonly unknown[],
  signal: AbortSignal,
  output: Output,
): Promise<number> {
  const { method, timeoutMs, to, policy, all } = invocation;
  await using gee = connect({
    ...connectOptions(invocation, output),
    policy,
  });
  const options: CallOptions = { timeoutMs, signal, ...(to === undefined ? {} : { to }) };
  if (all) return await callAll(gee, invocation, args, options, output);
  const startedAt = systemClock.now();
  let value: unknown;
  try {
    value = await gee.call(method, args, options);
  } catch (thrown) {
    const error = withNextStep(GeeError.from(thrown), invocation.target);
    await output.error(error);
    return callExitCode(error);
  }
  const took = formatDuration(systemClock.now() - startedAt);
  await output.value(value);
  if (output.terminal && !output.json) await output.talk("called", `-> ${method}  ${took}`);
  return 0;
}

async function callAll(
  gee: Gee,
  { method, target }: CallInvocation,
  args: readonly unknown[],
  options: CallOptions,
  output: Output,
): Promise<number> {
  let outcomes: Awaited<ReturnType<Gee["broadcastAll"]>>;
  try {
    outcomes = await gee.broadcastAll(method, args, options);
  } catch (thrown) {
    const error = withNextStep(GeeError.from(thrown), target);
    await output.error(error);
    return callExitCode(error);
  }
  if (output.json) {
    await output.value(
      outcomes.map((outcome) => ({
        id: outcome.member.id,
        address: outcome.member.address,
        // Not toJson's business: a field that is undefined would vanish, and with it the result.
        ...(outcome.ok === false
          ? { error: errorFields(outcome.error) }
          : { value: outcome.value ?? null }),
      })),
    );
  } else {
    const text = table(
      outcomes,
      [
        { heading: "INSTANCE", text: ({ member }) => member.id ?? "?" },
        { heading: "ADDRESS", text: ({ member }) => member.address },
        {
          heading: "RESULT",
          text: (outcome) =>
            outcome.ok
              ? toJson(outcome.value)
              : `error: ${outcome.error.code}  ${outcome.error.message}`,
        },
      ],
      output.terminal ? output.columns : undefined,
    );
    await output.data(text);
  }
  const failed = outcomes.find(({ ok }) => !ok);
  return failed === undefined || failed.ok ? 0 : callExitCode(failed.error);
}
