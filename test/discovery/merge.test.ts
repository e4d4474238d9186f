import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import { type Member, memberAt } from "../../src/discovery/member.ts";
import { keptMembers, mergeMembers } from "../../src/discovery/merge.ts";
import { idOf } from "../support/registry.ts";

function member(digit: string, changes: Partial<Member> = {}): Member {
  const address = parseAddress(`tcp@host-${digit}:1`);
  return { ...memberAt(address), id: idOf(digit), services: ["Foo"], revision: 1, ...changes };
}

/** In both orders: what is merged must not depend on who answered first. */
function merged(one: readonly Member[], other: readonly Member[]): readonly Member[] {
  const result = mergeMembers([one, other]);
  expect(mergeMembers([other, one])).toEqual(result);
  return result;
}

test("lists become one, each instance once, sorted by address", () => {
  const ids = merged([member("c"), member("a")], [member("b"), member("a")]).map(({ id }) => id);
  expect(ids).toEqual([idOf("a"), idOf("b"), idOf("c")]);
});

test("the highest revision holds", () => {
  const newer = member("a", { revision: 2, weight: 5 });
  expect(merged([member("a")], [newer])).toEqual([newer]);
});

test("that an instance left outweighs its own revision, and not a newer one", () => {
  const left = member("a", { state: "left", revision: 2 });
  expect(merged([member("a", { revision: 2 })], [left])).toEqual([left]);
  const back = member("a", { revision: 3 });
  expect(merged([back], [left])).toEqual([back]);
});

test("of two instances at one address the one heard of last is there", () => {
  const address = parseAddress("tcp@same:1");
  const dead = member("a", { address, beatMs: 5_000 });
  const alive = member("b", { address, beatMs: 10 });
  expect(merged([dead], [alive])).toEqual([alive]);
});

test("an address alone counts only where no instance is known, up or left", () => {
  const plain = memberAt(parseAddress("tcp@old:1"));
  const up = member("a");
  const left = member("b", { state: "left" });
  const doubles = [memberAt(up.address), memberAt(left.address), plain];
  expect(merged([up, left], doubles)).toEqual([up, left, plain]);
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
