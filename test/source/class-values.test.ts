import { expect, test } from "bun:test";
import { readModule } from "../support/source-modules.ts";

/** Exports of `Foo`, and whether its class is known for certain. */
const rows: readonly (readonly [source: string, isCertain: boolean])[] = [
  ["export class Foo { a() {} private p() {} }", true],
  ["export const Foo = C;", true],
  ["export const Foo = class { a() {} private p() {} };", true],
  ["export const Foo = new C();", true],
  ["const made = new C(); export const Foo = made;", true],
  ["const made = new C(); export { made as Foo };", true],
  // Whatever it is said to be.
  ["export const Foo: I = new C();", true],
  ["export const Foo = new C() as I;", true],
  ["export const Foo = <I>(new C());", true],
  ["export const Foo = new C() as unknown as I;", true],
  ["export const Foo = new C() satisfies I;", true],
  ["export const Foo = new C()!;", true],
  ["export const Foo: unknown = new C();", true],
  ["namespace N { export const x = new C() } export const Foo = N.x;", true],
  // It may be something else by then, or nobody can say.
  ["export let Foo = new C();", false],
  ["export var Foo = new C();", false],
  ["function make(): I { return new C() } export const Foo = make();", false],
  ["export const Foo = (() => new C())();", false],
  ["export const Foo = Math.random() > 1 ? new C() : new C();", false],
  ["export const Foo = await Promise.resolve(new C());", false],
  ["export const { Foo } = { Foo: new C() };", false],
  ["declare function put(c: unknown): any; @put export class Foo { a() {} private p() {} }", false],
  ["export class Foo { constructor() { return new C() } a() {} private p() {} }", false],
  [
    "class Odd { constructor() { return new C() } } export class Foo extends Odd { a() {} private p() {} }",
    false,
  ],
  [
    "class Plain { constructor() { if (1) return; } } export class Foo extends Plain { a() {} private p() {} }",
    true,
  ],
  ["export class Foo extends Missing { a() {} private p() {} }", true],
  ["const A = B, B = A; export const Foo = new A();", false],
  ["export const Foo = Foo;", false],
];

test.each(rows)("%s", (source, isCertain) => {
  const module = readModule(
    `class C { a() {} private p() {} } interface I { a(): void }\n${source}`,
  );
  expect(module.hidden).toEqual(isCertain ? { Foo: ["p"] } : {});
  expect(module.marks.C).toEqual(["p"]);
  for (const { methods } of module.services) {
    expect(methods.map(({ name }) => name)).toEqual(["a"]);
  }
});
