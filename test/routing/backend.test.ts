import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import type { Member } from "../../src/discovery/member.ts";
import { askedFirst, Backend, keyOf } from "../../src/routing/backend.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import type { OpenLink } from "../../src/rpc/lane.ts";
import { Pool } from "../../src/rpc/pool.ts";
import { methodFlags } from "../../src/wire/hello.ts";
import { routedRequest } from "../support/calls.ts";
import { FakeClock } from "../support/clock.ts";
import { linkPair } from "../support/links.ts";
import { foo, old } from "../support/routed-network.ts";
import { ScriptedPeer } from "../support/scripted-peer.ts";

function backend(member: Member, open: OpenLink = () => new Promise<never>(() => {})): Backend {
  const clock = new FakeClock();
  const pool = new Pool({ clock, deadlines: new Deadlines(clock), open });
  return new Backend(member, pool.lane(member), Number.NEGATIVE_INFINITY);
}

test("members are told apart by address and id", () => {
  const keys = [foo(1), foo(2), foo(1, { id: "other" }), old(1), old(2)].map(keyOf);
  expect(new Set(keys).size).toBe(5);
  expect(keyOf(foo(1, { weight: 7, services: ["Bar"], revision: 9 }))).toBe(keyOf(foo(1)));
});

test("a newer record brings its weight, zone and tags; what is known of it stays", () => {
  const one = backend(foo(1, { zone: "a", weight: 2, tags: { tier: "x" } }));
  one.begin(5);
  const { key, accrual, lane, hash } = one;
  const newer = foo(1, { zone: "b", weight: 3 });
  one.know(newer);
  expect(one).toMatchObject({ zone: "b", weight: 3, inFlight: 1, pickedAt: 5, key, hash });
  expect(one.tags).toBeUndefined();
  expect(one.member).toBe(newer);
  expect(one.accrual).toBe(accrual);
  expect(one.lane).toBe(lane);
});

test.each([
  [-1, 0],
  [Number.NaN, 0],
  [1e9, 10_000],
])("a weight of %p counts as %p, in the first record and in the next", (said, counts) => {
  expect(backend(foo(1, { weight: said })).weight).toBe(counts);
  const one = backend(foo(1));
  one.know(foo(1, { weight: said }));
  expect(one.weight).toBe(counts);
});

const suspect = { state: "suspect" } as const;
const draining = { draining: true };
const idle = { weight: 0 };

test.each([
  ["nobody of nobody", [], []],
  ["who is up and stays", [foo(1), foo(2, draining), foo(3, idle), foo(4, suspect)], [1]],
  ["who is up, when none of them stays", [foo(2, draining), foo(3, idle), foo(4, suspect)], [2, 3]],
  ["all, when nobody is up", [foo(4, suspect), foo(5, { ...suspect, ...draining })], [4, 5]],
  ["none of negative weight", [foo(1, { weight: -1 }), foo(2)], [2]],
  ["none whose weight is no number", [foo(1, { weight: Number.NaN }), foo(2)], [2]],
] satisfies readonly (readonly [string, readonly Member[], readonly number[]])[])(
  "asked first: %s",
  (_who, members, ports) => {
    const first = askedFirst(members.map((member) => backend(member)));
    expect(first.map(({ member }) => Number(member.address.split(":")[1]))).toEqual([...ports]);
  },
);

test.each([
  ["Foo.Get", false, true],
  ["Foo.Put", false, false],
  ["Foo.Items", false, true],
  ["Foo.Unknown", false, false],
  ["Bar.Get", false, false],
  ["Foo.Put", true, true],
  ["Foo.Unknown", true, true],
] satisfies readonly (readonly [string, boolean, boolean])[])(
  "whether %s, which says %p, may run twice: %p, by its own word or the server's",
  async (method, idempotent, expected) => {
    const request: RoutedRequest = routedRequest({ method, idempotent });
    const methods = new Map([
      ["Get", { number: 1, flags: methodFlags.idempotent }],
      ["Put", { number: 2, flags: 0 }],
      ["Items", { number: 3, flags: methodFlags.idempotent | methodFlags.answersStream }],
    ]);
    const pair = linkPair();
    const one = backend(old(1), async (_endpoint, _options, attach) => {
      pair.caller.open(attach(pair.caller));
      new ScriptedPeer(pair.server, "server").hello({ services: new Map([["Foo", { methods }]]) });
    });
    // Before it was reached nothing is known of its methods.
    expect(one.isIdempotent(request)).toBe(idempotent);
    await one.lane.connect();
    expect(one.isIdempotent(request)).toBe(expected);
    // What is asked is of a call whose connection may just have broken.
    pair.caller.close();
    expect(one.isIdempotent(request)).toBe(expected);
  },
);
