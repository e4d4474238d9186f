/**
 * Every way in which a server is chosen for a call; the default comes first.
 *
 * - `p2c`: the better of two by what calls took there and how many are under way (the default).
 * - `least-in-flight`: who has the fewest calls of this client under way; for streams.
 * - `weighted-random`: any, by weight.
 * - `random`: any, each as likely.
 * - `round-robin`: one after the other, by weight.
 * - `hash`: the same one for the same key; calls without a key go by `p2c`.
 */
export const policyNames = [
  "p2c",
  "least-in-flight",
  "weighted-random",
  "random",
  "round-robin",
  "hash",
] as const;

/** The name of a policy, see {@link policyNames}. */
export type PolicyName = (typeof policyNames)[number];

/** Whether a value is the name of a policy. */
export function isPolicyName(value: unknown): value is PolicyName {
  return policyNames.some((name) => name === value);
}
