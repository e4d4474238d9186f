import { expect, test } from "bun:test";
import ts from "typescript";
import { CompilerFiles } from "../../src/source/compiler-host.ts";
import { Endless, OpenTypes } from "../../src/source/open-types.ts";
import type { OpenType } from "../../src/source/open-types.ts";
import { plainSettings } from "../../src/source/settings.ts";
import { memoryHost } from "../support/source-host.ts";

const path = "/m/a.ts";
const text = `
  interface N<T> { value: T }
  export type Sizes = [N<1>, N<12>, N<123>, N<1234>, N<12345>, N<123456>];`;
const host = new CompilerFiles(memoryHost({ [path]: text })).compilerHost("/m");
const program = ts.createProgram([path], plainSettings(path).options, host);
const checker = program.getTypeChecker();

/** Forms of one generic type, each longer than the one before. */
const forms: readonly OpenType[] = (() => {
  const file = program.getSourceFile(path);
  const alias = file?.statements.find(ts.isTypeAliasDeclaration);
  if (alias === undefined || !ts.isTupleTypeNode(alias.type)) throw new Error("no such");
  return alias.type.elements.map((node) => {
    const type = checker.getTypeFromTypeNode(node);
    return { type, kind: type.symbol, source: undefined };
  });
})();

/** Opens types, each inside the one before. @returns how many there were */
function open(types: OpenTypes, inside: readonly OpenType[]): number {
  const [first, ...rest] = inside;
  return first === undefined ? types.depth : types.within(first, () => open(types, rest));
}

test("a type that grows inside itself has no end", () => {
  expect(() => open(new OpenTypes(checker), forms)).toThrow(Endless);
  expect(open(new OpenTypes(checker), forms.slice(0, 5))).toBe(5);
  // What shrinks comes to an end, however long it takes.
  expect(open(new OpenTypes(checker), forms.toReversed())).toBe(6);
});

test("a part knows what it was found in, and counts from where it begins", () => {
  const types = new OpenTypes(checker);
  const [first, second, third] = forms;
  if (first === undefined || second === undefined || third === undefined)
    throw new Error("no such");
  const within = types.within(first, () => types.within(second, () => types.all()));
  expect(types.depth).toBe(0);
  types.restart(within);
  expect(types.depth).toBe(0);
  expect(types.hasKind(first.kind)).toBe(true);
  expect(types.has(first.type)).toBe(false);
  types.within(third, () => {
    expect(types.depth).toBe(1);
    expect(types.has(third.type)).toBe(true);
  });
  expect(() => open(types, forms.slice(2))).toThrow(Endless);
  types.restart([]);
  expect(types.hasKind(first.kind)).toBe(false);
});
