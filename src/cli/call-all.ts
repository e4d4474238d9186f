import { GeeError } from "../base/errors.ts";
import type { CallOptions, Gee, Outcome } from "../client.ts";
import type { CallInvocation } from "./call-args.ts";
import { withNextStep } from "./connecting.ts";
import { toJson } from "./json.ts";
import { callExitCode, errorFields, type Output } from "./output.ts";
import { tellAway } from "./registry-states.ts";
import { table } from "./table.ts";

/** `gee call --all`: calls every instance and prints a row for each; the first failure is the exit code. */
export async function callAll(
  gee: Gee,
  invocation: CallInvocation,
  args: readonly unknown[],
  options: CallOptions,
  output: Output,
): Promise<number> {
  const { method, target, oneWay } = invocation;
  let outcomes: readonly Outcome[];
  try {
    outcomes = await gee.broadcastAll(method, args, options);
  } catch (thrown) {
    const error = withNextStep(GeeError.from(thrown), target);
    await output.error(error);
    return callExitCode(error);
  }
  await tellAway(gee, invocation, output);
  if (output.json) {
    await output.value(
      outcomes.map((outcome) => ({
        id: outcome.member.id,
        address: outcome.member.address,
        // Not toJson's business: a field that is undefined would vanish, and with it the result.
        ...(outcome.ok === false
          ? { error: errorFields(withNextStep(outcome.error, target)) }
          : { value: outcome.value ?? null }),
      })),
    );
  } else {
    const text = table(
      outcomes,
      [
        { heading: "INSTANCE", text: ({ member }) => member.id ?? "?" },
        { heading: "ADDRESS", text: ({ member }) => member.address },
        { heading: "RESULT", text: (outcome) => resultText(outcome, oneWay) },
      ],
      output.terminal ? output.columns : undefined,
    );
    await output.data(text);
  }
  const failed = outcomes.find(({ ok }) => !ok);
  return failed === undefined || failed.ok ? 0 : callExitCode(failed.error);
}

function resultText(outcome: Outcome, oneWay: boolean): string {
  if (!outcome.ok) return `error: ${outcome.error.code}  ${outcome.error.message}`;
  return oneWay ? "sent" : toJson(outcome.value);
}
