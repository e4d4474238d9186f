import { expect, test } from "bun:test";
import { readModule, serviceIn, shortMethods } from "../support/source-modules.ts";

test("of overloads each is read, and not the one with the body", () => {
  const service = serviceIn(
    readModule(`export class Foo {
      /** From text. */
      a(from: string): string;
      /** From a number. */
      a(from: number, radix?: number): Promise<number>;
      a(from: any): any { return from }
    }`),
  );
  expect(shortMethods(service)).toEqual({
    a: "(from: string) => string & (from: number, radix?: number) => number",
  });
  expect(service.methods[0]?.doc).toBe("From text.\nFrom a number.");
});

test("docs and what is deprecated come along", () => {
  const service = serviceIn(
    readModule(`export class Foo {
      /**
       * Adds.
       *
       * @param a - the first
       * @param b the second,
       *   on two lines
       * @returns the sum
       * @deprecated use \`Sum\`
       */
      a(a: number, b = 2) { return a + b }
      /** @deprecated */
      b() {}
      c() {}
      /** @deprecated this way */
      d(a: string): void;
      d(a: number): void;
      d(a: any) {}
    }`),
  );
  expect(service.methods.map(({ doc, deprecated }) => ({ doc, deprecated }))).toEqual([
    { doc: "Adds.", deprecated: "use `Sum`" },
    { doc: undefined, deprecated: "" },
    { doc: undefined, deprecated: undefined },
    // One of its overloads is not.
    { doc: undefined, deprecated: undefined },
  ]);
  expect(service.methods[0]?.signatures[0]?.parameters).toEqual([
    { name: "a", type: { kind: "number" }, doc: "the first" },
    {
      name: "b",
      type: { kind: "number" },
      optional: true,
      default: "2",
      doc: "the second,\non two lines",
    },
  ]);
});

test("a decorator leaves a method what it is", () => {
  const service = serviceIn(
    readModule(`
      function traced(...args: any[]): any {}
      export class Foo { @traced() Sum(a: number, b: number): number { return a + b } }`),
  );
  expect(shortMethods(service)).toEqual({ Sum: "(a: number, b: number) => number" });
});

test("a method of which nothing is known says so", () => {
  const module = readModule(
    "interface I { a: Missing } declare const x: I; export const Foo = x as { b(): 1 } & I;",
  );
  expect(shortMethods(serviceIn(module))).toEqual({ b: "() => 1" });
});
