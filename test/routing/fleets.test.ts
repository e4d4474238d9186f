import { expect, test } from "bun:test";
import { parseAddress, parsePeerAddress } from "../../src/base/address.ts";
import { type Member, memberAt } from "../../src/discovery/member.ts";
import { serves } from "../../src/routing/fleets.ts";
import type { ServiceFleet } from "../../src/routing/service-fleet.ts";
import { fleetsOf } from "../support/lone-fleet.ts";
import { member } from "../support/scripted-registry.ts";

const plain = (name: string, changes: Partial<Member> = {}): Member => ({
  ...memberAt(parseAddress(`tcp@${name}:1`)),
  ...changes,
});

/** Those that are asked first, by the first letter of the host. */
function names(fleet: ServiceFleet): string {
  return fleet.first
    .map(({ member: { address } }) => address.replace(/^tcp@(host-)?/, "")[0])
    .join("");
}

const wanted = { service: "Foo", to: undefined };

const draining = { draining: true };
const idle = { weight: 0 };
const suspect = { state: "suspect" } as const;

test.each([
  ["all that are up", [member("a"), member("b")], "ab"],
  ["up before draining", [member("a", draining), member("b"), member("c", idle)], "b"],
  ["draining when nobody stays", [member("a", draining), member("b", idle)], "ab"],
  ["up before suspect", [member("a"), member("b", suspect)], "a"],
  ["draining before suspect", [member("a", draining), member("b", suspect)], "a"],
  ["suspect when nobody is up", [member("a", suspect), member("b", suspect)], "ab"],
  [
    "suspect when who is up serves something else",
    [member("a", { services: ["Bar"] }), member("b", suspect)],
    "b",
  ],
  [
    "a suspect that serves it before one of which nobody knows",
    [plain("x"), member("b", suspect)],
    "b",
  ],
  ["of those of which nobody knows, who is up", [plain("x"), plain("y", suspect)], "x"],
  ["else the suspects", [plain("y", suspect)], "y"],
  [
    "the same beside others",
    [member("a", { services: ["Bar"] }), plain("x"), plain("y", suspect)],
    "x",
  ],
] satisfies readonly (readonly [string, readonly Member[], string])[])(
  "asked first: %s",
  (_name, list, expected) => {
    const fleets = fleetsOf(list);
    expect(names(fleets.of(wanted))).toBe(expected);
    expect(names(fleets.of(wanted))).toBe(expected);
  },
);

test("nobody is asked whom only GeeRPC's clients can call", () => {
  const behindHttp = memberAt(parsePeerAddress("http@h:1"));
  expect(names(fleetsOf([behindHttp]).of(wanted))).toBe("");
  expect(names(fleetsOf([behindHttp, plain("x")]).of(wanted))).toBe("x");
  expect(names(fleetsOf([behindHttp, member("b", suspect)]).of(wanted))).toBe("b");
  // Nobody lists a service, and so the rest is no guess.
  const fleets = fleetsOf([behindHttp, plain("x")]);
  expect(fleets.isGuess(fleets.of(wanted))).toBe(false);
});

test("the one instance that is named is found whatever its state, and whatever it serves", () => {
  const late = member("b", suspect);
  const other = member("c", { services: ["Bar"] });
  const fleets = fleetsOf([member("a"), late, other]);
  expect(fleets.of({ service: "Foo", to: late.id }).find(late.id ?? "")?.member).toBe(late);
  expect(fleets.of({ service: "Foo", to: other.id }).find(other.id ?? "")?.member).toBe(other);
});

test("who is suspect no more is asked with the next list", () => {
  const fleets = fleetsOf([member("a"), member("b", suspect)]);
  expect(fleets.of(wanted).first).toHaveLength(1);
  const list = [member("a"), member("b")];
  expect(fleets.use(list)).toBe(true);
  expect(fleets.of(wanted).first).toHaveLength(2);
  expect(fleets.use(list)).toBe(false);
});

test("what is known of a member and its service outlives a list, and ends with its listing", () => {
  const fleets = fleetsOf([member("a"), member("b")]);
  const fleet = fleets.of(wanted);
  const [first] = fleet.first;
  first?.begin(0);
  fleets.use([member("a"), member("c")]);
  expect(fleets.of(wanted)).toBe(fleet);
  expect(fleet.first[0]).toBe(first);
  expect(fleet.first[0]?.inFlight).toBe(1);
  fleets.use([member("a", { services: ["Bar"] })]);
  fleets.use([member("a")]);
  expect(fleets.of(wanted)).not.toBe(fleet);
});

test("names that nobody lists are not remembered", () => {
  const fleets = fleetsOf([member("a")]);
  const unknown = fleets.of({ service: "Nope", to: undefined });
  expect(unknown.size).toBe(0);
  expect(fleets.of({ service: "Nothing", to: undefined })).toBe(unknown);
});

test("nobody is named by what was wanted", () => {
  const fleets = fleetsOf([member("a")]);
  expect(fleets.nobody({ service: "Fooo", to: undefined })).toMatchObject({
    reason: "NO_SERVER",
    executed: "no",
    hint: "did you mean Foo?",
  });
  expect(fleets.nobody({ service: "Foo", to: "x" })).toMatchObject({
    reason: "NO_INSTANCE",
    message: "no instance x is registered",
    hint: "gee list Foo shows the instances",
  });
  const tags = { stage: "a", tier: "b" };
  expect(fleets.nobody({ ...wanted, tags })).toMatchObject({
    reason: "NO_SERVER",
    message: "no server of Foo has stage=a and tier=b",
  });
  const { id } = member("a");
  expect(fleets.nobody({ service: "Foo", to: id, tags })).toMatchObject({
    reason: "NO_INSTANCE",
    message: `instance ${id} has not stage=a and tier=b`,
  });
});

test("what every server has is asked of all that list anything, else of those of which nobody knows", () => {
  const own = { service: "gee.Health", to: undefined };
  const fleets = fleetsOf([member("a"), plain("x"), member("b", { services: ["Bar"] })]);
  expect(names(fleets.of(own))).toBe("ab");
  // One fleet, by whatever name: a caller's own must not fill a map.
  const other = fleets.of({ service: "gee.Nothing", to: undefined });
  expect(other).toBe(fleets.of(own));
  fleets.use([member("c"), plain("x")]);
  expect(names(fleets.of(own))).toBe("c");
  fleets.use([plain("x"), plain("y", suspect)]);
  expect(names(fleets.of(own))).toBe("x");
  fleets.use([]);
  expect(fleets.of(own).size).toBe(0);
  expect(fleets.nobody({ service: "gee.Health", to: "x" }).hint).toBe(
    "gee list shows the instances",
  );
});

test("a member serves what it lists, and what every server has", () => {
  const one = member("a");
  expect(["Foo", "gee.Health", "Bar"].map((service) => serves(one, service))).toEqual([
    true,
    true,
    false,
  ]);
  expect(["Foo", "gee.Health"].map((service) => serves(plain("x"), service))).toEqual([
    false,
    false,
  ]);
});
