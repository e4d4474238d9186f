import { expect, test } from "bun:test";
import { parseArguments } from "../../src/cli/args.ts";
import type { BenchInvocation } from "../../src/cli/bench-args.ts";
import { GeeError } from "../../src/base/errors.ts";

function read(line: string, env: Readonly<Record<string, string>> = {}): BenchInvocation {
  const invocation = parseArguments(["bench", ...line.split(" ")], env);
  if (invocation.kind !== "bench") throw new Error("it is no bench");
  return invocation;
}

test("by default it keeps 50 calls in flight for 10 s, behind a second of warm-up", () => {
  expect(read("Foo.Sum 1 -2")).toEqual({
    kind: "bench",
    method: "Foo.Sum",
    positionals: ["1", "-2"],
    data: undefined,
    mode: { kind: "closed", concurrency: 50 },
    durationMs: 10_000,
    warmupMs: 1_000,
    timeoutMs: 10_000,
    target: {
      kind: "registry",
      registry: ["http://127.0.0.1:9999"],
      cache: undefined,
      tokenFile: undefined,
    },
    policy: "p2c",
    to: undefined,
    metadata: undefined,
    maxP99Ms: undefined,
    maxErrors: undefined,
    compare: undefined,
  });
});

test("everything can be said otherwise", () => {
  const line =
    "Foo.Sum --data [1,2] --rate 0.5 --duration 5m --warmup 0 --timeout 200ms --address tcp@a:1 " +
    "--policy random --to abc --meta a=b --max-p99 1.5ms --max-errors 0.1% --compare old.json";
  expect(read(line)).toMatchObject({
    data: "[1,2]",
    mode: { kind: "open", ratePerSecond: 0.5 },
    durationMs: 300_000,
    warmupMs: 0,
    timeoutMs: 200,
    target: { kind: "address", address: ["tcp@a:1"] },
    policy: "random",
    to: "abc",
    metadata: { a: "b" },
    maxP99Ms: 1.5,
    maxErrors: 0.001,
    compare: "old.json",
  });
  expect(read("Foo.Sum --concurrency 20000").mode).toEqual({ kind: "closed", concurrency: 20_000 });
  expect(read("Foo.Sum --max-errors 0").maxErrors).toBe(0);
});

test.each([
  ["Foo", '"Foo" is no SERVICE.METHOD', "for example: gee bench Foo.Sum 1 2"],
  ["Foo.Sum --rate 0", "--rate is a number from 0.1 to 1000000", undefined],
  ["Foo.Sum --rate 1e9", "--rate is a number from 0.1 to 1000000", undefined],
  ["Foo.Sum --rate fast", "--rate is a number from 0.1 to 1000000", undefined],
  ["Foo.Sum --concurrency 0", "--concurrency is a number from 1 to 20000", undefined],
  ["Foo.Sum --concurrency 1.5", "--concurrency is a whole number", undefined],
  ["Foo.Sum --rate 5 --concurrency 5", "exclude each other", "--rate starts calls on a schedule"],
  ["Foo.Sum --duration 0", "--duration: 0 is out of range", undefined],
  ["Foo.Sum --duration 99ms", "--duration: 99ms is out of range", undefined],
  ["Foo.Sum --duration 5", "it has no unit", undefined],
  ["Foo.Sum --timeout 0", "--timeout: 0 is out of range", undefined],
  ["Foo.Sum --max-errors 5", '--max-errors "5" is no part', "such as 0.1%"],
  ["Foo.Sum --max-errors 101%", '--max-errors "101%" is no part', undefined],
  ["Foo.Sum --data 1 2", '--data and "2" exclude each other', undefined],
  ["Foo.Sum --policy hash", "--policy hash has no key", undefined],
  ["Foo.Sum -x", "unknown option '-x'", "behind -- everything is an argument"],
])("gee bench %s is wrong usage", (line, message, hint) => {
  let error: GeeError | undefined;
  try {
    read(line);
  } catch (thrown) {
    error = GeeError.from(thrown);
  }
  expect(error?.code).toBe("INVALID_ARGUMENT");
  expect(error?.message).toContain(message);
  if (hint !== undefined) expect(error?.hint).toContain(hint);
});
