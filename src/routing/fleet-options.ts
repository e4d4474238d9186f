import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Canary } from "../fleet/preference.ts";

function wrong(message: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", message, { reason: "BAD_OPTION", executed: "no" });
}

/** How many servers of one service a client calls. @throws GeeError INVALID_ARGUMENT */
export function checkSubset(size: number = limits.subsetSize): number {
  if (Number.isInteger(size) && size >= 0) return size;
  throw wrong(`subsetSize is ${size}, and must be a whole number, or 0 for all`);
}

/** Servers on trial, and their part of the calls. @throws GeeError INVALID_ARGUMENT */
export function checkCanary(canary: Canary | undefined): Canary | undefined {
  if (canary === undefined) return undefined;
  const { share, tags } = canary;
  if (!(share >= 0 && share <= 1)) {
    throw wrong(`canary.share is ${share}, and must be from 0 to 1: 0.05 is one call in twenty`);
  }
  if (Object.keys(tags).length > 0) return canary;
  throw wrong("canary.tags are none, and would be those of every server");
}
