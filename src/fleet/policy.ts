import type { EndpointView } from "./endpoint.ts";

/** What a policy is told of the call that it picks a member for. */
export interface Pick {
  /** Monotonic, in ms: the clock that the members' times are of. */
  readonly now: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Rises by one each pick, from a random start. */
  readonly turn: number;
  /** Calls of one key go to the same member as long as it is there. Only the policy `hash` heeds it. */
  readonly hashKey: string | undefined;
}

/**
 * How a member is chosen for a call: the index of the one to take; -1 only for an empty list. A policy
 * changes nothing of what it is given, keeps nothing of a call and never throws, whatever the numbers.
 * It may remember things of a list by its identity, so a list must not change once it was picked from.
 */
export type Policy = (endpoints: readonly EndpointView[], pick: Pick) => number;
