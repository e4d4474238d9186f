import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import type { Metadata } from "../../src/wire/message.ts";
import { hedged, mostDelayMs, practised, script } from "../support/hedged-calls.ts";
import { turn } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import { foo } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { acts, keepsQuiet } from "../support/scripted-site.ts";
import type { HeardCall } from "../support/scripted-site.ts";

// How a call ends that was sent twice, when not both attempts end as they should.

/** A call both attempts of which are under way and quiet. */
interface Both {
  readonly net: RoutedNetwork;
  /** It may reject unseen. */
  readonly call: Promise<unknown>;
  readonly first: HeardCall;
  readonly second: HeardCall;
}

async function both(changes: Partial<RoutedRequest> = {}): Promise<Both> {
  const net = await practised();
  script(net, keepsQuiet);
  const call = net.call("Foo.Do", { ...hedged, ...changes });
  await net.clock.advance(mostDelayMs);
  const [first, second] = net.world.heard;
  if (first === undefined || second === undefined) throw new Error("it was not sent twice");
  return { net, call, first, second };
}

describe("a failure that waits for the other attempt", () => {
  test("is the call's at its deadline, with what came with it", async () => {
    const told: string[] = [];
    const { net, call, first, second } = await both({
      timeoutMs: 2_000,
      onMetadata: ({ from }, when) => void told.push(`${from} ${when}`),
    });
    first.fault("FAILED_PRECONDITION", {
      message: "closed on Sundays",
      reason: "CLOSED_TODAY",
      details: ["shop"],
      metadata: { from: "first" },
    });
    await turn();
    const failed = failureOf(call);
    let isOver = false;
    void failed.then(() => (isOver = true));
    const begun = net.clock.now() - mostDelayMs;
    await net.clock.advance(begun + 1_999 - net.clock.now());
    expect(isOver).toBe(false);
    await net.clock.advance(1);
    expect(await failed).toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "closed on Sundays",
      reason: "CLOSED_TODAY",
      details: ["shop"],
    });
    await turn();
    expect(told).toEqual(["first trailing"]);
    expect([first.isCancelled, second.isCancelled]).toEqual([false, true]);
    expect(net.inFlight()).toBe(0);
  });

  test("is not told before it, nor when the other one answers", async () => {
    const { net, call, first, second } = await both({ timeoutMs: 2_000 });
    first.fault("FAILED_PRECONDITION");
    await net.clock.advance(1_500);
    second.result("good");
    expect(await call).toBe("good");
    await net.clock.advance(2_000);
    expect(net.inFlight()).toBe(0);
  });

  test("is told when the caller leaves as what it is: the caller's leaving", async () => {
    const controller = new AbortController();
    const { net, call, first, second } = await both({ signal: controller.signal });
    first.fault("FAILED_PRECONDITION");
    await turn();
    controller.abort();
    expect(await failureOf(call)).toMatchObject({ code: "CANCELLED", executed: "maybe" });
    await turn();
    expect(second.isCancelled).toBe(true);
    expect(net.inFlight()).toBe(0);
  });
});

test("a first attempt that was given up during a dial is not sent when that is done", async () => {
  const { net, call, first, second } = await both();
  const { port } = first;
  const greeting = Promise.withResolvers<void>();
  net.world.list = [foo(port)];
  net.world.sites[port] = "refused";
  first.lose();
  await net.clock.advance(500);
  net.world.sites[port] = { ...acts(keepsQuiet), greets: greeting.promise };
  // By then it waits for its last dial, and its two seconds are over.
  await net.clock.advance(limits.unreachableMs);
  const dials = net.world.dials.length;
  greeting.resolve();
  await net.clock.advance(100);
  expect(net.world.links.at(-1)?.port).toBe(port);
  expect(net.world.heard).toEqual([first, second]);
  second.result("good");
  expect(await call).toBe("good");
  expect(net.world.dials).toHaveLength(dials);
  expect(net.inFlight()).toBe(0);
});

test("a deadline without such a failure is one", async () => {
  const { net, call, first, second } = await both({ timeoutMs: 2_000 });
  second.fault("FAILED_PRECONDITION");
  await net.clock.advance(2_000);
  expect(await failureOf(call)).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
  await turn();
  expect(first.isCancelled).toBe(true);
  expect(net.inFlight()).toBe(0);
});

describe("a second attempt that turns out to be a stream", () => {
  test("is cancelled at once, while the first goes on", async () => {
    const { net, call, first, second } = await both();
    second.item(1);
    await turn();
    expect([first.isCancelled, second.isCancelled]).toEqual([false, true]);
    expect(net.inFlight()).toBe(1);
    first.result("good");
    expect(await call).toBe("good");
    expect(net.inFlight()).toBe(0);
  });

  test("does not keep a client from closing", async () => {
    const { net, call, first, second } = await both();
    second.item(1);
    first.result("good");
    await call;
    let isClosed = false;
    const closed = net.router.close(25_000).then(() => (isClosed = true));
    await net.clock.advance(1_000);
    expect(isClosed).toBe(true);
    await closed;
  });

  test("leaves a first one that has failed with its failure", async () => {
    const { net, call, first, second } = await both();
    first.fault("ABORTED", { message: "the first" });
    await turn();
    second.item(1);
    expect(await failureOf(call)).toMatchObject({ code: "ABORTED", message: "the first" });
    await turn();
    expect(second.isCancelled).toBe(true);
    expect(net.inFlight()).toBe(0);
  });
});

describe("metadata of two answers that come together", () => {
  test.each([
    ["the first's", 0],
    ["the second's", 1],
  ] as const)("are those of the one that is the call's: %s", async (_whose, winner) => {
    const told: Metadata[] = [];
    const { net, call, first, second } = await both({
      onMetadata: (metadata) => void told.push(metadata),
    });
    const answers = [first, second] as const;
    // Both are read before anything else has its turn.
    answers[winner].result("won", { from: "winner" });
    answers[1 - winner]?.result("lost", { from: "loser" });
    const answer = await call;
    await turn();
    expect(told).toEqual([{ from: answer === "won" ? "winner" : "loser" }]);
    expect(net.inFlight()).toBe(0);
  });
});
