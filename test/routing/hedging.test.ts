import { describe, expect, test } from "bun:test";
import type { RoutedRequest } from "../../src/routing/routed-call.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, foo } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import { hedged, mostDelayMs, practised, script, usualMs } from "../support/hedged-calls.ts";
import { answers, breaks, instanceAt, keepsQuiet, refuses } from "../support/scripted-site.ts";
import type { Act } from "../support/scripted-site.ts";

/** Where its calls went, and as which attempt. */
function attempts({ world }: RoutedNetwork): readonly (readonly number[])[] {
  return world.heard.map(({ attempt }) => [attempt]);
}

describe("a call that takes longer than most", () => {
  test("is sent a second time, elsewhere, once it has taken as long as 95 % do", async () => {
    const net = await practised();
    script(net, keepsQuiet, answers);
    const call = net.call("Foo.Do", hedged);
    await net.clock.advance(usualMs - 1);
    expect(net.world.heard).toHaveLength(1);
    await net.clock.advance(mostDelayMs - usualMs + 1);
    expect(net.world.heard).toHaveLength(2);
    const [first, second] = net.world.heard;
    expect(second?.port).not.toBe(first?.port);
    expect(attempts(net)).toEqual([[0], [1]]);
    expect(await call).toBe(second?.port);
    await turn();
    expect([first?.isCancelled, second?.isCancelled]).toEqual([true, false]);
    expect(net.inFlight()).toBe(0);
  });

  test("has its first answer, when that comes sooner; the second is cancelled", async () => {
    const net = await practised();
    script(net, keepsQuiet);
    const call = net.call("Foo.Do", hedged);
    await net.clock.advance(mostDelayMs);
    const [first, second] = net.world.heard;
    first?.result("first");
    expect(await call).toBe("first");
    await turn();
    expect([first?.isCancelled, second?.isCancelled]).toEqual([false, true]);
    expect(net.inFlight()).toBe(0);
  });

  test("is not sent twice when it is answered in time", async () => {
    const net = await practised();
    script(net, keepsQuiet);
    const call = net.call("Foo.Do", hedged);
    await net.clock.advance(usualMs - 1);
    const timers = net.clock.pending();
    net.world.heard[0]?.result("in time");
    expect(await call).toBe("in time");
    expect(net.clock.pending()).toBe(timers - 1);
    await net.clock.advance(1_000);
    expect(net.world.heard).toHaveLength(1);
  });

  test("has its second answer when the first attempt fails, and the other way round", async () => {
    const final = refuses("ABORTED", { executed: "yes" });
    for (const fails of [0, 1]) {
      const net = await practised();
      script(net, keepsQuiet);
      const call = net.call("Foo.Do", hedged);
      await net.clock.advance(mostDelayMs);
      const [failing, answering] = [net.world.heard[fails], net.world.heard[1 - fails]];
      if (failing !== undefined) final(failing);
      await turn();
      answering?.result("good");
      expect(await call).toBe("good");
      expect(net.world.heard).toHaveLength(2);
      expect(net.inFlight()).toBe(0);
    }
  });

  test("has the first attempt's failure when both fail, in whichever order", async () => {
    for (const fails of [0, 1]) {
      const net = await practised();
      script(net, keepsQuiet);
      const failed = failureOf(net.call("Foo.Do", hedged));
      await net.clock.advance(mostDelayMs);
      const [first, second] = [net.world.heard[fails], net.world.heard[1 - fails]];
      first?.fault("ABORTED", { message: fails === 0 ? "the first" : "the second" });
      await turn();
      second?.fault("NOT_FOUND", { message: fails === 0 ? "the second" : "the first" });
      expect(await failed).toMatchObject({ message: "the first" });
      expect(net.inFlight()).toBe(0);
    }
  });

  test("ends both when its caller leaves, or its time is over", async () => {
    for (const how of ["left", "late"] as const) {
      const net = await practised();
      script(net, keepsQuiet);
      const controller = new AbortController();
      const request = { ...hedged, timeoutMs: 500, signal: controller.signal };
      const failed = failureOf(net.call("Foo.Do", request));
      await net.clock.advance(mostDelayMs);
      expect(net.world.heard).toHaveLength(2);
      if (how === "left") controller.abort();
      else await net.clock.advance(500);
      expect(await failed).toMatchObject({
        code: how === "left" ? "CANCELLED" : "DEADLINE_EXCEEDED",
        executed: "maybe",
      });
      await turn();
      expect(net.world.heard.map(({ isCancelled }) => isCancelled)).toEqual([true, true]);
      expect(net.inFlight()).toBe(0);
    }
  });

  test("may have run, whatever its first attempt says, once a second one was sent", async () => {
    const net = await practised();
    script(net, keepsQuiet);
    const failed = failureOf(net.call("Foo.Do", hedged));
    await net.clock.advance(mostDelayMs);
    net.world.heard[0]?.fault("INVALID_ARGUMENT", { executed: "no" });
    await turn();
    net.world.heard[1]?.lose();
    expect(await failed).toMatchObject({ code: "INVALID_ARGUMENT", executed: "maybe" });
  });

  test("is not awaited by a client that closes: both end", async () => {
    const net = await practised();
    script(net, keepsQuiet);
    const failed = failureOf(net.call("Foo.Do", hedged));
    await net.clock.advance(mostDelayMs);
    const closed = net.router.close(100);
    await net.clock.advance(100);
    expect(await failed).toMatchObject({ code: "UNAVAILABLE", reason: "CLOSED" });
    await inTime(net.clock, closed);
    expect(net.inFlight()).toBe(0);
  });
});

describe("metadata", () => {
  /** Whose metadata the caller gets when this attempt wins. */
  async function told(winner: 0 | 1): Promise<readonly string[]> {
    const net = await practised();
    script(net, keepsQuiet);
    const heard: string[] = [];
    const call = net.call("Foo.Do", {
      ...hedged,
      onMetadata: ({ from }, when) => void heard.push(`${from} ${when}`),
    });
    await net.clock.advance(mostDelayMs);
    const loser = net.world.heard[1 - winner];
    loser?.fault("ABORTED", { metadata: { from: "loser" } });
    await turn();
    net.world.heard[winner]?.result("good", { from: "winner" });
    await call;
    await turn();
    return heard;
  }

  test("are the winner's alone", async () => {
    expect(await told(0)).toEqual(["winner response"]);
    expect(await told(1)).toEqual(["winner response"]);
  });
});

test.each([
  ["it does not ask for it", { hedge: false }],
  ["its method may not run twice", { idempotent: false }],
  ["it has a key", { idempotent: false, idempotencyKey: "k" }],
  ["it is for one instance", { to: instanceAt(1) }],
  ["it is a retry itself", { attempt: 1 }],
  ["it is one-way", { oneWay: true }],
  ["it gives a stream", { stream: { index: 0, items: keepsOpen() }, args: [0] }],
] satisfies readonly (readonly [string, Partial<RoutedRequest>])[])(
  "a call is not sent twice when %s",
  async (_why, changes) => {
    const net = await practised();
    script(net, keepsQuiet);
    const call = net.call("Foo.Do", { ...hedged, timeoutMs: 2_000, ...changes });
    await until(() => net.world.heard.length > 0);
    await net.clock.advance(1_000);
    expect(net.world.heard).toHaveLength(1);
    net.world.heard[0]?.result("done");
    await call;
    expect(net.inFlight()).toBe(0);
  },
);

async function* keepsOpen(): AsyncGenerator<number> {
  yield 1;
}

test("a call whose answer turns out to be a stream is not sent twice", async () => {
  const net = await practised();
  script(net, (call) => call.item(1));
  const call = net.call("Foo.Do", hedged);
  await net.clock.advance(1_000);
  expect(net.world.heard).toHaveLength(1);
  expect(await failureOf(call)).toMatchObject({ reason: "IS_A_STREAM" });
  net.world.heard[0]?.end();
  await turn();
  expect(net.inFlight()).toBe(0);
});

test("a call that waits between two attempts is not sent beside them", async () => {
  const net = await practised();
  script(net, refuses("UNAVAILABLE", { executed: "maybe", retryAfterMs: 500 }), answers);
  const call = net.call("Foo.Do", hedged);
  await net.clock.advance(499);
  expect(net.world.heard).toHaveLength(1);
  expect(await inTime(net.clock, call)).toBeNumber();
  expect(net.world.heard).toHaveLength(2);
});

test("calls that fail or are taken back do not make the others go out twice sooner", async () => {
  const net = await practised();
  script(net, refuses("NOT_FOUND", { executed: "yes" }));
  for (let each = 0; each < 300; each++) await failureOf(net.call("Foo.Do", hedged));
  script(net, keepsQuiet);
  const controller = new AbortController();
  const { signal } = controller;
  const calls = Array.from({ length: 700 }, () => net.call("Foo.Do", { ...hedged, signal }));
  await turn();
  controller.abort();
  await Promise.allSettled(calls);
  await net.clock.advance(500);
  net.world.heard.length = 0;
  script(net, keepsQuiet);
  const call = net.call("Foo.Do", hedged);
  await net.clock.advance(usualMs - 1);
  expect(net.world.heard).toHaveLength(1);
  net.world.heard[0]?.result("in time");
  expect(await call).toBe("in time");
});

test("until twenty calls were answered no call is sent twice", async () => {
  const net = await practised(19);
  script(net, keepsQuiet, answers);
  const call = net.call("Foo.Do", hedged);
  await net.clock.advance(1_000);
  expect(net.world.heard).toHaveLength(1);
  net.world.heard[0]?.result("at last");
  expect(await call).toBe("at last");
});

test("no second attempt goes where there is no connection", async () => {
  const net = await practised();
  for (const { port, link } of net.world.links) if (port !== 1) link.close();
  await turn();
  script(net, keepsQuiet);
  net.world.list = [foo(1), any(7), any(8)];
  const calls = [1, 2, 3].map(() => net.call("Foo.Do", { ...hedged, timeoutMs: 900 }));
  await inTime(net.clock, Promise.allSettled(calls));
  const ports = net.world.heard.map(({ port }) => port);
  expect(new Set(ports)).toEqual(new Set([1]));
  expect(ports).toHaveLength(3);
});

test("when all calls get slower at once, one in ten is sent twice and no more", async () => {
  const net = await practised(100);
  const calls = 200;
  const slow: Act = (call) => void net.clock.after(usualMs * 4, () => call.result());
  script(net, slow);
  for (let each = 0; each < calls; each++) {
    const call = net.call("Foo.Do", hedged);
    await net.clock.advance(usualMs * 4);
    await call;
  }
  const second = net.world.heard.filter(({ attempt }) => attempt === 1).length;
  expect(second).toBeWithin(5, (calls + 100) / 10 + 1);
});

test("second attempts cost the budget of the service's retries", async () => {
  const net = await practised();
  script(net, refuses("RESOURCE_EXHAUSTED"));
  for (let each = 0; each < 60; each++) await failureOf(net.call("Foo.Do"));
  script(net, keepsQuiet);
  net.world.heard.length = 0;
  const call = net.call("Foo.Do", hedged);
  await net.clock.advance(200);
  expect(net.world.heard).toHaveLength(1);
  net.world.heard[0]?.result("alone");
  expect(await call).toBe("alone");
});

test("a lost connection is tried again, and not sent beside that as well", async () => {
  const net = await practised();
  script(net, breaks, answers);
  const call = net.call("Foo.Do", hedged);
  expect(await inTime(net.clock, call)).toBeNumber();
  expect(attempts(net)).toEqual([[0], [1]]);
  expect(net.inFlight()).toBe(0);
});
