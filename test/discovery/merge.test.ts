import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import { type Member, memberAt } from "../../src/discovery/member.ts";
import { keptMembers, mergeMembers, type Word } from "../../src/discovery/merge.ts";
import { member } from "../support/scripted-registry.ts";

const noon = 1_000_000;

/** A list as it was said at noon. */
function words(members: readonly Member[]): readonly Word[] {
  return members.map((known) => ({ member: known, heardAt: noon - known.beatMs }));
}

/** In both orders: what is merged must not depend on who answered first. */
function merged(
  one: readonly Member[],
  other: readonly Member[],
  before?: ReadonlyMap<string, number>,
): readonly Member[] {
  const result = mergeMembers([words(one), words(other)], before);
  expect(mergeMembers([words(other), words(one)], before)).toEqual(result);
  return result.members;
}

test("lists become one, each instance once, sorted by address", () => {
  const ids = merged([member("c"), member("a")], [member("b"), member("a")]).map(({ id }) => id);
  expect(ids).toEqual(["a", "b", "c"].map((digit) => member(digit).id));
});

test("the highest revision holds", () => {
  const newer = member("a", { revision: 2, weight: 5 });
  expect(merged([member("a")], [newer])).toEqual([newer]);
  const late = member("a", { revision: 2, state: "suspect" });
  expect(merged([member("a")], [late])).toEqual([late]);
});

test("that an instance left outweighs its own revision, and not a newer one", () => {
  const left = member("a", { state: "left", revision: 2 });
  expect(merged([member("a", { revision: 2 })], [left])).toEqual([left]);
  expect(merged([member("a", { revision: 2, state: "suspect" })], [left])).toEqual([left]);
  const back = member("a", { revision: 3 });
  expect(merged([back], [left])).toEqual([back]);
});

test("an instance that one registry hears is up, whatever another one misses", () => {
  const late = member("a", { state: "suspect", beatMs: 10 });
  const up = member("a", { beatMs: 5_000 });
  expect(merged([up], [late])).toEqual([up]);
});

test("of two instances at one address the one that is up is there, else the one heard of last", () => {
  const address = parseAddress("tcp@same:1");
  const dead = member("a", { address, beatMs: 5_000 });
  const alive = member("b", { address, beatMs: 10 });
  expect(merged([dead], [alive])).toEqual([alive]);
  const late = member("b", { address, beatMs: 10, state: "suspect" });
  expect(merged([dead], [late])).toEqual([dead]);
});

test("a word is as old as the time since it was said", () => {
  const address = parseAddress("tcp@same:1");
  const dead = { member: member("a", { address, beatMs: 10 }), heardAt: noon - 60_010 };
  const alive = { member: member("b", { address, beatMs: 3_000 }), heardAt: noon - 3_000 };
  for (const lists of [[[dead], [alive]], [[alive], [dead]], [[alive, dead]]]) {
    expect(mergeMembers(lists).members).toEqual([alive.member]);
  }
});

test("an address alone counts only where no instance is known, up or left", () => {
  const plain = memberAt(parseAddress("tcp@old:1"));
  const up = member("a");
  const left = member("b", { state: "left" });
  const doubles = [memberAt(up.address), memberAt(left.address), plain];
  expect(merged([up, left], doubles)).toEqual([up, left, plain]);
});

test("a withdrawal that one registry has forgotten outlives what another has not heard", () => {
  const left = member("a", { state: "left", revision: 4 });
  const stale = member("a", { revision: 3 });
  const first = mergeMembers([words([left]), words([stale])]);
  expect(first.members).toEqual([left]);
  // The lease of the withdrawal is over.
  const second = mergeMembers([[], words([stale])], first.left);
  expect(second.members).toEqual([]);
  expect(merged([], [member("a", { revision: 4 })], second.left)).toEqual([]);
  const back = member("a", { revision: 5 });
  expect(merged([back], [stale], second.left)).toEqual([back]);
  // Nobody names it any more: nothing is remembered.
  expect(mergeMembers([[], []], second.left).left.size).toBe(0);
});

test("a good list is kept while answers are empty, for the lease of each member's class", () => {
  const plain = memberAt(parseAddress("tcp@old:1"));
  const good = [member("a"), plain];
  expect(keptMembers(good, [], 0, 9_000)).toEqual(good);
  expect(keptMembers(good, [], 8_999, 9_000)).toEqual(good);
  expect(keptMembers(good, [], 9_000, 9_000)).toEqual([plain]);
  expect(keptMembers(good, [], limits.oldLeaseMs, 9_000)).toEqual([]);
});

test("what left by its own word is not kept", () => {
  const good = [member("a"), member("b"), memberAt(parseAddress("tcp@host-c:1"))];
  const answer = [member("a", { state: "left" }), member("c", { state: "left" })];
  expect(keptMembers(good, answer, 0, 9_000)).toEqual([member("b")]);
});
