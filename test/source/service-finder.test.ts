import { expect, test } from "bun:test";
import { readModule, serviceIn, shortMethods } from "../support/source-modules.ts";

function names(files: Parameters<typeof readModule>[0]): readonly string[] {
  return readModule(files).services.map(({ name }) => name);
}

test("services have the names of their exports, and a default export that of its class", () => {
  expect(names("class A { a() {} } export { A as B, A as C }; export default A;")).toEqual([
    "B",
    "C",
    "A",
  ]);
  expect(names("export default class Foo { a() {} }")).toEqual(["Foo"]);
  expect(names("class Foo { a() {} } export default new Foo();")).toEqual(["Foo"]);
  expect(names("const Foo = class { a() {} }; export default Foo;")).toEqual(["Foo"]);
  expect(names("export class Foo { a() {} } export default Foo;")).toEqual(["Foo"]);
  // A server refuses to serve it.
  expect(names("export default class { a() {} }")).toEqual([]);
});

test("what is passed on is read where it is from", () => {
  const module = readModule({
    "/m/a.ts": `
      export { Foo as Bar } from "./b.ts";
      export * from "./c.js";
      export { default } from "./d.ts";
      export * as all from "./c.js";`,
    "/m/b.ts": "export class Foo { a(of: number) { return of } private x() {} }",
    "/m/c.ts": 'import "./a.ts"; export class See { b() {} }',
    "/m/d.ts": "export default class Dee { c() {} }",
  });
  expect(module.services.map(({ name }) => name).sort()).toEqual(["Bar", "Dee", "See"]);
  expect(shortMethods(serviceIn(module, "Bar"))).toEqual({ a: "(of: number) => number" });
  expect(module.hidden).toEqual({ Bar: ["x"], Dee: [], See: [] });
});

test("what is plainly no service is left out", () => {
  expect(
    names(`
      class A { a() {} }
      export const gee = { Foo: {} };
      export const fn = () => 1;
      export const object = { a() {} };
      export const list = [new A()];
      export const text = "a", none = null, any: any = new (class { x() {} })().x();
      export function f() {}
      export enum E { X }
      export namespace N { export const x = 1 }
      export type T = A;
      export interface I { a(): void }
      export { type A };
      export { Gone } from "./gone.ts";`),
  ).toEqual([]);
});

test("a class that is known by its type alone is read by its type", () => {
  const module = readModule(`
    interface I { Sum(a: number): number; later: (b: string) => void; size: number }
    declare function make(): I;
    export const Foo = make();
    declare const Made: new () => I;
    export { Made };
    function mix<T extends new (...args: any[]) => object>(Base: T) {
      return class extends Base { mixed() { return 1 } private p() {} };
    }
    export const Mixed = mix(class { base() { return 2 } });`);
  const sum = { Sum: "(a: number) => number", later: "(b: string) => undefined" };
  expect(shortMethods(serviceIn(module))).toEqual(sum);
  expect(shortMethods(serviceIn(module, "Made"))).toEqual(sum);
  expect(shortMethods(serviceIn(module, "Mixed"))).toEqual({
    mixed: "() => number",
    base: "() => number",
  });
  expect(module.hidden).toEqual({});
});

test.each([
  ["module.exports = { Foo };", "cjs"],
  ["module.exports.Foo = Foo;", "cjs"],
  ["exports.Foo = class { a(x) { return 1 } /** @private */ p() {} };", "cjs"],
  ["module.exports = { Foo: new Foo() };", "cjs"],
  ["module.exports = Foo;", "cjs"],
  ["module.exports = new Foo();", "js"],
  ["export = Foo;", "cts"],
  ["export = new Foo();", "cts"],
])("CommonJS: %s", (exported, extension) => {
  const classes = "class Foo { a(x) { return 1 }\n /** @private */\n p() {} }";
  const module = readModule({ [`/m/a.${extension}`]: `${classes}\n${exported}` });
  expect(module.services.map(({ name }) => name)).toEqual(["Foo"]);
  expect(shortMethods(serviceIn(module))).toEqual({ a: "(x: ?(any)) => number" });
  expect(module.hidden).toEqual({ Foo: ["p"] });
});
