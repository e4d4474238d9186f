import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { disposeServices, hostServices } from "../../src/server/hosted.ts";
import type { HostedOptions } from "../../src/server/hosted.ts";
import { FakeClock, until } from "../support/clock.ts";
import { scripted, wires } from "../support/ends.ts";
import { memoryLog } from "../support/memory-log.ts";

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
}

function hosted(options: Partial<HostedOptions> = {}) {
  const parts = { clock: new FakeClock(), log: silentLog, instance: "this one" };
  const nested = new NestedCalls(undefined);
  const services = { Foo: new Foo() };
  return hostServices({ services, ...options }, { ...parts, nested, maxConnections: 10 });
}

test("services are served over any link", async () => {
  const { hosting, services } = hosted({
    maxInFlight: 7,
    maxMessageBytes: 70_000,
    methods: { Foo: { Sum: { idempotent: true } } },
  });
  expect(services).toEqual([{ name: "Foo", methods: ["Sum"] }]);
  const { peer, attach } = scripted("caller");
  await wires[0].join(attach, (link) => hosting.accept(link));
  peer.hello();
  await until(() => peer.frames.length > 0);
  const [hello] = peer.messages;
  expect(hello).toMatchObject({
    kind: "serverHello",
    hello: { instance: "this one", maxInFlight: 7, maxMessageBytes: 70_000 },
  });
  if (hello?.kind !== "serverHello") return;
  expect(hello.hello.services.get("Foo")?.methods.get("Sum")?.flags).toBe(1);
});

test("what cannot be right is refused", () => {
  expect(() => hosted({ services: {} })).toThrow("there is nothing to serve");
  expect(() => hosted({ maxInFlight: 0 })).toThrow("maxInFlight is 0");
});

test("services are disposed of one after the other, and one that fails hurts nobody", async () => {
  const { log, lines } = memoryLog();
  const disposed: string[] = [];
  await disposeServices(
    {
      A: {
        async [Symbol.asyncDispose]() {
          await Promise.resolve();
          disposed.push("A");
        },
      },
      B: {
        [Symbol.dispose]() {
          disposed.push("B");
          throw new Error("no");
        },
      },
      C: {},
      D: { [Symbol.dispose]: () => disposed.push("D") },
    },
    log,
  );
  expect(disposed).toEqual(["A", "B", "D"]);
  expect(lines.join()).toContain("a service failed while it was disposed of");
});
