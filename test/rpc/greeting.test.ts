import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { createServerHello } from "../../src/rpc/greeting.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { frameOf } from "../support/scripted-peer.ts";

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
    features: [],
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
  expect(hello.services.size).toBe(256);
});
