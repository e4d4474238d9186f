import { GeeError } from "../base/errors.ts";
import type { Fleets } from "./fleets.ts";
import type { RoutedCall } from "./routed-call.ts";

/** What is said of a call that has nobody left to try. */
export function verdictOf(call: RoutedCall, fleets: Fleets): GeeError {
  const { fleet, request } = call;
  const { failure, failed } = call.memory;
  const error = failure ?? fleet?.strangeness();
  // That guesses failed is beside the point: nobody lists the service.
  if (error === undefined || fleet === undefined || fleets.isGuess(fleet)) {
    return fleets.nobody(request);
  }
  if (failed < 2 || error.code !== "UNAVAILABLE") return error;
  return new GeeError(
    "UNAVAILABLE",
    `none of ${failed} servers of ${request.service} takes the call; the first: ${error.message}`,
    { reason: error.reason, executed: "no", hint: error.hint, cause: error },
  );
}
