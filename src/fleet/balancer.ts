/**
 * Where among `count` candidates a call begins; it goes on from there, in order, when a candidate
 * cannot be reached. Knows nothing of members: what is load, and what is healthy, comes later.
 */
export type Policy = (count: number) => number;

/** The policies by name. */
export type PolicyName = "random" | "round-robin";

/** Every policy's name, for messages. */
export const policyNames: readonly PolicyName[] = ["random", "round-robin"];

/** Any candidate, each as likely. */
export function createRandomPolicy(random: () => number = Math.random): Policy {
  return (count) => Math.floor(random() * count);
}

/**
 * One after the other, from a random start, so that many clients that start together do not all
 * begin with the same server.
 */
export function createRoundRobinPolicy(random: () => number = Math.random): Policy {
  let turn = Math.floor(random() * 2 ** 30);
  return (count) => turn++ % count;
}

/** A policy by its name. */
export function createPolicy(name: PolicyName, random: () => number = Math.random): Policy {
  return name === "random" ? createRandomPolicy(random) : createRoundRobinPolicy(random);
}
