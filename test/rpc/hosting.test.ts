import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { Hosting } from "../../src/rpc/hosting.ts";
import type { HostingOptions } from "../../src/rpc/hosting.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, until } from "../support/clock.ts";
import { scripted, wires } from "../support/ends.ts";
import { fullHello } from "../support/scripted-peer.ts";
import type { ScriptedPeer } from "../support/scripted-peer.ts";

class Foo {
  readonly open: PromiseWithResolvers<string>[] = [];

  Hold(): Promise<string> {
    const held = Promise.withResolvers<string>();
    this.open.push(held);
    return held.promise;
  }
}

function hostingOf(changes: Partial<HostingOptions> = {}) {
  const clock = new FakeClock();
  const foo = new Foo();
  const hosting = new Hosting({
    clock,
    log: silentLog,
    table: createServiceTable({ Foo: foo }),
    instance: "this one",
    nested: new NestedCalls(undefined),
    maxConnections: 10,
    ...changes,
  });
  return { clock, foo, hosting };
}

async function join(hosting: Hosting): Promise<ScriptedPeer> {
  const { peer, attach } = scripted("caller");
  await wires[0].join(attach, (link) => hosting.accept(link));
  peer.hello(fullHello());
  await until(() => peer.frames.length > 0 || peer.closedWhy !== undefined, "an answer");
  return peer;
}

test("it counts callers, calls and handlers, and forgets who has left", async () => {
  const { foo, hosting } = hostingOf();
  const peer = await join(hosting);
  await join(hosting);
  expect([hosting.connections, hosting.inFlight, hosting.running]).toEqual([2, 0, 0]);
  peer.say(callMessage(1, { method: "Foo.Hold", args: [] }));
  await until(() => foo.open.length === 1);
  expect([hosting.inFlight, hosting.running]).toEqual([1, 1]);
  foo.open[0]?.resolve("done");
  await until(() => hosting.running === 0);
  peer.end();
  await until(() => hosting.connections === 1);
  expect(hosting.inFlight).toBe(0);
});

test("whoever is one too many is told so", async () => {
  const { hosting } = hostingOf({ maxConnections: 1 });
  const first = await join(hosting);
  const second = await join(hosting);
  await until(() => second.closedWhy !== undefined);
  expect(second.messages).toMatchObject([{ kind: "fault", reason: "TOO_MANY_CONNECTIONS" }]);
  expect(first.closedWhy).toBeUndefined();
  expect(hosting.connections).toBe(1);
});

test("it stops when what runs is done, and lets go of what is handed to it last", async () => {
  const { clock, foo, hosting } = hostingOf();
  const peer = await join(hosting);
  peer.say(callMessage(1, { method: "Foo.Hold", args: [] }));
  await until(() => foo.open.length === 1);
  const steps: string[] = [];
  const stopped = hosting.stop(
    { lameDuckMs: 1_000, drainTimeoutMs: 5_000 },
    {
      withdraw: async () => void steps.push("withdraw"),
      stopListening: () => void steps.push("stopListening"),
      dispose: async () => void steps.push("dispose"),
    },
  );
  await clock.advance(1_000);
  await until(() => steps.includes("stopListening"));
  expect(steps).toEqual(["withdraw", "stopListening"]);
  foo.open[0]?.resolve("done");
  await stopped;
  expect(steps).toEqual(["withdraw", "stopListening", "dispose"]);
  await until(() => hosting.connections === 0);
  expect(clock.pending("foreground")).toBe(0);
});

test("who watches its health is told when it begins to drain, and holds nothing up", async () => {
  const { clock, hosting } = hostingOf();
  const peer = await join(hosting);
  peer.say(callMessage(1, { method: "gee.Health.Watch", args: [], timeoutMs: undefined }));
  await until(() => peer.messages.length === 2);
  expect(peer.messages[1]).toMatchObject({ kind: "item", id: 1, value: { status: "SERVING" } });
  const withdrawn = Promise.withResolvers<void>();
  const stopped = hosting.stop(
    { lameDuckMs: 1_000, drainTimeoutMs: 60_000 },
    { withdraw: () => withdrawn.promise, stopListening() {}, dispose: () => Promise.resolve() },
  );
  // Until the last registry has let go of it, it takes calls.
  await clock.advance(1_000);
  expect(peer.messages).toHaveLength(2);
  withdrawn.resolve();
  await until(() => hosting.inFlight === 0, "the end of the watch");
  expect(peer.messages.slice(2).filter(({ kind }) => kind !== "drain")).toMatchObject([
    { kind: "item", id: 1, value: { status: "NOT_SERVING" } },
    { kind: "end", id: 1 },
  ]);
  await clock.advance(1_000);
  await stopped;
  expect(clock.pending("foreground")).toBe(0);
});

test("limits that cannot be right are refused", () => {
  const wrong: readonly (readonly [Partial<HostingOptions>, string])[] = [
    [{ maxInFlight: 0 }, "maxInFlight is 0, and must be a whole number above 0"],
    [{ maxRunningHandlers: 1.5 }, "maxRunningHandlers is 1.5, and must be a whole number above 0"],
    [{ maxMessageBytes: 1 }, "maxMessageBytes is 1, and must be from 65536 to 67108864"],
  ];
  for (const [changes, message] of wrong) {
    expect(() => hostingOf(changes)).toThrow(expect.objectContaining({ message }));
  }
});
