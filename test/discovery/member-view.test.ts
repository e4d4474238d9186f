import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import { type Member, memberAt } from "../../src/discovery/member.ts";
import { MemberView, type Source } from "../../src/discovery/member-view.ts";
import { member } from "../support/scripted-registry.ts";

const leaseMs = 9_000;

/** A registry whose every word is set by hand. */
class FakeSource implements Source {
  members: readonly Member[];
  warming = false;
  answers = true;
  silentSince: number | undefined;

  constructor(...names: readonly string[]) {
    this.members = names.map((name) => member(name));
  }

  get replica(): Source["replica"] {
    const { members, warming } = this;
    return {
      leaseMs,
      warming,
      *words() {
        for (const known of members) yield { member: known, heardAt: -known.beatMs };
      },
    };
  }

  fall(now: number): void {
    this.answers = false;
    this.silentSince = now;
  }

  rise(): void {
    this.answers = true;
    this.silentSince = undefined;
  }
}

/** Digits of a list, the suspects in brackets. */
function shown(view: MemberView): string | undefined {
  return view.list
    ?.map(({ id, address, state }) => {
      const name = id?.[0] ?? address;
      return state === "up" ? name : `(${name})`;
    })
    .join("");
}

test("there is no list before somebody has answered", () => {
  const one = new FakeSource();
  one.answers = false;
  const view = new MemberView([one]);
  expect([view.list, view.settle(0), view.list, view.genuine]).toEqual([
    undefined,
    undefined,
    undefined,
    false,
  ]);
  one.rise();
  view.settle(0);
  expect([shown(view), view.genuine]).toEqual(["", true]);
});

test("the suspects stand last, and nobody stands there who left", () => {
  const one = new FakeSource("c", "d");
  one.members = [...one.members, member("a", { state: "suspect" }), member("b", { state: "left" })];
  const view = new MemberView([one]);
  expect([view.settle(0), shown(view)]).toEqual([undefined, "cd(a)"]);
});

test("registries that disagree: nobody is lost who is seen by one of them (F26)", () => {
  const [one, two] = [new FakeSource("a", "b", "c"), new FakeSource("b")];
  const view = new MemberView([one, two]);
  let now = 0;
  const look = (): string | undefined => {
    view.settle(now);
    return shown(view);
  };
  expect(look()).toBe("abc");
  // The client reaches one, the other, both, in turn.
  for (const silent of [one, two, one]) {
    silent.fall(now);
    now += leaseMs - 1;
    expect([view.failed(now), look()]).toEqual([false, "abc"]);
    now += 1;
    const rest = silent === one ? "b(a)(c)" : "abc";
    expect([view.failed(now), look(), view.failed(now)]).toEqual([true, rest, false]);
    now += 3_600_000;
    expect(look()).toBe(rest);
    silent.rise();
    expect(look()).toBe("abc");
  }
});

test("while nobody answers, and while those that answer are warming, nobody is doubted", () => {
  const [one, two] = [new FakeSource("a", "b"), new FakeSource("a")];
  const view = new MemberView([one, two]);
  view.settle(0);
  one.fall(0);
  two.fall(0);
  expect([view.failed(600_000), view.settle(600_000), shown(view)]).toEqual([
    false,
    undefined,
    "ab",
  ]);
  two.rise();
  two.warming = true;
  view.settle(600_000);
  expect(shown(view)).toBe("ab");
  two.warming = false;
  view.settle(600_000);
  expect(shown(view)).toBe("a(b)");
});

test("who withdrew does not come back from a registry that has not heard of it", () => {
  const [one, two] = [new FakeSource("a", "b"), new FakeSource("b")];
  const view = new MemberView([one, two]);
  view.settle(0);
  two.members = [member("a", { state: "left", revision: 2 }), member("b")];
  view.settle(0);
  expect(shown(view)).toBe("b");
  two.members = [member("b")];
  view.settle(leaseMs);
  expect(shown(view)).toBe("b");
  one.fall(leaseMs);
  view.settle(3 * leaseMs);
  expect(shown(view)).toBe("b");
});

test("a good list is not given up for an empty one before a lease has passed", () => {
  const one = new FakeSource("a");
  const plain = memberAt(parseAddress("tcp@old:1"));
  one.members = [...one.members, plain];
  const view = new MemberView([one]);
  view.settle(0);
  one.members = [];
  expect([view.settle(1_000), shown(view)]).toEqual([leaseMs, "atcp@old:1"]);
  expect([view.settle(9_999), shown(view)]).toEqual([1, "atcp@old:1"]);
  const restMs = limits.oldLeaseMs - leaseMs;
  expect([view.settle(10_000), shown(view)]).toEqual([restMs, "tcp@old:1"]);
  expect([view.settle(10_000 + restMs), shown(view)]).toEqual([undefined, ""]);
});

test("the time for that runs only while a registry that is sure of itself says so", () => {
  const one = new FakeSource("a");
  const view = new MemberView([one]);
  view.settle(0);
  one.members = [];
  one.warming = true;
  expect([view.settle(50_000), shown(view)]).toEqual([undefined, "a"]);
  one.warming = false;
  expect([view.settle(100_000), shown(view)]).toEqual([leaseMs, "a"]);
  one.fall(101_000);
  expect([view.failed(101_000), view.settle(700_000), shown(view)]).toEqual([
    false,
    undefined,
    "a",
  ]);
  one.rise();
  expect([view.settle(700_000), shown(view)]).toEqual([leaseMs, "a"]);
  expect([view.settle(700_000 + leaseMs), shown(view)]).toEqual([undefined, ""]);
});

test("the last one that leaves by its own word is gone at once", () => {
  const one = new FakeSource("a");
  const view = new MemberView([one]);
  view.settle(0);
  one.members = [member("a", { state: "left" })];
  expect([view.settle(0), shown(view)]).toEqual([undefined, ""]);
});

test("suspects alone are no empty list", () => {
  const one = new FakeSource("a", "b");
  const view = new MemberView([one]);
  view.settle(0);
  one.members = [member("b", { state: "suspect" })];
  expect([view.settle(0), shown(view)]).toEqual([undefined, "(b)"]);
});

test("a saved list stands until a registry answers that is sure of itself", () => {
  const [one, two] = [new FakeSource(), new FakeSource()];
  one.fall(0);
  two.fall(0);
  const view = new MemberView([one, two]);
  view.useSaved([member("a"), member("b")], 60_000, 0);
  expect([shown(view), view.genuine, view.failed(0)]).toEqual(["ab", false, false]);
  one.rise();
  one.warming = true;
  one.members = [member("c"), member("b", { state: "left" })];
  view.settle(0);
  expect([shown(view), view.genuine]).toEqual(["ac", false]);
  one.warming = false;
  view.settle(0);
  expect([shown(view), view.genuine]).toEqual(["c", true]);
});

test("a registry that is sure and knows nobody ends a saved list at once", () => {
  const one = new FakeSource();
  one.fall(0);
  const view = new MemberView([one]);
  view.useSaved([member("a")], 60_000, 0);
  one.rise();
  expect([view.settle(0), shown(view), view.genuine]).toEqual([undefined, "", true]);
});
