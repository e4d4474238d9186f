import type { Claim } from "./claim.ts";
import { failing, fresh, slow, tail } from "./claims/balance.ts";
import { faults } from "./claims/faults.ts";
import { hedging } from "./claims/hedging.ts";
import { hash } from "./claims/keys.ts";
import { half, hops } from "./claims/retries.ts";
import { reconnect } from "./claims/storm.ts";

/** All that is claimed, in the order in which it is told. */
export const claims: readonly Claim[] = [
  slow,
  failing,
  fresh,
  half,
  hops,
  tail,
  hash,
  reconnect,
  hedging,
  faults,
];
