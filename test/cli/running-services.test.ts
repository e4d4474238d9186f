import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { groupsOf } from "../../src/cli/running-services.ts";
import type { Member } from "../../src/index.ts";

function member(port: number, hash: string | undefined, own: Partial<Member> = {}): Member {
  return {
    address: parseAddress(`tcp@127.0.0.1:${port}`),
    services: ["Foo"],
    weight: 1,
    draining: false,
    revision: 1,
    state: "up",
    ageMs: 0,
    beatMs: 0,
    ...(hash === undefined ? {} : { contracts: { Foo: hash } }),
    ...own,
  };
}

/** The ports of each group. */
function ports(members: readonly Member[]): readonly (readonly number[])[] {
  return groupsOf(members, "Foo").map((group) =>
    group.map(({ address }) => Number(address.split(":").at(-1))),
  );
}

test("the contract comes first that most instances have", () => {
  const all = [member(1, "aa"), member(2, "bb"), member(3, "bb"), member(4, undefined)];
  expect(ports(all)).toEqual([[2, 3], [1], [4]]);
  expect(ports([])).toEqual([]);
});

test("of as many, the newest", () => {
  const all = [
    member(1, "aa", { ageMs: 9 }),
    member(2, "bb", { ageMs: 5 }),
    member(3, "cc", { ageMs: 7 }),
  ];
  expect(ports(all)).toEqual([[2], [3], [1]]);
});

test("those that take no new calls count only when nobody else does", () => {
  const all = [
    member(1, "aa", { draining: true }),
    member(2, "aa", { state: "suspect" }),
    member(3, "bb"),
  ];
  expect(ports(all)).toEqual([[3], [1, 2]]);
});
