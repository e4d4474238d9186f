import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import type { Member } from "../../src/discovery/member.ts";
import {
  parseHeaderList,
  parseList,
  type RegistryList,
} from "../../src/discovery/registry-answer.ts";
import { type Asked, Replica } from "../../src/discovery/replica.ts";
import { FakeClock } from "../support/clock.ts";
import { member, ScriptedRegistry } from "../support/scripted-registry.ts";
import { RandomValues, runSeed, seededRandom } from "../wire/random-values.ts";

/** An answer as it comes off the wire. */
function answerOf(registry: ScriptedRegistry, asked: Asked): RegistryList {
  return parseList(JSON.parse(JSON.stringify(registry.answer(asked.after))));
}

/** One request and its answer, at noon. Returns whether it was news. */
function exchange(replica: Replica, registry: ScriptedRegistry): boolean {
  const asked = replica.ask();
  return replica.take(answerOf(registry, asked), asked, 1_000);
}

function listed(replica: Replica): readonly Member[] {
  return [...replica.words()]
    .map((word) => word.member)
    .sort((a, b) => ((a.id ?? a.address) < (b.id ?? b.address) ? -1 : 1));
}

function digits(replica: Replica): string {
  return listed(replica)
    .map(({ id, address }) => id?.[0] ?? address)
    .join("");
}

/** A registry with these members, and a replica that has its list. */
function pair(...names: readonly string[]) {
  const registry = new ScriptedRegistry(new FakeClock());
  registry.put(...names.map((name) => member(name)));
  const replica = new Replica();
  exchange(replica, registry);
  return { registry, replica };
}

test("the first request asks for all, the next one for what has changed", () => {
  const registry = new ScriptedRegistry(new FakeClock());
  registry.put(member("a"));
  const replica = new Replica();
  expect(replica.ask().after).toBeUndefined();
  expect([replica.whole, replica.watchable]).toEqual([false, false]);
  expect(exchange(replica, registry)).toBe(true);
  expect([replica.whole, replica.watchable, digits(replica)]).toEqual([true, true, "a"]);
  expect(replica.ask().after).toBe("epoch1-1");
});

test("a delta adds, changes and takes away", () => {
  const { registry, replica } = pair("a", "b", "c");
  registry.put(member("d"), member("b", { weight: 7 }), member("c", { state: "left" }));
  registry.remove("a");
  expect(exchange(replica, registry)).toBe(true);
  expect(listed(replica)).toMatchObject([{ weight: 7 }, { state: "left" }, { weight: 1 }]);
  expect([digits(replica), replica.whole, replica.ask().after]).toEqual(["bcd", true, "epoch1-7"]);
});

test("an empty delta is no news; that a registry is warming or frozen is", () => {
  const { registry, replica } = pair("a");
  expect(exchange(replica, registry)).toBe(false);
  registry.frozen = true;
  expect([exchange(replica, registry), replica.frozen]).toEqual([true, true]);
  expect(exchange(replica, registry)).toBe(false);
  registry.warming = true;
  expect([exchange(replica, registry), replica.warming]).toEqual([true, true]);
});

test("a word is as old as the beat that it tells of", () => {
  const registry = new ScriptedRegistry(new FakeClock());
  registry.put(member("a", { beatMs: 300 }));
  const replica = new Replica();
  exchange(replica, registry);
  expect([...replica.words()]).toMatchObject([{ heardAt: 700 }]);
});

test("a repeated answer changes nothing", () => {
  const { registry, replica } = pair("a");
  const asked = replica.ask();
  registry.put(member("b"));
  const delta = answerOf(registry, asked);
  replica.take(delta, asked, 1_000);
  registry.remove("b");
  exchange(replica, registry);
  expect(replica.take(delta, asked, 1_000)).toBe(false);
  expect([digits(replica), replica.whole]).toEqual(["a", true]);
});

test("a whole list that was overtaken does not bring back what is gone", () => {
  const { registry, replica } = pair("a", "b");
  const asked = { ...replica.ask(), after: undefined };
  const old = answerOf(registry, asked);
  registry.remove("b");
  exchange(replica, registry);
  expect(replica.take(old, asked, 1_000)).toBe(false);
  expect(digits(replica)).toBe("a");
});

test("deltas of two requests at once come in either order", () => {
  for (const first of [0, 1]) {
    const { registry, replica } = pair("a");
    const asked = replica.ask();
    registry.put(member("b"));
    const early = answerOf(registry, asked);
    registry.put(member("c"));
    const late = answerOf(registry, asked);
    for (const answer of first === 0 ? [early, late] : [late, early]) {
      replica.take(answer, asked, 1_000);
    }
    expect([digits(replica), replica.whole]).toEqual(["abc", true]);
  }
});

/** What makes the list of a replica untrustworthy, as one change to the delta that adds "b". */
const misfits: readonly (readonly [string, (delta: RegistryList) => RegistryList])[] = [
  ["another hash", (delta) => ({ ...delta, hash: "0".repeat(16) })],
  ["no hash", (delta) => ({ ...delta, hash: undefined })],
  ["another hash and no change", (delta) => ({ ...delta, members: [], hash: "0".repeat(16) })],
  ["another epoch", (delta) => ({ ...delta, epoch: "other" })],
  ["an index that went back", (delta) => ({ ...delta, index: 0 })],
  ["members that make no sense", (delta) => ({ ...delta, skipped: ["x"] })],
];

test.each(misfits)("a delta with %s has the whole list read anew", (_name, change) => {
  const { registry, replica } = pair("a");
  const asked = replica.ask();
  registry.put(member("b"));
  replica.take(change(answerOf(registry, asked)), asked, 1_000);
  expect([replica.whole, replica.ask().after]).toEqual([false, undefined]);
  exchange(replica, registry);
  expect([digits(replica), replica.whole]).toEqual(["ab", true]);
});

test("a delta that nobody asked for has the whole list read anew", () => {
  const { registry, replica } = pair("a");
  const asked = replica.ask();
  registry.put(member("b"));
  replica.take(answerOf(registry, asked), { ...asked, after: undefined }, 1_000);
  expect(replica.whole).toBe(false);
});

test("a delta that begins behind what is here is not taken", () => {
  const { registry, replica } = pair("a", "b", "c");
  const asked = replica.ask();
  registry.put(member("d"));
  const delta = answerOf(registry, asked);
  // It was put back to an earlier state.
  registry.remove("b", "c", "d");
  registry.index = 1;
  registry.forgetChanges();
  exchange(replica, registry);
  expect(digits(replica)).toBe("a");
  replica.take(delta, asked, 1_000);
  expect([digits(replica), replica.whole]).toEqual(["a", false]);
});

test("a registry whose list never agrees with its hash is not read anew with each change", () => {
  const registry = new ScriptedRegistry(new FakeClock());
  registry.put(member("a"));
  registry.lies = true;
  const replica = new Replica();
  exchange(replica, registry);
  for (const name of ["b", "c"]) {
    registry.put(member(name));
    exchange(replica, registry);
    expect(replica.whole).toBe(true);
  }
  expect(digits(replica)).toBe("abc");
});

test("nor is one that lists members which make no sense here", () => {
  const registry = new ScriptedRegistry(new FakeClock());
  registry.put(member("a"));
  const replica = new Replica();
  const asked = replica.ask();
  const { instances: _all, ...rest } = registry.answer(undefined);
  const later = { ...member("b"), state: "resting" };
  replica.take(parseList({ ...rest, instances: [member("a"), later] }), asked, 1_000);
  registry.put(member("c"));
  exchange(replica, registry);
  expect([digits(replica), replica.whole]).toEqual(["ac", true]);
});

test("what a registry listed before it restarted stays until it has warmed up", () => {
  const { registry, replica } = pair("a", "b", "c", "d");
  registry.warming = true;
  registry.restart([member("b", { revision: 2 })]);
  exchange(replica, registry);
  expect([digits(replica), replica.warming]).toEqual(["abcd", true]);
  expect(listed(replica)[1]?.revision).toBe(2);
  // Whoever comes back and leaves is gone for good.
  registry.put(member("c"));
  exchange(replica, registry);
  registry.remove("c");
  registry.put(member("d", { state: "left" }));
  exchange(replica, registry);
  expect(listed(replica)).toMatchObject([{ state: "up" }, { state: "up" }, { state: "left" }]);
  registry.warming = false;
  expect(exchange(replica, registry)).toBe(true);
  expect([digits(replica), replica.whole]).toEqual(["bd", true]);
});

test("two restarts in a row lose nobody", () => {
  const { registry, replica } = pair("a", "b");
  registry.warming = true;
  registry.restart([member("b")]);
  exchange(replica, registry);
  registry.restart([member("c")]);
  exchange(replica, registry);
  expect(digits(replica)).toBe("abc");
});

test("who had left before a restart does not come back with it", () => {
  const { registry, replica } = pair("a");
  registry.put(member("b", { state: "left" }));
  exchange(replica, registry);
  registry.warming = true;
  registry.restart();
  exchange(replica, registry);
  expect(digits(replica)).toBe("a");
});

test("a restart that is not said to be one replaces the list", () => {
  const { registry, replica } = pair("a", "b");
  registry.restart([member("c")]);
  exchange(replica, registry);
  expect(digits(replica)).toBe("c");
});

test("an old registry's list replaces the one before, and cannot be watched", () => {
  const { replica } = pair("a");
  for (const header of ["tcp@x:1,tcp@y:1", "tcp@x:1"]) {
    expect(replica.take(parseHeaderList(header), replica.ask(), 1_000)).toBe(true);
  }
  expect([digits(replica), replica.watchable]).toEqual(["tcp@x:1", false]);
  expect(replica.ask().after).toBeUndefined();
});

test("a list that grows without end is read anew, and cut", () => {
  const { registry, replica } = pair("a");
  const asked = replica.ask();
  const { instances: _all, ...rest } = registry.answer("epoch1-1");
  const many = Array.from({ length: limits.maxInstances }, (_, n) => ({ address: `tcp@h${n}:1` }));
  replica.take(parseList({ ...rest, instances: many, gone: [] }), asked, 1_000);
  expect(replica.whole).toBe(false);
});

// Whatever the network and the registry do.

const states = ["up", "up", "suspect", "left"] as const;

/** Random answers to random requests, some lost, repeated, late, or wrong. */
function ordeal(seed: number): { replica: Replica; registry: ScriptedRegistry } {
  const random = new RandomValues(seededRandom(seed));
  const registry = new ScriptedRegistry(new FakeClock());
  const replica = new Replica();
  const some = (): Member =>
    member(random.below(16).toString(16), {
      state: states[random.below(4)] ?? "up",
      weight: random.below(3),
    });
  const onTheWay: { asked: Asked; answer: RegistryList }[] = [];
  const acts: readonly (() => void)[] = [
    () => registry.put(some()),
    () => registry.remove(random.below(16).toString(16)),
    () => {
      registry.warming = random.below(2) === 0;
      registry.restart(Array.from({ length: random.below(6) }, some));
    },
    () => registry.forgetChanges(),
    () => {
      // As one that was put back to an earlier state.
      registry.index = Math.max(0, registry.index - random.below(4));
      registry.forgetChanges();
    },
    () => {
      registry.warming = random.below(2) === 0;
    },
    () => {
      const asked = replica.ask();
      const answer = answerOf(registry, asked);
      // A registry that forgets to say a thing.
      const members = random.below(8) === 0 ? answer.members.slice(1) : answer.members;
      onTheWay.push({ asked, answer: answer.delta ? { ...answer, members } : answer });
    },
    () => {
      const index = random.below(onTheWay.length);
      const next = onTheWay[index];
      if (next === undefined) return;
      if (random.below(4) > 0) replica.take(next.answer, next.asked, 1_000);
      if (random.below(4) > 0) onTheWay.splice(index, 1);
    },
  ];
  // Asking and answering, and what is listed, more often than the rest.
  const often = [0, 0, 0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 7, 7, 7, 7];
  for (let step = 0; step < 80; step++) acts[often[random.below(often.length)] ?? 0]?.();
  return { replica, registry };
}

const first = runSeed();

test(`whatever answers come, three more end with the registry's list (GEE_SEED=${first})`, () => {
  const wrong: number[] = [];
  for (let seed = first; seed < first + 150; seed++) {
    const { replica, registry } = ordeal(seed);
    registry.warming = false;
    for (let request = 0; request < 3; request++) exchange(replica, registry);
    const known = [...registry.members].sort((a, b) => ((a.id ?? "") < (b.id ?? "") ? -1 : 1));
    const got = JSON.stringify(listed(replica).map(essence));
    if (got !== JSON.stringify(known.map(essence)) || !replica.whole) wrong.push(seed);
  }
  expect(wrong).toEqual([]);
});

function essence({ id, state, weight }: Member): unknown {
  return [id, state, weight];
}
