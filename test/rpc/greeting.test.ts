import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { awaitHello, createServerHello, refusalOfHello } from "../../src/rpc/greeting.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { protocolVersion } from "../../src/wire/hello.ts";
import type { CallerHello } from "../../src/wire/hello.ts";
import { FakeClock } from "../support/clock.ts";
import { method, moduleOf, number, service } from "../support/contracts.ts";
import { frameOf } from "../support/scripted-peer.ts";
import { openBench } from "../wire/recorder.ts";

function wide(methods: number, idempotent: (index: number) => boolean) {
  const names = Array.from({ length: methods }, (_, index) => `Method${"x".repeat(40)}${index}`);
  const services = { Wide: Object.fromEntries(names.map((name) => [name, () => 1])) };
  const options = Object.fromEntries(
    names.map((name, index) => [name, { idempotent: idempotent(index) }]),
  );
  return createServerHello(createServiceTable(services, { Wide: options }), "id");
}

test("a server says its version, limits, instance and all its methods", () => {
  const table = createServiceTable({ Foo: { Sum: () => 1 } });
  expect(createServerHello(table, "id")).toEqual({
    version: 1,
    features: ["parts", "streams", "oneway", "keys"],
    maxMessageBytes: limits.maxMessageBytes,
    maxInFlight: limits.maxInFlight,
    instance: "id",
    services: table.facts,
    complete: true,
  });
});

test("when all methods are too many for a hello, only the idempotent ones are named", () => {
  const hello = wide(3_000, (index) => index % 10 === 0);
  expect(hello.complete).toBe(false);
  expect(hello.services.get("Wide")?.methods.size).toBe(300);
  expect(frameOf({ kind: "serverHello", id: 0, hello }).length).toBeLessThan(
    limits.maxServerHelloBytes,
  );
});

test("when those are too many as well, some are named and the service is", () => {
  const hello = wide(10_000, () => true);
  expect(hello.complete).toBe(false);
  expect(hello.services.get("Wide")?.methods.size).toBeGreaterThan(100);
  expect(frameOf({ kind: "serverHello", id: 0, hello }).length).toBeLessThan(
    limits.maxServerHelloBytes,
  );
});

test("256 services with the longest names fit", () => {
  const services = Object.fromEntries(
    Array.from({ length: 256 }, (_, index) => [
      `S${"x".repeat(60)}${index}`,
      Object.fromEntries(Array.from({ length: 20 }, (__, own) => [`M${own}`, () => 1])),
    ]),
  );
  const hello = createServerHello(createServiceTable(services), "id");
  expect(hello.services.size).toBe(258);
});

/** A service of so many methods with contracts. */
function known(count: number) {
  const names = Array.from({ length: count }, (_, index) => `Method${"x".repeat(20)}${index}`);
  const services = { Wide: Object.fromEntries(names.map((name) => [name, () => 1])) };
  const contract = moduleOf([
    service(
      names.map((name) => method(name, {}, number)),
      {},
      "Wide",
    ),
  ]);
  const table = createServiceTable(services, {}, [], { contract });
  return createServerHello(table, "id");
}

test("what does not fit goes in its turn: hashes of methods, what every server has, the methods", () => {
  const shown = (count: number) => {
    const { services, complete } = known(count);
    const own = services.get("Wide");
    return {
      complete,
      hash: own?.contract?.length,
      methods: own?.methods.size,
      hashes: [...(own?.methods.values() ?? [])].filter(({ hash }) => hash !== undefined).length,
      own: services.size - 1,
    };
  };
  const all = { complete: true, hash: 16, own: 2 };
  expect(shown(1_000)).toEqual({ ...all, methods: 1_000, hashes: 1_000 });
  expect(shown(1_500)).toEqual({ ...all, methods: 1_500, hashes: 0 });
  // Between the two there is little: its own take some 300 bytes.
  let [fits, without] = [1_500, 5_000];
  while (without - fits > 1) {
    const middle = Math.floor((fits + without) / 2);
    if (known(middle).complete) fits = middle;
    else without = middle;
  }
  expect(shown(without)).toEqual({ ...all, complete: false, methods: without, hashes: 0, own: 0 });
  expect(shown(5_000)).toMatchObject({ complete: false, hash: 16, methods: 0 });
});

function ask(fields: Partial<CallerHello>, draining = false) {
  const hello = { version: protocolVersion, features: [], maxMessageBytes: 65_536, ...fields };
  return refusalOfHello(hello, "served", draining);
}

test("a caller is taken that speaks this version or a later one, and means this instance or any", () => {
  expect(ask({})).toBeUndefined();
  expect(ask({ instance: "served" })).toBeUndefined();
  expect(ask({ version: protocolVersion + 6, features: ["later"] })).toBeUndefined();
});

test("each reason to refuse a caller has its name, and says that nothing was executed", () => {
  expect(ask({ version: protocolVersion - 1 })).toMatchObject({
    code: "UNIMPLEMENTED",
    reason: "UNSUPPORTED_VERSION",
    message: `version ${protocolVersion - 1} is not spoken`,
    executed: "no",
  });
  for (const instance of ["another", "", "Served"]) {
    expect(ask({ instance })).toMatchObject({
      code: "UNAVAILABLE",
      reason: "WRONG_INSTANCE",
      executed: "no",
    });
  }
  expect(ask({}, true)).toMatchObject({
    code: "UNAVAILABLE",
    reason: "DRAINING",
    executed: "no",
  });
});

test("a caller that is refused for several reasons hears of the version, then of the instance", () => {
  expect(ask({ version: 0, instance: "another" }, true)?.reason).toBe("UNSUPPORTED_VERSION");
  expect(ask({ instance: "another" }, true)?.reason).toBe("WRONG_INSTANCE");
});

test("a caller that says nothing is refused after its time, in which the process may end", async () => {
  const clock = new FakeClock();
  const { channel, owner } = openBench({ from: "caller" });
  awaitHello(channel, clock);
  expect(clock.pending("foreground")).toBe(0);
  await clock.advance(limits.helloTimeoutMs - 1);
  expect(channel.finished).toBe(false);
  await clock.advance(1);
  expect(owner.closedWhys).toMatchObject([{ code: "INVALID_ARGUMENT", reason: "HELLO_TIMEOUT" }]);
});

test("a hello that is there takes the time-out back", async () => {
  const clock = new FakeClock();
  const { channel } = openBench({ from: "caller" });
  awaitHello(channel, clock).cancel();
  await clock.advance(10 * limits.helloTimeoutMs);
  expect(channel.finished).toBe(false);
});
