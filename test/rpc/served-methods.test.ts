import { expect, test } from "bun:test";
import type { MethodContract } from "../../src/contract/contract.ts";
import type { MethodOptions } from "../../src/rpc/method-options.ts";
import { classNameOf } from "../../src/base/class-name.ts";
import { flagsOf, methodsOf } from "../../src/rpc/served-methods.ts";
import type { Handler } from "../../src/rpc/served-methods.ts";
import { method, number } from "../support/contracts.ts";

class Base {
  Inherited(): void {}
}

class Foo extends Base {
  Sum(): void {}
  _hidden(): void {}
  get Getter(): () => void {
    throw new Error("nobody may look");
  }
}

test("methods are those of the instance's own class, or an object's own functions", () => {
  expect([...methodsOf(new Foo()).keys()]).toEqual(["Sum"]);
  expect([...methodsOf({ Run() {}, _no() {}, toString: () => "", Half: 0.5 }).keys()]).toEqual([
    "Run",
  ]);
  expect([...methodsOf(Object.assign(Object.create(null), { Run() {} })).keys()]).toEqual(["Run"]);
});

test("the class of an instance has a name, an object without one has none", () => {
  expect(classNameOf(new Foo())).toBe("Foo");
  expect(classNameOf(new (class {})())).toBe("");
  for (const plain of [{ Run() {} }, Object.create(null), { constructor: Foo }]) {
    expect(classNameOf(plain)).toBe("");
  }
  expect(classNameOf(Object.create({ constructor: "Foo" }))).toBe("");
});

const unread: MethodContract = { name: "Run", signatures: [] };
const streaming = method("Run", {}, number, "stream");
const plain = method("Run", {}, number);

const one = (): number => 1;

test.each<[string, Handler, MethodOptions, MethodContract, number]>([
  ["nothing", one, {}, unread, 0],
  ["idempotent", one, { idempotent: true }, unread, 1],
  ["a generator", function* () {}, {}, unread, 2],
  ["an asynchronous one, whatever its source says", async function* () {}, {}, plain, 2],
  ["a function whose source says so", one, {}, streaming, 2],
  ["an argument that is a stream", one, {}, method("Run", { "a...": number }), 4],
  ["all of it", one, { idempotent: true }, method("Run", { "a...": number }, number, "stream"), 7],
  [
    "overloads of which one streams",
    one,
    {},
    { name: "Run", signatures: [...plain.signatures, ...streaming.signatures] },
    0,
  ],
])("flags: %s", (_what, handler, options, contract, flags) => {
  expect(flagsOf(handler, options, contract)).toBe(flags);
});
