import { expect, test } from "bun:test";
import { parseArguments } from "../../src/cli/args.ts";
import { exampleCall } from "../../src/cli/example-call.ts";
import { parseArgument } from "../../src/cli/literals.ts";
import type { Parameter, ServiceContract, TypeNode } from "../../src/contract/contract.ts";

function example(
  parameters: readonly Parameter[],
  targetWords: readonly string[] = [],
  types: ServiceContract["types"] = {},
): string | undefined {
  const method = { name: "Do", signatures: [{ parameters, result: { kind: "number" } as const }] };
  const found = exampleCall({ name: "Foo", methods: [method], types }, method, targetWords);
  return found?.kind === "none" ? `none: ${found.why}` : found?.line;
}

const of = (type: TypeNode, name = "a", more: Partial<Parameter> = {}): Parameter => ({
  name,
  type,
  ...more,
});
const literal = (value: string): TypeNode => ({ kind: "literal", value });

/** What a shell, and then `gee call`, makes of a line. */
async function readBack(line: string): Promise<readonly unknown[]> {
  const script = `gee() { printf '%s\\0' "$@"; }\n${line}`;
  const child = Bun.spawn(["sh", "-c", script], { stdout: "pipe", stdin: "ignore" });
  const words = (await child.stdout.text()).split("\0").slice(0, -1);
  const invocation = parseArguments(words, {});
  if (invocation.kind !== "call") throw new Error(`${line} is no call`);
  return invocation.positionals.map((text, index) => parseArgument(text, index + 1));
}

test("plain arguments stand as they are", () => {
  expect(example([])).toBe("gee call Foo.Do");
  expect(example([of({ kind: "number" }), of({ kind: "number" })])).toBe("gee call Foo.Do 1 2");
  expect(example([of({ kind: "string" }, "name")])).toBe("gee call Foo.Do name");
  expect(example([of({ kind: "boolean" }), of({ kind: "null" })])).toBe(
    "gee call Foo.Do true null",
  );
  expect(example([of({ kind: "number" }, "a", { optional: true })])).toBe("gee call Foo.Do");
});

test.each([
  "it's",
  "42",
  "true",
  "",
  "-1",
  "--json",
  "--",
  "@file",
  '{"a',
  "a b",
  "$(touch x)",
  "`x`",
  "*",
  "a\nb",
  "tab\there",
  "\u2028",
  "é",
  "a\\nb",
])("the text %j arrives as it is", async (text) => {
  const line = example([of({ kind: "number" }), of(literal(text)), of(literal(text))]);
  expect(await readBack(line ?? "")).toEqual([1, text, text]);
});

test("an object is one word in single quotes", async () => {
  const user: TypeNode = {
    kind: "object",
    fields: [
      { name: "name", type: literal("it's $(me)") },
      { name: "tags", type: { kind: "array", items: { kind: "string" } } },
      { name: "left", type: { kind: "number" }, optional: true },
    ],
  };
  const line = example([of({ kind: "ref", name: "User" })], [], { User: { type: user } });
  expect(line).toBe(`gee call Foo.Do '{"name":"it'\\''s $(me)","tags":["tags"]}'`);
  expect(await readBack(line ?? "")).toEqual([{ name: "it's $(me)", tags: ["tags"] }]);
});

test("the words that said where the servers are come along", async () => {
  const words = ["--registry", "http://a b"];
  expect(example([of({ kind: "number" })], words)).toBe(
    "gee call Foo.Do 1 --registry 'http://a b'",
  );
  const marked = example([of(literal("--all"))], ["--address", "tcp@a:1"]);
  expect(marked).toBe(`gee call Foo.Do '"--all"' --address tcp@a:1`);
  expect(await readBack(marked ?? "")).toEqual(["--all"]);
});

test("a stream is read from a pipe", async () => {
  const stream = of({ kind: "string" }, "texts", { stream: true });
  const line = example([of({ kind: "number" }), stream]);
  expect(line).toBe(`printf '%s\\n' '"texts"' '"texts"' | gee call Foo.Do 1 --stream @-`);
  expect(await readBack(line ?? "")).toEqual([1]);
  expect(example([stream, of({ kind: "number" })])).toBe(
    "none: args[0] (texts) is a stream, and not the last one",
  );
});

test("what JSON cannot say is no example that fails", () => {
  expect(example([of({ kind: "date" }, "when")])).toStartWith(
    "none: args[0] (when): expected Date, got string",
  );
  expect(example([of({ kind: "bytes", name: "Uint8Array" })])).toStartWith("none: args[0]");
  expect(example([of({ kind: "date" }, "days", { stream: true })])).toStartWith("none: args[0]");
});

test("of a method of which nothing is known there is no call", () => {
  const method = { name: "Do", signatures: [], why: "its source was not read" };
  expect(exampleCall({ name: "Foo", methods: [method], types: {} }, method, [])).toBeUndefined();
});

test("an argument that may be left out has its place before one that may not", () => {
  const number: TypeNode = { kind: "number" };
  expect(example([of(number, "a", { optional: true }), of(number, "b")])).toBe(
    "gee call Foo.Do 1 2",
  );
});
