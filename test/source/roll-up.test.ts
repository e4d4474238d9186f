import { expect, test } from "bun:test";
import { rollUp, rollUpLibrary } from "../../src/source/roll-up.ts";
import { folder } from "../support/folder.ts";

/** The inside of the module that comes out, without its frame. */
async function inside(files: Readonly<Record<string, string>>): Promise<string> {
  await using place = await folder(files);
  const [, body = ""] = rollUp(`${place.path}/index.ts`, "it").split('declare module "it" {\n');
  return body.slice(0, body.indexOf("  export {};\n")).replaceAll(/^ {2}/gm, "");
}

test("what is exported comes first, and then what it means, each with its docs", async () => {
  const text = await inside({
    "index.ts": 'export { f } from "./f.ts"; export type { Options } from "./options.ts";',
    "f.ts": `
      // A comment that is nobody's.
      import type { Options, Unseen } from "./options.ts";
      const secret: Unseen = 1;
      /** Does it. */
      export function f(options: Options): Result { return { options, secret }; }
      interface Result {
        /** As given. */
        readonly options: Options;
      }
    `,
    "options.ts": `
      export type Unseen = number;
      /** What there is to choose. */
      export interface Options {
        deep: {
          level?: Level;
        };
      }
      type Level = keyof typeof levels;
      export const levels = { low: 1, high: 2 } as const;
    `,
  });
  expect(text).toBe(`/** Does it. */
export function f(options: Options): Result;
/** What there is to choose. */
export interface Options {
  deep: {
    level?: Level;
  };
}
interface Result {
  /** As given. */
  readonly options: Options;
}
type Level = keyof typeof levels;
const levels: {
  readonly low: 1;
  readonly high: 2;
};
`);
});

test("names are given back through every file that passes them on, whatever they are called", async () => {
  const text = await inside({
    "index.ts": 'import { b } from "./b.ts"; export { b as c };',
    "b.ts": 'export { a as b } from "./a.ts";',
    "a.ts": "export declare function a(): number;",
  });
  expect(text).toBe("export function c(): number;\n");
});

test("two things of one name are two things, and the exported one keeps it", async () => {
  const text = await inside({
    "index.ts": 'export { f } from "./f.ts"; export type { Kind } from "./kind.ts";',
    "f.ts": "interface Kind { f: Kind[] } export function f(kind: Kind): void {}",
    "kind.ts": "export interface Kind { other: string }",
  });
  expect(text).toContain("export function f(kind: Kind_2): void;");
  expect(text).toContain("export interface Kind {\n  other: string;\n}");
  expect(text).toContain("interface Kind_2 {\n  f: Kind_2[];\n}");
});

test("overloads and classes are whole, and fields are not taken for names", async () => {
  const text = await inside({
    "index.ts": 'export { f, Box } from "./f.ts";',
    "f.ts": `
      export function f(a: string): string;
      export function f(a: number): number;
      export function f(a: unknown): unknown { return a; }
      interface value { wrong: true }
      export class Box<T> extends Base { constructor(readonly value: T) { super(); } }
      export class Base { get<K>(key: K): K { return key; } }
    `,
  });
  expect(text.match(/export function f/g)).toHaveLength(2);
  expect(text).toContain("export class Box<T> extends Base {");
  expect(text).toContain("\nclass Base {\n  get<K>(key: K): K;\n}");
  expect(text).not.toContain("wrong");
});

test.each([
  ['import type { Server } from "bun"; export type A = Server;', "bun"],
  ['export * from "./a.ts";', "an export of all"],
  ['export { b } from "./a.ts";', "b is nothing"],
  ['export type A = import("./a.ts").A;', "an import within a type"],
  ["export const a = Math.max(1, 2);", "--isolatedDeclarations"],
])("what cannot be written down that way is an error: %s", async (index, why) => {
  const files = { "index.ts": index, "a.ts": "export type A = 1;" };
  await expect(inside(files)).rejects.toThrow(why);
});

test("the library's own are ambient: one module, and no keyword that it cannot have", () => {
  const text = rollUpLibrary();
  expect(text.match(/^ *declare .*\{$/gm)).toEqual(['declare module "gee" {']);
  expect(text).not.toMatch(/^\s*(import|export declare|declare (const|class|function)) /m);
  expect(text).toEndWith("  export {};\n}\n");
});
