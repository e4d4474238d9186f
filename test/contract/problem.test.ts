import { expect, test } from "bun:test";
import type { TypeNode } from "../../src/contract/contract.ts";
import { Fitting } from "../../src/contract/fitting.ts";
import { fieldPath, Problems } from "../../src/contract/problem.ts";
import { beginCheck } from "../../src/contract/small-fits.ts";
import {
  list,
  literal,
  number,
  object,
  ref,
  service,
  string,
  union,
} from "../support/contracts.ts";

const { types } = service([], { User: object({ name: string }), Id: union(string, number) });

function problem(type: TypeNode, value: unknown, isGiven = true): readonly [string, string] {
  beginCheck();
  const found = new Problems(new Fitting(types)).of(type, value, isGiven);
  return [found.path, found.text];
}

test("a path is written as in TypeScript", () => {
  expect(["a", "$a_1", "a b", "1", "größe", "__proto__", 'a"'].map(fieldPath)).toEqual([
    ".a",
    ".$a_1",
    '["a b"]',
    '["1"]',
    '["größe"]',
    ".__proto__",
    '["a\\""]',
  ]);
});

test("what is missing altogether is nothing", () => {
  expect(problem(string, undefined, false)).toEqual(["", "expected string, got nothing"]);
  expect(problem(string, undefined)).toEqual(["", "expected string, got undefined"]);
});

test("a name is shown for what has an inside, and what it stands for else", () => {
  expect(problem(ref("User"), 1)).toEqual(["", "expected User, got number"]);
  expect(problem(ref("Id"), true)).toEqual(["", "expected string | number, got boolean"]);
  expect(problem(list(ref("Id")), true)).toEqual(["", "expected Id[], got boolean"]);
});

test("long types and long values are cut, and stay text", () => {
  const long = object(
    Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`f${at}`, string])),
  );
  const [, text] = problem(long, 1);
  expect(text).toBe(
    "expected { f0: string; f1: string; f2: string; f3: string; f4: string; f5: string; f6:..., got number",
  );
  const [, got] = problem(literal("a"), "😀".repeat(1_000_000));
  expect(got).toStartWith('expected "a", got "😀😀');
  expect(got.length).toBeLessThan(70);
  expect(got.isWellFormed()).toBe(true);
});

test("only what is wrong is looked into", () => {
  let reads = 0;
  const fine = { name: "x" };
  const spied = {
    get name(): string {
      reads += 1;
      return "x";
    },
  };
  expect(problem(list(ref("User")), [spied, fine, { name: 1 }])).toEqual([
    "[2].name",
    "expected string, got number",
  ]);
  // Once for the list, once for the item.
  expect(reads).toBe(2);
});
