import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { inTime, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, network } from "../support/routed-network.ts";
import { acts, answers, refuses } from "../support/scripted-site.ts";

// A registry that takes long, or does not answer at all, does not hold back who has somebody to try.

describe("while a registry says nothing to who asks anew", () => {
  test("a server that restarts gets the calls as soon as it is back", async () => {
    for (const requests of [{}, { timeoutMs: 1_000 }]) {
      const net = network({}, [any(1)]);
      net.world.hung = true;
      const from = net.clock.now();
      const call = net.call("Foo.Do", requests);
      net.clock.after(300, () => (net.world.sites[1] = acts(answers)));
      expect(await inTime(net.clock, call)).toBe(1);
      // A round takes the wait for the registry, the one between rounds, and that for the redial.
      const round = 2 * limits.backoffMinMs + limits.redialMaxMs;
      expect(net.clock.now() - from).toBeWithin(300, 300 + 2 * round);
      expect(net.inFlight()).toBe(0);
    }
  });

  test("each member has its rounds, and the call ends as it does otherwise", async () => {
    const net = network({}, [any(1), any(2)]);
    net.world.hung = true;
    const from = net.clock.now();
    expect(await inTime(net.clock, failureOf(net.call("Foo.Do")))).toMatchObject({
      code: "UNAVAILABLE",
      reason: "CONNECT_FAILED",
      executed: "no",
      message: "none of 2 servers of Foo takes the call; the first: refused 1",
    });
    expect(net.clock.now() - from).toBeWithin(1_000, limits.unreachableMs + 500);
    expect(net.world.dials.filter((port) => port === 1).length).toBeGreaterThan(3);
    await net.clock.advance(limits.unreachableMs);
    expect(net.clock.pending("foreground")).toBe(0);
  });

  test("a call that nobody serves waits for its answer", async () => {
    const net = network({ 1: acts(answers) }, [any(5_000)]);
    net.world.hung = true;
    const failure = failureOf(net.call("Foo.Do", { timeoutMs: 1_000 }));
    await net.clock.advance(999);
    expect(net.world.dials).toEqual([]);
    await net.clock.advance(1);
    expect(await failure).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
  });
});

test("a list that comes soon is used at once, and not after a wait", async () => {
  const net = network({ 2: acts(answers) }, [any(1)]);
  net.world.next = [any(1), any(2)];
  const call = net.call("Foo.Do");
  // Time stands still.
  expect(await call).toBe(2);
});

describe("calls that have waited for the first list", () => {
  /** What so many calls were sent for beyond their first attempts, when all are turned away. */
  async function retries(calls: number, lastMs: number): Promise<number> {
    const overloaded = refuses("RESOURCE_EXHAUSTED");
    const net = network({ 1: acts(overloaded), 2: acts(overloaded) }, [any(1), any(2)]);
    const { promise, resolve } = Promise.withResolvers<void>();
    net.world.listed = promise;
    const failures: Promise<unknown>[] = [];
    for (let each = 0; each < calls; each++) {
      failures.push(failureOf(net.call("Foo.Do", { timeoutMs: 20_000 })));
      await net.clock.advance(lastMs / calls);
    }
    expect(net.world.dials).toEqual([]);
    net.world.listed = undefined;
    resolve();
    await until(() => net.world.heard.length >= calls);
    await Promise.all(failures);
    expect(net.inFlight()).toBe(0);
    return net.world.heard.length - calls;
  }

  test("have the budget of one moment, and not of all the seconds that they waited", async () => {
    const calls = 100;
    expect(await retries(calls, 9_000)).toBeWithin(10, 10 + calls / 5 + 1);
  });

  test("have the same budget as when they begin together", async () => {
    const calls = 100;
    const together = await retries(calls, 0);
    expect(await retries(calls, 9_000)).toBe(together);
  });
});
