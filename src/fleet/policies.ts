import { leastInFlight } from "./least-in-flight.ts";
import { p2c } from "./p2c.ts";
import type { PolicyName } from "../base/policy-name.ts";
import type { Policy } from "./policy.ts";
import { random } from "./random.ts";
import { rendezvous } from "./rendezvous.ts";
import { roundRobin } from "./round-robin.ts";
import { weightedRandom } from "./weighted-random.ts";

/** The policies by name, see {@link PolicyName}. */
export const policies: Readonly<Record<PolicyName, Policy>> = {
  p2c,
  "least-in-flight": leastInFlight,
  "weighted-random": weightedRandom,
  random,
  "round-robin": roundRobin,
  hash: rendezvous,
};
