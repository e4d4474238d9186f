import { GeeError } from "../base/errors.ts";
import type { ConnectOptions } from "../client.ts";
import type { Output } from "./output.ts";
import type { Target } from "./values.ts";

/** How a client command reaches its servers. */
export function connectOptions(
  { target }: { readonly target: Target },
  output: Output,
): ConnectOptions {
  const log = output.log("error");
  return target.kind === "address"
    ? { address: target.address, log }
    : { registry: target.registry, log };
}

function nextStep({ code, reason }: GeeError, target: Target): string | undefined {
  const seeList = target.kind === "registry" ? "gee list shows what is registered" : undefined;
  if (reason === "NO_SUCH_METHOD") return seeList ?? "gee server says at its start what it serves";
  if (code !== "UNAVAILABLE") return undefined;
  return seeList ?? "is a server listening there? gee server --listen ADDRESS starts one";
}

/** The error with what to run next, where it brings no hint of its own. */
export function withNextStep(error: GeeError, target: Target): GeeError {
  // What the library advises then is for programs.
  const isAStream = error.reason === "IS_A_STREAM";
  const hint = isAStream
    ? "without --all and --one-way its items are printed"
    : (error.hint ?? nextStep(error, target));
  if (hint === error.hint) return error;
  const { code, message, reason, details, executed, retryAfterMs, cause } = error;
  return new GeeError(code, message, { reason, details, executed, retryAfterMs, hint, cause });
}
