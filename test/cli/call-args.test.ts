import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { type CallInvocation, readCall } from "../../src/cli/call-args.ts";
import { commands } from "../../src/cli/commands.ts";
import { Values } from "../../src/cli/values.ts";

function read(
  operands: readonly string[],
  typed: Readonly<Record<string, readonly string[]>> = {},
  env: Readonly<Record<string, string>> = {},
): CallInvocation {
  return readCall(new Values(commands.call, operands, new Map(Object.entries(typed)), env));
}

function failureOf(typed: Readonly<Record<string, readonly string[]>>): GeeError {
  try {
    read(["Foo.Sum"], typed);
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it was accepted");
}

test("a call has its defaults", () => {
  expect(read(["Foo.Sum", "1", "2"])).toEqual({
    kind: "call",
    method: "Foo.Sum",
    positionals: ["1", "2"],
    data: undefined,
    stream: undefined,
    metadata: undefined,
    idempotencyKey: undefined,
    oneWay: false,
    target: { kind: "registry", registry: ["http://127.0.0.1:9999"] },
    timeoutMs: undefined,
    policy: "p2c",
    hashKey: undefined,
    tags: undefined,
    zone: undefined,
    wait: false,
    all: false,
    to: undefined,
  });
});

test("a time-out is one that somebody has given, by flag or variable", () => {
  expect(read(["Foo.Sum"], { timeout: ["3s"] }).timeoutMs).toBe(3_000);
  expect(read(["Foo.Sum"], {}, { GEE_TIMEOUT: "4s" }).timeoutMs).toBe(4_000);
  expect(read(["Foo.Sum"], {}, { GEE_TIMEOUT: "" }).timeoutMs).toBeUndefined();
});

test("a stream, metadata, a key and one-way are read", () => {
  const typed = { stream: ["@-"], meta: ["a=b", "c=d=e", "a=z"], key: ["order 7"] };
  expect(read(["Foo.Total"], typed)).toMatchObject({
    stream: "@-",
    metadata: { a: "z", c: "d=e" },
    idempotencyKey: "order 7",
  });
  expect(read(["Foo.Log"], { "one-way": [""] }).oneWay).toBe(true);
  expect(read(["Foo.Total"], { stream: ["@-"], data: ["@f"] })).toMatchObject({ data: "@f" });
});

test("how an instance is chosen is read", () => {
  expect(read(["Foo.Sum"], { policy: ["least-in-flight"] }).policy).toBe("least-in-flight");
  const typed = { "hash-key": ["user 7"], tag: ["a=b", "c=d"], zone: ["eu-1"], wait: [""] };
  expect(read(["Foo.Sum"], typed)).toMatchObject({
    policy: "hash",
    hashKey: "user 7",
    tags: { a: "b", c: "d" },
    zone: "eu-1",
    wait: true,
  });
  expect(read(["Foo.Sum"], { "hash-key": ["k"], policy: ["hash"] }).policy).toBe("hash");
  expect(read(["Foo.Sum"], { all: [""], tag: ["a=b"] }).tags).toEqual({ a: "b" });
});

test.each([
  ["--hash-key and --policy exclude each other", { "hash-key": ["k"], policy: ["random"] }],
  ["--hash-key and --all exclude each other", { "hash-key": ["k"], all: [""] }],
  ["--policy and --all exclude each other", { policy: ["random"], all: [""] }],
  ["--zone and --all exclude each other", { zone: ["a"], all: [""] }],
  ["--policy and --to exclude each other", { policy: ["random"], to: ["x"] }],
  ["--hash-key and --to exclude each other", { "hash-key": ["k"], to: ["x"] }],
  ["--policy hash needs --hash-key", { policy: ["hash"] }],
  ["--wait and --all exclude each other", { wait: [""], all: [""] }],
  ['--tag "a" is no NAME=VALUE', { tag: ["a"] }],
  ["--stream and --all exclude each other", { stream: ["@-"], all: [""] }],
  ["--stream and --one-way exclude each other", { stream: ["@-"], "one-way": [""] }],
  ["--data and --stream cannot both read standard input", { stream: ["@-"], data: ["@-"] }],
  ["--stream needs a value", { stream: [""] }],
  ["--key has 257 characters, more than 256", { key: ["x".repeat(257)] }],
  ["--key needs a value", { key: [""] }],
  ['--meta "a" is no NAME=VALUE', { meta: ["b=c", "a"] }],
  ['--meta "=b" is no NAME=VALUE', { meta: ["=b"] }],
])("%s", (message, typed) => {
  const error = failureOf(typed);
  expect(error.code).toBe("INVALID_ARGUMENT");
  expect(error.message).toStartWith(message);
});
