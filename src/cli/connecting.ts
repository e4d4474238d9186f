import { GeeError } from "../base/errors.ts";
import type { LogLevel } from "../base/log.ts";
import type { ConnectOptions } from "../client.ts";
import type { Output } from "./output.ts";
import { readToken } from "./token-file.ts";
import type { Target } from "./values.ts";

/**
 * How a client command reaches its servers. What goes wrong on the way is not told by default: a
 * command that fails for it says so, and to one that succeeds it made no difference.
 */
export function connectOptions(
  { target }: { readonly target: Target },
  output: Output,
  level: LogLevel = "error",
): ConnectOptions {
  if (target.kind === "address") return { address: target.address, log: output.log(level) };
  const { registry, cache, tokenFile } = target;
  // Whoever is served from a file has to know it.
  const log = output.log(cache === undefined ? level : "warn");
  const registryToken = readToken(tokenFile);
  return {
    registry,
    log,
    ...(cache === undefined ? {} : { cache }),
    ...(registryToken === undefined ? {} : { registryToken }),
  };
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
