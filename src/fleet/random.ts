import { drawIndex } from "./draw.ts";
import type { Policy } from "./policy.ts";

/**
 * Any member, each as likely, whatever its weight and age; those of weight 0 only when there are no
 * others. Heeds neither load nor failures.
 */
export const random: Policy = (endpoints, pick) => {
  const count = endpoints.length;
  if (count < 2) return count - 1;
  const index = drawIndex(count, pick.random);
  if (weighs(endpoints[index])) return index;
  // Drawn again among the others, so that who stands behind them in the list gets no more than others.
  let others = 0;
  for (const endpoint of endpoints) if (weighs(endpoint)) others++;
  if (others === 0) return index;
  let left = drawIndex(others, pick.random);
  for (let place = 0; ; place++) {
    if (weighs(endpoints[place]) && left-- === 0) return place;
  }
};

function weighs(endpoint: { readonly weight: number } | undefined): boolean {
  return endpoint !== undefined && endpoint.weight > 0;
}
