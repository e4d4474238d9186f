import { describe, expect, test } from "bun:test";
import type { RouterOptions } from "../../src/routing/router.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import { methodFlags } from "../../src/wire/hello.ts";
import { inTime } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers, breaks, drains, refuses } from "../support/scripted-site.ts";
import type { Act } from "../support/scripted-site.ts";

/** Members 1 to 3, each of which does these things with its calls. */
function fleetOf(
  scripts: readonly (readonly Act[])[],
  options: Partial<RouterOptions> = {},
): RoutedNetwork {
  const sites = Object.fromEntries(scripts.map((script, index) => [index + 1, acts(...script)]));
  const members = scripts.map((_, index) => any(index + 1));
  return network(sites, members, options);
}

/** Who has heard of a call, and as which attempt. */
function trace({ world }: RoutedNetwork): string {
  return world.heard.map(({ port, attempt }) => `${port}:${attempt}`).join(" ");
}

const overloaded = refuses("RESOURCE_EXHAUSTED");
const unknown = refuses("UNIMPLEMENTED");
const lostInside = refuses("INTERNAL", { executed: "maybe" });
const threw = refuses("UNAVAILABLE", { executed: "yes" });

type Row = readonly [
  what: string,
  scripts: readonly (readonly Act[])[],
  request: Partial<RoutedRequest>,
  trace: string,
  outcome: number | { readonly [key: string]: unknown },
];

const maybe = { code: "UNAVAILABLE", executed: "maybe" };
const key = { idempotencyKey: "k" };
const idempotent = { idempotent: true };
const inherited = { attempt: 1 };

const rows: readonly Row[] = [
  ["drained: elsewhere, and not a retry", [[drains], [answers]], {}, "1:0 2:0", 2],
  ["drained twice", [[drains], [drains], [answers]], {}, "1:0 2:0 3:0", 3],
  ["drained, of a call that is a retry", [[drains], [answers]], inherited, "1:1 2:1", 2],
  ["drained, of a call that is sent once", [[drains], [answers]], { maxAttempts: 1 }, "1:0 2:0", 2],
  ["overloaded: one other", [[overloaded], [answers]], {}, "1:0 2:1", 2],
  [
    "overloaded twice: no third",
    [[overloaded], [overloaded], [answers]],
    {},
    "1:0 2:1",
    { code: "RESOURCE_EXHAUSTED", executed: "no" },
  ],
  ["no such method: one other", [[unknown], [answers]], {}, "1:0 2:1", 2],
  [
    "no such method twice",
    [[unknown], [unknown], [answers]],
    {},
    "1:0 2:1",
    { code: "UNIMPLEMENTED" },
  ],
  [
    "one other for both together",
    [[unknown], [overloaded], [answers]],
    {},
    "1:0 2:1",
    { code: "RESOURCE_EXHAUSTED" },
  ],
  ["the other drains: a third", [[overloaded], [drains], [answers]], {}, "1:0 2:1 3:1", 3],
  ["overloaded alone", [[overloaded]], {}, "1:0", { code: "RESOURCE_EXHAUSTED", executed: "no" }],
  [
    "overloaded, of a call that is a retry",
    [[overloaded], [answers]],
    inherited,
    "1:1",
    { code: "RESOURCE_EXHAUSTED", executed: "no" },
  ],
  [
    "overloaded, of a call that is sent once",
    [[overloaded], [answers]],
    { maxAttempts: 1 },
    "1:0",
    { code: "RESOURCE_EXHAUSTED", executed: "no" },
  ],
  ["lost: maybe executed", [[breaks], [answers]], {}, "1:0", maybe],
  ["lost, idempotent: another", [[breaks], [answers]], idempotent, "1:0 2:1", 2],
  ["lost, idempotent, alone: the same", [[breaks, answers]], idempotent, "1:0 1:1", 1],
  ["lost, with a key: the same", [[breaks, answers], [answers]], key, "1:0 1:1", 1],
  [
    "lost, with a key: there and nowhere else when it drains",
    [[breaks, drains, answers], [answers]],
    key,
    "1:0 1:1 1:1",
    1,
  ],
  [
    "lost, with a key: there and nowhere else when it is overloaded",
    [[breaks, overloaded, answers], [answers]],
    key,
    "1:0 1:1 1:2",
    1,
  ],
  [
    "lost, idempotent with a key: another",
    [[breaks], [answers]],
    { ...idempotent, ...key },
    "1:0 2:1",
    2,
  ],
  [
    "lost, of a call that is a retry",
    [[breaks], [answers]],
    { ...idempotent, ...inherited },
    "1:1",
    maybe,
  ],
  [
    "lost, of a call that is sent once",
    [[breaks], [answers]],
    { ...idempotent, maxAttempts: 1 },
    "1:0",
    maybe,
  ],
  [
    "lost, of a call that is sent twice",
    [[breaks], [breaks], [answers]],
    { ...idempotent, maxAttempts: 2 },
    "1:0 2:1",
    maybe,
  ],
  ["lost for ever: five are sent", [[breaks]], idempotent, "1:0 1:1 1:2 1:3 1:4", maybe],
  [
    "an answer that cannot be told",
    [[lostInside], [answers]],
    {},
    "1:0",
    { code: "INTERNAL", executed: "maybe" },
  ],
  ["the same, idempotent", [[lostInside], [answers]], idempotent, "1:0 2:1", 2],
  ["thrown by the handler", [[threw], [answers]], idempotent, "1:0", { executed: "yes" }],
  [
    "maybe executed, and then refused: still maybe",
    [[breaks], [overloaded], [overloaded]],
    { ...idempotent, maxAttempts: 2 },
    "1:0 2:1",
    { code: "RESOURCE_EXHAUSTED", executed: "maybe" },
  ],
];

test.each([...rows])("%s", async (_what, scripts, request, heard, outcome) => {
  const net = fleetOf(scripts);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  net.call("Foo.Do", request).then(resolve, resolve);
  const answer = await inTime(net.clock, promise);
  if (typeof outcome === "number") expect(answer).toBe(outcome);
  else expect(answer).toMatchObject(outcome);
  expect(trace(net)).toBe(heard);
  expect(net.inFlight()).toBe(0);
});

test("what the server's hello says of a method counts as the call's own word", async () => {
  const { idempotent: flag } = methodFlags;
  const sites = {
    1: { methods: { Get: flag, Put: 0 }, answer: breaks },
    2: { methods: { Get: flag, Put: 0 }, answer: answers },
  };
  const net = network(sites, [any(1), any(2)]);
  expect(await inTime(net.clock, net.call("Foo.Get"))).toBe(2);
  const again = network(sites, [any(1), any(2)]);
  expect(await failureOf(again.call("Foo.Put"))).toMatchObject(maybe);
  expect(again.world.heard).toHaveLength(1);
});

describe("the budget", () => {
  test("has ten a second and a fifth of the calls; beyond it the failure is the caller's", async () => {
    const net = fleetOf([[overloaded], [overloaded]]);
    const calls = 50;
    for (let each = 0; each < calls; each++) {
      expect(await failureOf(net.call("Foo.Do"))).toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        executed: "no",
      });
    }
    const retries = net.world.heard.length - calls;
    expect(retries).toBe(10 + calls / 5);
    expect(net.world.heard.filter(({ attempt }) => attempt === 1)).toHaveLength(retries);
    expect(net.inFlight()).toBe(0);
  });

  /** A fleet of two whose budget is spent, and which from now on does so with each call. */
  async function spent(act: Act): Promise<RoutedNetwork> {
    const net = fleetOf([[overloaded], [overloaded]]);
    for (let each = 0; each < 15; each++) await failureOf(net.call("Foo.Do"));
    net.world.sites[1] = net.world.sites[2] = { answer: act };
    net.world.heard.length = 0;
    return net;
  }

  test.each([
    ["drained: goes on", drains, {}, 2],
    ["overloaded: does not", overloaded, {}, 1],
    ["no such method: does not", unknown, {}, 1],
    ["maybe executed: does not", breaks, { idempotent: true }, 1],
    ["maybe executed, with a key: does not", breaks, { idempotencyKey: "k" }, 1],
  ] satisfies readonly (readonly [string, Act, object, number])[])(
    "when it is spent, %s",
    async (_what, act, request, heard) => {
      let first = true;
      const net = await spent((call) => {
        if (first) act(call);
        else call.result("done");
        first = false;
      });
      const outcome = net.call("Foo.Do", request);
      if (heard === 1) await failureOf(outcome);
      else expect(await outcome).toBe("done");
      expect(net.world.heard).toHaveLength(heard);
      expect(net.inFlight()).toBe(0);
    },
  );

  test("when it is spent, what never left goes on", async () => {
    const net = await spent(answers);
    net.world.list = [any(1), any(3)];
    for (let each = 0; each < 4; each++) expect(await net.call("Foo.Do")).toBe(1);
    expect(net.world.dials).toContain(3);
  });

  test("calls that are retries do not add to it", async () => {
    const net = fleetOf([[answers], [answers]]);
    for (let each = 0; each < 100; each++) await net.call("Foo.Do", { attempt: 1 });
    net.world.sites[1] = acts(overloaded);
    net.world.sites[2] = acts(overloaded);
    net.world.heard.length = 0;
    for (let each = 0; each < 20; each++) await failureOf(net.call("Foo.Do"));
    expect(net.world.heard).toHaveLength(20 + 10 + 20 / 5);
  });
});
