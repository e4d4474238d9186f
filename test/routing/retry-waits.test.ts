import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, foo, network } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, answers, breaks, instanceAt, refuses } from "../support/scripted-site.ts";
import type { Act } from "../support/scripted-site.ts";

// How long a call waits between two attempts, and until when.

/** Members 1 and 2 that do the same, one thing after the other, and when they did. */
function timed(...list: readonly Act[]): RoutedNetwork & { readonly times: readonly number[] } {
  const times: number[] = [];
  const script = acts(...list);
  const site = {
    answer(call: Parameters<Act>[0]): void {
      times.push(net.clock.now() - 1_000);
      script.answer(call);
    },
  };
  const net = network({ 1: site, 2: site }, [any(1), any(2)]);
  return { ...net, times };
}

const refused = { code: "UNAVAILABLE", reason: "CONNECT_FAILED", executed: "no" };
const idempotent = { idempotent: true };
const busy = (retryAfterMs: number): Act => refuses("RESOURCE_EXHAUSTED", { retryAfterMs });

describe("before it is sent again", () => {
  test("it waits twice as long each time, up to a second, a fifth more or less", async () => {
    const net = timed(breaks);
    const failed = failureOf(net.call("Foo.Do", idempotent));
    expect(await inTime(net.clock, failed)).toMatchObject({ executed: "maybe" });
    // Chance is 0.5 here: the middle.
    expect(net.times).toEqual([0, 100, 300, 700, 1_500]);
  });

  test.each([
    ["elsewhere", [busy(700), answers], {}, [0, 700]],
    [
      "anywhere",
      [refuses("UNAVAILABLE", { executed: "maybe", retryAfterMs: 900 }), answers],
      idempotent,
      [0, 900],
    ],
  ] satisfies readonly (readonly [string, readonly Act[], object, readonly number[]])[])(
    "a server that says how long is obeyed: %s",
    async (_where, list, request, times) => {
      const net = timed(...list);
      expect(await inTime(net.clock, net.call("Foo.Do", request))).toBeNumber();
      expect(net.times).toEqual(times);
    },
  );

  test("a server that says it may come at once is obeyed as well", async () => {
    const net = timed(busy(0), answers);
    await net.call("Foo.Do");
    expect(net.times).toEqual([0, 0]);
  });

  test("a wait that would pass the deadline is not begun", async () => {
    for (const [act, request] of [
      [busy(500), {}],
      [breaks, { ...idempotent, timeoutMs: 100 }],
      [breaks, { idempotencyKey: "k", timeoutMs: 100 }],
    ] as const) {
      const net = timed(act);
      const { code } = await failureOf(net.call("Foo.Do", { timeoutMs: 500, ...request }));
      expect(code).not.toBe("DEADLINE_EXCEEDED");
      expect(net.times).toEqual([0]);
      expect(net.inFlight()).toBe(0);
    }
  });

  test("what is left of its time is what the next server gets", async () => {
    const net = timed(breaks, answers);
    await inTime(net.clock, net.call("Foo.Do", { ...idempotent, timeoutMs: 4_000 }));
    expect(net.world.heard.map(({ message }) => message.timeoutMs)).toEqual([4_000, 3_900]);
  });

  test("its caller may leave, and then it is not sent again", async () => {
    const net = timed(breaks);
    const controller = new AbortController();
    const failed = failureOf(net.call("Foo.Do", { ...idempotent, signal: controller.signal }));
    await until(() => net.times.length === 1);
    await turn();
    controller.abort();
    expect(await failed).toMatchObject({ code: "CANCELLED", executed: "maybe" });
    await net.clock.advance(5_000);
    expect(net.times).toHaveLength(1);
    expect(net.inFlight()).toBe(0);
  });

  test("the list may change, and then it goes to who is new", async () => {
    const net = network({ 1: acts(breaks), 2: acts(answers) }, [any(1)]);
    const call = net.call("Foo.Do", idempotent);
    await until(() => net.world.heard.length === 1);
    net.world.list = [any(2)];
    expect(await inTime(net.clock, call)).toBe(2);
  });

  test("with a key it waits for its instance, be that listed or not", async () => {
    const net = network({ 1: acts(breaks, answers), 2: acts(answers) }, [foo(1), foo(2)]);
    const call = net.call("Foo.Do", { idempotencyKey: "k" });
    await until(() => net.world.heard.length === 1);
    net.world.list = [foo(2)];
    expect(await inTime(net.clock, call)).toBe(1);
  });

  test("with a key it waits for an instance that cannot be reached, for two seconds", async () => {
    for (const awayMs of [1_500, 5_000]) {
      const net = network({ 1: acts(breaks, answers), 2: acts(answers) }, [any(1), any(2)]);
      const call = net.call("Foo.Do", { idempotencyKey: "k" });
      const script = net.world.sites[1] ?? "refused";
      await until(() => net.world.heard.length === 1);
      net.world.sites[1] = "refused";
      const from = net.clock.now();
      net.clock.after(awayMs, () => (net.world.sites[1] = script));
      if (awayMs < limits.unreachableMs) {
        expect(await inTime(net.clock, call)).toBe(1);
      } else {
        expect(await inTime(net.clock, failureOf(call))).toMatchObject({ executed: "maybe" });
        expect(net.clock.now() - from).toBeLessThan(limits.unreachableMs + limits.redialMaxMs);
      }
      expect(net.world.heard.every(({ port }) => port === 1)).toBe(true);
      expect(net.inFlight()).toBe(0);
    }
  });
});

describe("while nobody can be reached", () => {
  test("each is tried once a round, and the list is asked for in each", async () => {
    const net = network({}, [any(1), any(2)]);
    const failed = failureOf(net.call("Foo.Do"));
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(net.world.dials).toEqual([1, 2]);
    expect(await inTime(net.clock, failed)).toMatchObject(refused);
    const { dials } = net.world;
    for (let round = 0; round < dials.length; round += 2) {
      expect([...dials.slice(round, round + 2)].sort()).toEqual([1, 2]);
    }
    expect(net.inFlight()).toBe(0);
  });

  test("who comes back within two seconds gets the call, whose first attempt it is", async () => {
    const net = network({}, [any(1), any(2)]);
    const call = net.call("Foo.Do");
    net.clock.after(1_500, () => (net.world.sites[2] = acts(answers)));
    expect(await inTime(net.clock, call)).toBe(2);
    expect(net.world.heard.map(({ attempt }) => attempt)).toEqual([0]);
    expect(net.inFlight()).toBe(0);
  });

  test("the wait ends with the deadline, when that is sooner", async () => {
    const net = network({}, [any(1), any(2)]);
    const from = net.clock.now();
    const failed = failureOf(net.call("Foo.Do", { timeoutMs: 400 }));
    expect(await inTime(net.clock, failed)).toMatchObject({ executed: "no" });
    expect(net.clock.now() - from).toBeWithin(0, 401);
  });

  test.each([
    ["nobody can be reached", [any(1), any(2)]],
    ["nobody serves it", [any(5_000)]],
    ["nobody is listed", []],
    ["there is no list", undefined],
  ] as const)("a call that may wait does so until its deadline: %s", async (_why, list) => {
    for (const backMs of [7_000, undefined]) {
      const net = network({}, []);
      net.world.list = list;
      const from = net.clock.now();
      const call = net.call("Foo.Do", { waitForReady: true });
      if (backMs === undefined) {
        const failure = await inTime(net.clock, failureOf(call));
        expect(failure).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
        expect(net.clock.now() - from).toBe(10_000);
      } else {
        net.clock.after(backMs, () => {
          net.world.sites[1] = acts(answers);
          net.world.next = [any(1)];
        });
        expect(await inTime(net.clock, call)).toBe(1);
        expect(net.clock.now() - from).toBeWithin(backMs, backMs + 3_000);
      }
      expect(net.inFlight()).toBe(0);
    }
  });

  test.each([
    ["the first that failed", [any(1), any(2)], "refused 1", "CONNECT_FAILED"],
    ["that nobody serves it", [any(5_000)], "no server of Foo is registered", "NO_SERVER"],
    ["that nobody is listed", [], "no server of Foo is registered", "NO_SERVER"],
    ["the registry", undefined, "no registry", "NO_REGISTRY"],
  ] as const)(
    "a call that may wait says at its deadline what was in the way: %s",
    async (_what, list, why, reason) => {
      const net = network({}, []);
      net.world.list = list;
      const request = { waitForReady: true, timeoutMs: 5_000 };
      const failure = await inTime(net.clock, failureOf(net.call("Foo.Do", request)));
      expect(failure).toMatchObject({
        code: "DEADLINE_EXCEEDED",
        executed: "no",
        message: `Foo.Do was not done in time: ${why}`,
        cause: { code: "UNAVAILABLE", reason },
      });
      expect(net.inFlight()).toBe(0);
    },
  );

  test("a call that was sent says at its deadline that it was late and no more", async () => {
    const net = network({ 1: "refused", 2: acts(() => {}) }, [any(1), any(2)]);
    const request = { waitForReady: true, timeoutMs: 1_000 };
    const failure = await inTime(net.clock, failureOf(net.call("Foo.Do", request)));
    expect(failure).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
    expect(failure.message).not.toContain("refused");
  });

  test("a call that does not wait fails at once when nobody serves it", async () => {
    for (const list of [[], [any(5_000)]]) {
      const net = network({}, list);
      expect(await failureOf(net.call("Foo.Do"))).toMatchObject({ reason: "NO_SERVER" });
      expect(net.clock.pending("foreground")).toBeLessThanOrEqual(1);
    }
  });

  test("a call to one instance waits for that one alone", async () => {
    const net = network({ 2: acts(answers) }, [foo(1), foo(2)]);
    const call = net.call("Foo.Do", { to: instanceAt(1) });
    net.clock.after(1_000, () => (net.world.sites[1] = acts(answers)));
    expect(await inTime(net.clock, call)).toBe(1);
    const failed = failureOf(net.call("Foo.Do", { to: instanceAt(9) }));
    expect(await failed).toMatchObject({ reason: "NO_INSTANCE", executed: "no" });
    expect(net.world.dials).not.toContain(2);
  });
});

test("closing fails those that wait, when the time of the others is over", async () => {
  for (const [sites, request, executed] of [
    [{}, { waitForReady: true }, "no"],
    [{ 1: acts(breaks), 2: acts(breaks) }, { ...idempotent, timeoutMs: 60_000 }, "maybe"],
  ] as const) {
    const net = network(sites, [any(1), any(2)]);
    const failed = failureOf(net.call("Foo.Do", request));
    for (let turns = 0; turns < 20; turns++) await turn();
    const closed = net.router.close(20);
    await net.clock.advance(20);
    expect(await failed).toMatchObject({ code: "UNAVAILABLE", reason: "CLOSED", executed });
    await inTime(net.clock, closed);
    await net.clock.advance(5_000);
    expect(net.inFlight()).toBe(0);
    expect(net.clock.pending()).toBeLessThanOrEqual(1);
  }
});
