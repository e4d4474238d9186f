import { expect, test } from "bun:test";
import { parseArguments } from "../../src/cli/args.ts";
import type { PingInvocation } from "../../src/cli/ping-args.ts";

function read(line: string, env: Readonly<Record<string, string>> = {}): PingInvocation {
  const invocation = parseArguments(
    line.split(" ").filter((word) => word !== ""),
    env,
  );
  if (invocation.kind !== "ping") throw new Error("it is no ping");
  return invocation;
}

test("without an argument it is about all services, once", () => {
  expect(read("ping")).toMatchObject({
    service: undefined,
    target: { kind: "registry", registry: ["http://127.0.0.1:9999"] },
    waitMs: 0,
    timeoutMs: 10_000,
    quiet: false,
  });
});

test("an argument is a service or an address", () => {
  expect(read("ping Foo --wait 30s --quiet --timeout 1s")).toMatchObject({
    service: "Foo",
    target: { kind: "registry" },
    waitMs: 30_000,
    timeoutMs: 1_000,
    quiet: true,
  });
  for (const [word, address] of [
    ["tcp@10.0.0.9:4000", "tcp@10.0.0.9:4000"],
    ["10.0.0.9:4000", "tcp@10.0.0.9:4000"],
    ["unix@/run/a.sock", "unix@/run/a.sock"],
  ]) {
    expect(read(`ping ${word}`, { GEE_REGISTRY: "http://a" })).toMatchObject({
      service: undefined,
      target: { kind: "address", address: [address] },
    });
  }
  expect(read("ping Foo --address tcp@a:1,tcp@b:1")).toMatchObject({
    service: "Foo",
    target: { kind: "address", address: ["tcp@a:1", "tcp@b:1"] },
  });
});

test("before the command --wait has its value, and is a switch of gee call all the same", () => {
  expect(read("--wait 30s ping Foo")).toMatchObject({ service: "Foo", waitMs: 30_000 });
  expect(parseArguments(["--wait", "call", "Foo.Sum"], {})).toMatchObject({
    kind: "call",
    method: "Foo.Sum",
    wait: true,
  });
});

test.each([
  ["ping Foo.Sum", "is no service and no address"],
  ["ping Foo Bar", '"Bar" is too many'],
  ["ping tcp@", "malformed address"],
  ["ping a:0", "malformed address"],
  ["ping tcp@a:1 --registry http://a", "--registry and tcp@a:1 exclude each other"],
  ["ping --wait", "--wait needs a value"],
  ["ping --wait 5", "it has no unit"],
])("gee %s is wrong usage", (line, message) => {
  expect(() => read(line)).toThrow(message);
});
