import { Endpoint } from "../../src/fleet/endpoint.ts";
import type { Outcome } from "../../src/fleet/endpoint.ts";
import type { Policy } from "../../src/fleet/policy.ts";
import { seededRandom } from "../wire/random-values.ts";

/** How one member answers an attempt. */
export interface Answer {
  readonly ms: number;
  readonly outcome?: Outcome;
}

/** A member of a simulated fleet. */
export interface Simulated {
  readonly weight?: number;
  /** When it joins; from the first moment on, and warm, when not said. */
  readonly joinsAt?: number;
  readonly answer: (random: () => number, now: number, inFlight: number) => Answer;
}

/** One attempt of {@link runLoad}. */
export interface Attempt {
  readonly at: number;
  readonly member: number;
  readonly ms: number;
  readonly outcome: Outcome;
}

interface Running extends Attempt {
  readonly endsAt: number;
  readonly endpoint: Endpoint;
}

/** A member that takes about so long: half of it to one and a half. */
export function takes(ms: number): Simulated["answer"] {
  return (random: () => number) => ({ ms: ms * (0.5 + random()) });
}

/** Calls at random moments, so many a second, through one policy; time is virtual and starts at 0. */
export function runLoad(options: {
  readonly policy: Policy;
  readonly members: readonly Simulated[];
  readonly callsPerSecond: number;
  readonly seconds: number;
  readonly seed: number;
  /** What each attempt has left. */
  readonly timeoutMs?: number;
}): readonly Attempt[] {
  const { policy, members, timeoutMs = 10_000 } = options;
  const random = seededRandom(options.seed);
  const endpoints = members.map(
    ({ weight = 1, joinsAt = Number.NEGATIVE_INFINITY }, index) =>
      new Endpoint({ key: `member ${index}`, weight }, joinsAt),
  );
  const joins = members.map(({ joinsAt = 0 }) => joinsAt);
  let list: readonly Endpoint[] = [];
  let turn = 0;
  const attempts: Attempt[] = [];
  // In the order of their ends.
  const running: Running[] = [];
  for (let at = 0; ;) {
    at += (-Math.log(1 - random()) * 1_000) / options.callsPerSecond;
    if (at > options.seconds * 1_000) return attempts;
    for (let next = running[0]; next !== undefined && next.endsAt <= at; next = running[0]) {
      running.shift();
      next.endpoint.end(next.endsAt, next.ms, next.outcome, timeoutMs);
    }
    const here = endpoints.filter((_, index) => (joins[index] ?? 0) <= at);
    if (here.length !== list.length) list = here;
    const endpoint = list[policy(list, { now: at, random, turn: turn++, hashKey: undefined })];
    if (endpoint === undefined) throw new Error("no member was picked");
    const member = endpoints.indexOf(endpoint);
    const answer = members[member]?.answer(random, at, endpoint.inFlight) ?? { ms: 0 };
    endpoint.begin(at);
    const { ms, outcome = "ok" } = answer;
    const endsAt = at + ms;
    const place = running.findLastIndex((other) => other.endsAt <= endsAt) + 1;
    running.splice(place, 0, { at, member, ms, outcome, endsAt, endpoint });
    attempts.push({ at, member, ms, outcome });
  }
}

/** The part of the attempts that each member got, from one moment (ms) on up to another. */
export function shares(
  attempts: readonly Attempt[],
  members: number,
  from: number = 0,
  until: number = Number.POSITIVE_INFINITY,
): readonly number[] {
  const counts = Array.from({ length: members }, () => 0);
  let total = 0;
  for (const { at, member } of attempts) {
    if (at < from || at >= until) continue;
    counts[member] = (counts[member] ?? 0) + 1;
    total++;
  }
  return counts.map((count) => count / total);
}
