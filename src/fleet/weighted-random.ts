import { drawByWeight } from "./draw.ts";
import type { Policy } from "./policy.ts";

/**
 * Any member, each as likely as its weight is large (in its first 30 s less); those of weight 0 only
 * when there are no others. Heeds neither load nor failures.
 */
export const weightedRandom: Policy = (endpoints, { now, random }) =>
  endpoints.length < 2 ? endpoints.length - 1 : drawByWeight(endpoints, now, random);
