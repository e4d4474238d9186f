import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { parseArguments } from "../../src/cli/args.ts";

function read(...words: readonly string[]): unknown {
  return parseArguments(["types", ...words], {});
}

test("declarations are printed, of everything, unless it is said otherwise", () => {
  expect(read()).toEqual({
    kind: "types",
    services: [],
    use: { kind: "print" },
    library: false,
    target: {
      kind: "registry",
      registry: ["http://127.0.0.1:9999"],
      cache: undefined,
      tokenFile: undefined,
    },
    timeoutMs: 10_000,
  });
  expect(read("Foo", "Bar", "Foo", "--address", "tcp@a:1")).toMatchObject({
    services: ["Foo", "Bar"],
    target: { kind: "address", address: ["tcp@a:1"] },
  });
});

test.each([
  [["-o", "foo.d.ts"], { kind: "write", file: "foo.d.ts" }],
  [["-ofoo.d.ts"], { kind: "write", file: "foo.d.ts" }],
  [["--out=foo.d.ts", "Foo"], { kind: "write", file: "foo.d.ts" }],
  [["--check", "foo.d.ts"], { kind: "check", file: "foo.d.ts", exact: false }],
  [["--check", "foo.d.ts", "--exact"], { kind: "check", file: "foo.d.ts", exact: true }],
])("%j says what becomes of them", (words, use) => {
  expect(read(...words)).toMatchObject({ use });
});

test("-o stands anywhere, before the command too", () => {
  expect(parseArguments(["-o", "list", "types", "Foo"], {})).toMatchObject({
    services: ["Foo"],
    use: { kind: "write", file: "list" },
  });
});

test("the library's own need no server", () => {
  expect(read("--library")).toMatchObject({ library: true, use: { kind: "print" } });
  expect(read("--library", "-o", "gee.d.ts")).toMatchObject({ library: true });
  const env = { GEE_REGISTRY: "http://a", GEE_ADDRESS: "tcp@a:1" };
  expect(parseArguments(["types", "--library"], env)).toMatchObject({ library: true });
});

test.each<readonly [words: readonly string[], message: string, hint: string | undefined]>([
  [["--exact"], "--exact needs --check FILE", undefined],
  [["--check", "a", "--out", "b"], "--check and --out exclude each other", undefined],
  [["--check"], "--check needs a value", "gee help types"],
  [["--library", "Foo"], "--library and Foo exclude each other", undefined],
  [["--library", "--check", "a"], "--library and --check exclude each other", undefined],
  [["--library", "--address", "tcp@a:1"], "--library and --address exclude", undefined],
  [["Foo.Sum"], '"Foo.Sum" is no SERVICE', "did you mean Foo?"],
  [["foo.d.ts"], '"foo.d.ts" is no SERVICE', "did you mean foo?"],
  [["a b"], '"a b" is no SERVICE', "for example: gee types Foo"],
  [["--otu", "x"], "unknown option '--otu'", "did you mean --out?"],
])("gee types %j is wrong usage", (words, message, hint) => {
  try {
    read(...words);
    expect.unreachable();
  } catch (thrown) {
    const error = GeeError.from(thrown);
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).toContain(message);
    if (hint !== undefined) expect(error.hint).toBe(hint);
  }
});
