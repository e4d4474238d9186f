// How long the choice of a server takes, among 64 that differ in what is known of them.

import { policyNames } from "../../../src/base/policy-name.ts";
import type { PolicyName } from "../../../src/base/policy-name.ts";
import { Endpoint } from "../../../src/fleet/endpoint.ts";
import { policies } from "../../../src/fleet/policies.ts";
import type { Trial } from "../trial.ts";

const members = 64;
const picks = 200_000;
const batches = 9;

/** Nanoseconds of a pick, by policy. */
export type PickResult = Readonly<Record<PolicyName, number>>;

function fleet(now: number): readonly Endpoint[] {
  return Array.from({ length: members }, (_, index) => {
    const endpoint = new Endpoint({ key: `tcp@10.0.0.${index}:4000`, weight: 1 });
    endpoint.begin(now);
    endpoint.end(now, 1 + Math.random(), "ok", 0);
    endpoint.inFlight = index % 4;
    return endpoint;
  });
}

function nanosecondsOf(name: PolicyName): number {
  const policy = policies[name];
  const startedAt = performance.now();
  const endpoints = fleet(startedAt);
  const pick = { now: startedAt, random: Math.random, turn: 0, hashKey: "ada" };
  const times: number[] = [];
  let sum = 0;
  for (let batch = 0; batch < batches; batch++) {
    const from = Bun.nanoseconds();
    for (let count = 0; count < picks; count++) {
      pick.now += 0.01;
      pick.turn++;
      sum += policy(endpoints, pick);
    }
    times.push((Bun.nanoseconds() - from) / picks);
  }
  if (!(sum > 0 && sum < batches * picks * members)) throw new Error("wrong result");
  // The first are those of code that is not compiled yet.
  return Math.min(...times.slice(2));
}

export const trial: Trial = {
  // Nobody is called.
  serve: () => Promise.resolve(0),
  open: () => Promise.resolve(() => Promise.resolve(Object.fromEntries(policyNames.map(timed)))),
};

function timed(name: PolicyName): readonly [PolicyName, number] {
  return [name, nanosecondsOf(name)];
}
