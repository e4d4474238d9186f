import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { parseArguments } from "../../src/cli/args.ts";

function read(...words: readonly string[]): unknown {
  return parseArguments(["describe", ...words], {});
}

test("a description has its defaults", () => {
  expect(read("Foo")).toEqual({
    kind: "describe",
    service: "Foo",
    method: undefined,
    jsonSchema: false,
    target: {
      kind: "registry",
      registry: ["http://127.0.0.1:9999"],
      cache: undefined,
      tokenFile: undefined,
    },
    targetWords: [],
    timeoutMs: 10_000,
  });
  expect(parseArguments(["desc", "Foo"], {})).toEqual(parseArguments(["describe", "Foo"], {}));
});

test.each([
  ["Foo.Sum", "Foo", "Sum"],
  ["gee.Health", "gee.Health", undefined],
  ["gee.Health.Check", "gee.Health", "Check"],
  ["gee", "gee", undefined],
])("%s is a service and a method", (text, service, method) => {
  expect(read(text)).toMatchObject({ service, method });
});

test.each([
  "",
  ".",
  "Foo.",
  ".Sum",
  "Foo.Sum.More",
  "gee.Health.Check.x",
  "a b",
  "Foo/Sum",
  "gee.",
])("%j is neither", (text) => {
  try {
    read(text);
    expect.unreachable();
  } catch (thrown) {
    const { code, hint } = GeeError.from(thrown);
    expect([code, hint]).toEqual(["INVALID_ARGUMENT", "for example: gee describe Foo.Sum"]);
  }
});

test("what says where the servers are is kept for a call to copy", () => {
  expect(read("Foo", "--registry", "http://a,http://b", "--token-file", "t")).toMatchObject({
    targetWords: ["--registry", "http://a,http://b", "--token-file", "t"],
  });
  expect(read("Foo", "--address=tcp@a:1", "--timeout", "1s", "--json-schema")).toMatchObject({
    targetWords: ["--address", "tcp@a:1"],
    timeoutMs: 1_000,
    jsonSchema: true,
  });
  // The environment holds for the call as well.
  expect(parseArguments(["describe", "Foo"], { GEE_ADDRESS: "tcp@a:1" })).toMatchObject({
    target: { kind: "address", address: ["tcp@a:1"] },
    targetWords: [],
  });
});
