import { expect, test } from "bun:test";
import { readModule, serviceIn, shortMethods } from "../support/source-modules.ts";

test("the methods of the class's own body are read, in their order", () => {
  const module = readModule(`
    const key = "Computed";
    const symbol = Symbol();
    abstract class Base {
      inherited() {}
      protected abstract hook(): void;
    }
    export class Foo extends Base {
      static fixed() {}
      get got() { return 1 }
      set got(value) {}
      field = () => 1;
      _under() {}
      #own() {}
      ["Literal"](a: 1) {}
      [key]() { return 2 }
      [symbol]() {}
      "quoted"() {}
      123() {}
      "no-name"() {}
      optional?(): void {}
      constructor() { super() }
      toString() { return "" }
      protected hook() {}
      async *stream(to: number) { yield to }
    }`);
  expect(shortMethods(serviceIn(module))).toEqual({
    Literal: "(a: 1) => undefined",
    Computed: "() => number",
    quoted: "() => undefined",
    optional: "() => undefined",
    stream: "(to: number) => ~number",
  });
  expect(module.hidden).toEqual({ Foo: ["hook"] });
});

test("what is private or protected is hidden, however it says so", () => {
  const module = readModule(`
    const key = "computed";
    export class Foo {
      shown() {}
      private a() {}
      protected async b() {}
      /** @private */
      c() {}
      /**
       * Later.
       * @protected for now
       */
      d() {}
      private e(of: string): void;
      e(of: number): void;
      e(of: any) {}
      f(of: string): void;
      private f(of: any) {}
      private [key]() {}
      private static g() {}
      private get h() { return 1 }
    } export class Bar { /** @private */ a() {} /** @protected */ b() {}
      /* @private */ c() {}
      // @private
      d() {}
    }`);
  expect(module.hidden).toEqual({
    Foo: ["a", "b", "c", "d", "e", "f", "computed", "g"],
    Bar: ["a", "b"],
  });
  expect(Object.keys(shortMethods(serviceIn(module)))).toEqual(["shown"]);
  expect(Object.keys(shortMethods(serviceIn(module, "Bar")))).toEqual(["c", "d"]);
});

test("an interface of the same name adds nothing that could be called", () => {
  const module = readModule(`
    export class Foo { a() {} }
    export interface Foo { b(): void }
    export namespace Foo { export const more = 1 }`);
  expect(shortMethods(serviceIn(module))).toEqual({ a: "() => undefined" });
});

test("a generic class is read with the types that its instance has", () => {
  const module = readModule(`
    class Box<T> { get(of: T): T { return of } }
    export { Box as Open };
    export const Foo = new Box<number>();`);
  expect(shortMethods(serviceIn(module))).toEqual({ get: "(of: number) => number" });
  expect(shortMethods(serviceIn(module, "Open"))).toEqual({
    get: "(of: ?(T may be anything)) => ?(T may be anything)",
  });
});

test("JavaScript is read by its comments", () => {
  const module = readModule({
    "/m/a.js": `
      /** @typedef {{ id: string, age?: number }} User */
      /** Users. */
      export class Foo {
        /**
         * Finds.
         * @param {string} id whom
         * @param {{ deep?: boolean }} [options]
         * @param {...number} more
         * @returns {Promise<User | null>}
         */
        async find(id, options, ...more) { return null }
        /** @private */
        secret() {}
        /** @overload @param {string} a @returns {string} */
        plain(a, b = 2) { return a }
        bare(a, b = 2) { return a }
        many() { return arguments.length }
      }`,
  });
  const service = serviceIn(module);
  expect(service.doc).toBe("Users.");
  expect(shortMethods(service)).toEqual({
    find: "(id: string, options?: { deep?: boolean }, ...more: number) => User | null",
    plain: "(a: string) => string",
    bare: "(a: ?(any), b?: number = 2) => ?(any)",
    many: "(...args: ?(any)) => number",
  });
  expect(module.hidden).toEqual({ Foo: ["secret"] });
});
