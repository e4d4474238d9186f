import { drawByWeight, drawIndex, weightNow } from "./draw.ts";
import { faded } from "./endpoint.ts";
import type { EndpointView } from "./endpoint.ts";
import type { Pick, Policy } from "./policy.ts";

/** Who failed more than so many of its latest attempts is passed over ... */
const leastSuccess = 0.5;
/** ... by drawing again, up to so many times (both from go-zero's p2c). */
const maxRedraws = 3;
/** What is known of who was not picked for so long is out of date (go-zero's forced pick) ... */
const staleMs = 1_000;
/**
 * ... and it is picked once in so many times that it loses. go-zero picks it at once; a client with few
 * calls would give a slow member one call a second, however few it has for all of them.
 */
const staleShare = 1 / 64;
/** No estimate is below this, in ms (brpc): it keeps the order of those that have all but faded. */
const leastLatencyMs = 0.001;

/**
 * The better of two (power of two choices, Mitzenmacher 1996): who has the lower product of what calls
 * take there (peak EWMA, tau 10 s, which fades while it is not measured; Finagle and brpc) and how many
 * are under way. As long as one of the two has answered nothing yet, only what is under way counts:
 * else the newcomer would get everything until its first answer.
 *
 * Weights are shares as long as members do alike: the first of the two is drawn by weight, the second
 * evenly, and a lighter one is taken over a heavier one in the proportion of their weights, unless it is
 * better by more than that. What is under way counts beside the weight. In its first 30 s a member's
 * weight rises from a tenth, see {@link weightNow}. Those of weight 0 only when there are no others.
 */
export const p2c: Policy = (endpoints, pick) => {
  const count = endpoints.length;
  if (count < 2) return count - 1;
  const { now, random } = pick;
  for (let redraws = 0; ; redraws++) {
    const firstIndex = drawByWeight(endpoints, now, random);
    const place = drawIndex(count - 1, random);
    const secondIndex = place < firstIndex ? place : place + 1;
    const first = endpoints[firstIndex];
    const second = endpoints[secondIndex];
    if (first === undefined || second === undefined) return 0;
    if (redraws < maxRedraws && count > 2 && (isSick(first, now) || isSick(second, now))) continue;
    return isBetter(second, first, pick) ? secondIndex : firstIndex;
  }
};

/** What was known of its failures fades too, so that nobody is passed over for ever. */
function isSick({ successRate, ratedAt }: EndpointView, now: number): boolean {
  return successRate < leastSuccess && (1 - successRate) * faded(now - ratedAt) > 1 - leastSuccess;
}

function isBetter(second: EndpointView, first: EndpointView, pick: Pick): boolean {
  const { now, random } = pick;
  const firstWeight = weightNow(first, now);
  const secondWeight = weightNow(second, now);
  let firstCost = first.inFlight;
  let secondCost = second.inFlight;
  let ratio = 1;
  if (firstWeight !== secondWeight) {
    // The first was drawn by weight, so it has none only when nobody has.
    if (secondWeight === 0) return false;
    const mean = (firstWeight + secondWeight) / 2;
    firstCost *= mean / firstWeight;
    secondCost *= mean / secondWeight;
    ratio = secondWeight / firstWeight;
  }
  firstCost += 1;
  secondCost += 1;
  if (first.latencyMs > 0 && second.latencyMs > 0) {
    firstCost *= latencyNow(first, now);
    secondCost *= latencyNow(second, now);
  }
  if (ratio < 1 && !(secondCost < firstCost * ratio) && random() >= ratio) return false;
  const better = secondCost < firstCost;
  return isDue(better ? first : second, now) && random() < staleShare ? !better : better;
}

/** Whether the loser of a comparison is to be looked at again, and nobody does already. */
function isDue(loser: EndpointView, now: number): boolean {
  return loser.inFlight === 0 && Math.abs(now - loser.pickedAt) > staleMs && !isSick(loser, now);
}

function latencyNow({ latencyMs, measuredAt }: EndpointView, now: number): number {
  return Math.max(latencyMs * faded(now - measuredAt), leastLatencyMs);
}
