import { expect, test } from "bun:test";
import { parseArguments } from "../../src/cli/args.ts";

test("it takes modules, and has a registry of its own unless one is named", () => {
  expect(parseArguments(["dev", "a.ts", "b.ts"], {})).toEqual({
    kind: "dev",
    modules: ["a.ts", "b.ts"],
    listen: "127.0.0.1:9999",
    registry: undefined,
    tokenFile: undefined,
    drainTimeoutMs: 25_000,
  });
  const words = ["dev", "a.ts", "--registry", "http://a,http://b", "--token-file", "t"];
  expect(parseArguments([...words, "--drain", "1s"], {})).toMatchObject({
    registry: ["http://a", "http://b"],
    tokenFile: "t",
    drainTimeoutMs: 1_000,
  });
});

test("a registry that everybody else asks is not joined unasked", () => {
  const env = { GEE_REGISTRY: "http://elsewhere", GEE_TOKEN_FILE: "t", GEE_REGISTRY_LISTEN: "a:1" };
  expect(parseArguments(["dev", "a.ts"], env)).toMatchObject({
    listen: "a:1",
    registry: undefined,
    tokenFile: undefined,
  });
});

test.each([
  ["dev", "gee dev needs MODULE.ts"],
  ["dev a.ts --registry http://a --listen 127.0.0.1:1", "exclude each other"],
  ["dev a.ts --token-file t", "--token-file is for --registry"],
])("gee %s is wrong usage", (line, message) => {
  expect(() => parseArguments(line.split(" "), {})).toThrow(message);
});
