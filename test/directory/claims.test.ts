import { expect, test } from "bun:test";
import { prepareClaim, prepareLeave, prove } from "../../src/directory/claims.ts";
import { Instance } from "../../src/directory/instance.ts";
import { digestOf } from "../../src/directory/secret.ts";
import type { MemberState } from "../../src/discovery/member.ts";
import { codeOf, id, instance } from "./table-bench.ts";

function known(revision: number, state: MemberState = "up", proven = true): Instance {
  const announcement = instance(1, { revision });
  const it = new Instance({ announcement, digest: digestOf("s"), leaseMs: 9_000, state }, 0);
  it.enter(state, 0);
  it.proven = proven;
  return it;
}

const other = instance(2).address;

test("a newcomer gets a secret of which only the digest is kept, and the lease it asks for", () => {
  const { record, secret, proven, news } = prepareClaim(
    undefined,
    instance(1, { leaseMs: 600 }),
    "whatever it says",
    9_000,
  );
  expect([proven, news]).toEqual([false, true]);
  expect(record).toMatchObject({ digest: digestOf(secret), leaseMs: 600, state: "up" });
  expect(prepareClaim(undefined, instance(1), undefined, 7_000).record.leaseMs).toBe(7_000);
});

test("the secret that a newcomer has made is its own, at every registry, and counts as shown", () => {
  const own = id(77);
  const first = prepareClaim(undefined, instance(1), own, 9_000);
  expect(first).toMatchObject({ secret: own, proven: true, news: true });
  expect(first.record.digest).toBe(digestOf(own));
  // Nobody else gets a secret for it by saying nothing, and it may come again.
  const it = new Instance(first.record, 0);
  it.proven = first.proven;
  expect(codeOf(() => prepareClaim(it, instance(1), undefined, 9_000))).toBe("PERMISSION_DENIED");
  expect(codeOf(() => prepareClaim(it, instance(1), id(78), 9_000))).toBe("PERMISSION_DENIED");
  expect(prepareClaim(it, instance(1), own, 9_000)).toMatchObject({ secret: own, news: false });
  // One that could be guessed is not taken.
  for (const weak of ["", "7", "f".repeat(31), "F".repeat(32)]) {
    const { secret, proven } = prepareClaim(undefined, instance(1), weak, 9_000);
    expect([secret.length, secret === weak, proven]).toEqual([32, false, false]);
  }
});

test.each<[string, Instance, Parameters<typeof instance>[1], string | undefined, string]>([
  ["its own secret", known(5), { revision: 5 }, "s", "fine"],
  ["another secret", known(5), { revision: 6 }, "x", "PERMISSION_DENIED"],
  ["no secret, once shown", known(5), { revision: 6 }, undefined, "PERMISSION_DENIED"],
  ["no secret, never shown", known(5, "up", false), { revision: 5 }, undefined, "fine"],
  ["that of a suspect", known(5, "suspect", false), { revision: 5 }, undefined, "fine"],
  ["a wrong one, never shown", known(5, "up", false), { revision: 5 }, "x", "PERMISSION_DENIED"],
  [
    "none, from elsewhere",
    known(5, "up", false),
    { revision: 5, address: other },
    undefined,
    "PERMISSION_DENIED",
  ],
  ["none, and older", known(5, "up", false), { revision: 4 }, undefined, "PERMISSION_DENIED"],
  ["none, and it left", known(5, "left", false), { revision: 6 }, undefined, "PERMISSION_DENIED"],
  ["its own, and it left", known(5, "left"), { revision: 5 }, "s", "FAILED_PRECONDITION"],
  ["its own, and it is back", known(5, "left"), { revision: 6 }, "s", "fine"],
])("an announcement with %s", (_words, instanceKnown, changes, secret, code) => {
  expect(codeOf(() => prepareClaim(instanceKnown, instance(1, changes), secret, 9_000))).toBe(code);
});

test("the highest revision holds, and news are what a store does not have yet", () => {
  const prepared = (revision: number, from = known(5), changes = {}) =>
    prepareClaim(from, instance(1, { revision, weight: 7, ...changes }), "s", 9_000);
  expect(prepared(4)).toMatchObject({ news: false, record: { announcement: { weight: 1 } } });
  expect(prepared(5)).toMatchObject({ news: false, proven: true, secret: "s" });
  expect(prepared(6)).toMatchObject({ news: true, record: { announcement: { weight: 7 } } });
  expect(prepared(5, known(5), { leaseMs: 600 })).toMatchObject({ news: true });
  expect(prepared(4, known(5, "suspect"))).toMatchObject({ news: true, record: { state: "up" } });
  const again = prepareClaim(known(5, "up", false), instance(1, { revision: 5 }), undefined, 9_000);
  expect(again).toMatchObject({ news: true, proven: false });
  expect(again.record.digest).toBe(digestOf(again.secret));
});

test("a withdrawal has the highest revision of the two", () => {
  expect(prepareLeave(known(5), id(1), "s", 7).announcement.revision).toBe(7);
  expect(prepareLeave(known(5), id(1), "s", 3)).toMatchObject({
    state: "left",
    announcement: { revision: 5 },
  });
  expect(codeOf(() => prepareLeave(known(5), id(1), "x", 7))).toBe("PERMISSION_DENIED");
  expect(codeOf(() => prepareLeave(undefined, id(1), "s", 7))).toBe("NOT_FOUND");
});

test("a secret that was shown is proven from then on, a wrong one proves nothing", () => {
  const it = known(5, "up", false);
  expect([codeOf(() => prove(it, "x")), it.proven]).toEqual(["PERMISSION_DENIED", false]);
  expect([prove(it, "s"), it.proven]).toEqual(["s", true]);
  expect(codeOf(() => prove(it, undefined))).toBe("PERMISSION_DENIED");
});

const mine = "0123456789abcdef";
const theirs = "fedcba9876543210";

/** The instance 2 at the address of instance 1. */
function holder(owner: string | undefined, state: MemberState = "up"): Instance {
  const announcement = instance(2, { address: instance(1).address });
  return new Instance({ announcement, digest: digestOf("h"), leaseMs: 9_000, state, owner }, 0);
}

function heldBy(owner: string | undefined, state: MemberState = "up"): Instance {
  const it = holder(owner, state);
  it.enter(state, 0);
  return it;
}

test.each<[string, Instance | undefined, string | undefined, string]>([
  ["nobody, and no token was asked for", undefined, undefined, "fine"],
  ["nobody", undefined, mine, "fine"],
  ["an instance where no token was asked for", heldBy(undefined), undefined, "fine"],
  ["an instance from when no token was asked for", heldBy(undefined), mine, "fine"],
  ["an instance of the same token", heldBy(mine), mine, "fine"],
  ["an instance of another token", heldBy(theirs), mine, "FAILED_PRECONDITION"],
  ["a suspect of another token", heldBy(theirs, "suspect"), mine, "fine"],
  [
    "an instance of a token, to a registry without",
    heldBy(theirs),
    undefined,
    "FAILED_PRECONDITION",
  ],
])("an address is free to take from %s", (_words, held, owner, code) => {
  const others = { holder: held, owner };
  for (const before of [undefined, known(5), known(5, "left")]) {
    const claim = (): unknown =>
      prepareClaim(before, instance(1, { revision: 6 }), "s", 9_000, others);
    expect(codeOf(claim)).toBe(code);
  }
  // An older announcement is a beat, wherever it says that it was.
  const beat = (): unknown =>
    prepareClaim(known(5), instance(1, { revision: 4 }), "s", 9_000, others);
  expect(codeOf(beat)).toBe("fine");
});

test("who may not take an address is told whose it is, and who lost one is told to whom", () => {
  const claim = (before: Instance | undefined): unknown =>
    prepareClaim(before, instance(1, { revision: 5 }), "s", 9_000, {
      owner: mine,
      holder: heldBy(theirs),
    });
  expect(() => claim(undefined)).toThrow(
    `tcp@10.0.0.1:4000 is the address of instance ${id(2)}, which was registered with another ` +
      "token and is up: it is free once that has left, or has been silent for its lease",
  );
  expect(() => claim(known(5, "left"))).toThrow(
    `instance ${id(2)} has taken the address tcp@10.0.0.1:4000 of instance ${id(1)}`,
  );
});

test("a record says whose it is, and another owner is news to a store", () => {
  const prepared = (revision: number, owner: string) =>
    prepareClaim(known(5), instance(1, { revision }), "s", 9_000, { owner });
  for (const revision of [4, 5, 6]) {
    expect(prepared(revision, mine)).toMatchObject({ news: true, record: { owner: mine } });
  }
});
