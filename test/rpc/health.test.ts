import { expect, test } from "bun:test";
import { Health, Serving } from "../../src/rpc/health.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { openEnds, openSession, wires } from "../support/ends.ts";
import { fullHello } from "../support/scripted-peer.ts";

function healthOf() {
  const clock = new FakeClock();
  const serving = new Serving(clock);
  const health = new Health(serving, (service) => service === "Foo");
  return { clock, serving, health };
}

test("it serves until it drains, and knows its services", () => {
  const { serving, health } = healthOf();
  expect(["", "Foo", "Bar"].map((service) => health.Check(service).status)).toEqual([
    "SERVING",
    "SERVING",
    "SERVICE_UNKNOWN",
  ]);
  expect(health.Check().status).toBe("SERVING");
  serving.drain();
  expect(["", "Foo", "Bar"].map((service) => health.Check(service).status)).toEqual([
    "NOT_SERVING",
    "NOT_SERVING",
    "SERVICE_UNKNOWN",
  ]);
});

test("who waits is woken by the drain, by its signal and after a while, and leaves no timer", async () => {
  const { clock, serving } = healthOf();
  const waits = (signal = new AbortController().signal) => {
    const state = { over: false };
    void serving.changed(signal).then(() => (state.over = true));
    return state;
  };
  const slow = waits();
  await clock.advance(19_999);
  expect(slow.over).toBe(false);
  await clock.advance(1);
  expect(slow.over).toBe(true);
  const leaving = new AbortController();
  const [left, stays] = [waits(leaving.signal), waits()];
  leaving.abort();
  await turn();
  expect([left.over, stays.over]).toEqual([true, false]);
  expect(waits(leaving.signal)).toEqual({ over: false });
  serving.drain();
  await turn();
  expect(stays.over).toBe(true);
  expect(clock.pending()).toBe(0);
});

for (const wire of wires) {
  const name = (text: string): string => `${text}, over ${wire.name}`;

  test(
    name("a watch says how it is at once, the same again so that it is not idle, and the end"),
    async () => {
      await using ends = await openEnds(wire, { Foo: { Run: () => 1 } });
      const call = ends.call("gee.Health.Watch", ["Foo"]);
      const items = call.iterate();
      expect(await items.next()).toEqual({ done: false, value: { status: "SERVING" } });
      const next = items.next();
      await turn();
      await ends.clock.advance(20_000);
      expect(await next).toEqual({ done: false, value: { status: "SERVING" } });
      const last = items.next();
      await turn();
      ends.host.table.drain();
      expect(await last).toEqual({ done: false, value: { status: "NOT_SERVING" } });
      expect(await items.next()).toEqual({ done: true, value: undefined });
      await until(() => ends.host.running === 0, "the handler's end");
    },
  );

  test(name("a watch that is left leaves nothing behind"), async () => {
    const { peer, host, clock } = await openSession(wire, { Foo: { Run: () => 1 } });
    peer.hello(fullHello());
    peer.say(callMessage(1, { method: "gee.Health.Watch", args: [], timeoutMs: undefined }));
    await until(() => peer.messages.length === 2, "the first item");
    expect(host.running).toBe(1);
    const pending = clock.pending();
    peer.say({ kind: "cancel", id: 1, code: "CANCELLED", message: undefined });
    await until(() => host.running === 0, "the handler's end");
    expect(clock.pending()).toBeLessThan(pending);
  });
}

test("a service that there is not is unknown, and watched all the same", async () => {
  await using ends = await openEnds(wires[0], { Foo: { Run: () => 1 } });
  const items = ends.call("gee.Health.Watch", ["Bar"]).iterate();
  expect((await items.next()).value).toEqual({ status: "SERVICE_UNKNOWN" });
  ends.host.table.drain();
  expect((await items.next()).value).toEqual({ status: "SERVICE_UNKNOWN" });
  expect((await items.next()).done).toBe(true);
});

test("watches of a server have a limit", async () => {
  await using ends = await openEnds(wires[0], { Foo: { Run: () => 1 } });
  expect(ends.host.table.find("gee.Health.Watch").concurrency).toBe(1_000);
});
