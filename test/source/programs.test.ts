import { expect, test } from "bun:test";
import { memoryHost } from "../support/source-host.ts";
import { readModule, serviceIn, shortMethods } from "../support/source-modules.ts";

const node = {
  "/m/node_modules/@types/node/package.json": '{ "types": "index.d.ts" }',
  "/m/node_modules/@types/node/index.d.ts": `
    interface Buffer extends Uint8Array { write(): void }
    declare var process: { pid: number; version: string };
    declare module "node:fs" { export function read(path: string): Buffer }`,
};
const odd = {
  "/m/node_modules/@types/odd/package.json": '{ "types": "index.d.ts" }',
  "/m/node_modules/@types/odd/index.d.ts": "declare var odd: 1;",
};

/** What is read of a module, and which of the machine's files it took. */
function readIn(
  source: string,
  more: Readonly<Record<string, string>> = {},
): { readonly methods: Readonly<Record<string, string>>; readonly read: ReadonlySet<string> } {
  const files = { "/m/a.ts": source, ...more };
  const read = new Set<string>();
  const host = memoryHost(files);
  const module = readModule(files, {
    readFile: (path) => {
      read.add(path);
      return host.readFile(path);
    },
    libFile: (name) => {
      read.add(name);
      return host.libFile(name);
    },
  });
  return { methods: shortMethods(serviceIn(module)), read };
}

const platform = "/m/node_modules/@types/node/index.d.ts";

test("the platform's types and the DOM's are left alone by what does not need them", () => {
  const { methods, read } = readIn(
    "export class Foo { a() { console.log(1); return new Promise((r) => setTimeout(r, 1)).then(() => [1]) } }",
    node,
  );
  expect(methods).toEqual({ a: "() => number[]" });
  expect(read.has(platform)).toBe(false);
  expect(read.has("lib.dom.d.ts")).toBe(false);
  expect(read.has("lib.esnext.d.ts")).toBe(true);
});

test.each([
  [
    'import { read } from "node:fs"; export class Foo { a(p: string) { return read(p) } }',
    "(p: string) => Uint8Array",
  ],
  ["export class Foo { a(b: Buffer) { return b } }", "(b: Uint8Array) => Uint8Array"],
  ["export class Foo { a() { return process.pid } }", "() => number"],
  ['import { pid } from "./b.ts"; export class Foo { a() { return pid() } }', "() => number"],
])("they are read for what does: %s", (source, method) => {
  const { methods, read } = readIn(source, {
    ...node,
    "/m/b.ts": "export function pid() { return process.pid }",
  });
  expect(methods).toEqual({ a: method });
  expect(read.has(platform)).toBe(true);
});

test("the tsconfig says which of them there are", () => {
  const source = "export class Foo { a() { return process.pid } b() { return odd } }";
  const config = (types: readonly string[]): Record<string, string> => ({
    "/m/tsconfig.json": JSON.stringify({ compilerOptions: { types } }),
  });
  expect(readIn(source, { ...node, ...odd }).methods).toEqual({ a: "() => number", b: "() => 1" });
  expect(readIn(source, { ...node, ...odd, ...config(["odd"]) }).methods).toEqual({
    a: "() => ?(its type was not found)",
    b: "() => 1",
  });
  expect(readIn(source, { ...node, ...config(["node", "gone"]) }).methods.a).toBe("() => number");
});

test("the DOM's are read for what they explain, if the tsconfig lets them be", () => {
  const source =
    "export class Foo { a(u: string) { return new URL(u).port } async b() { return (await fetch('')).status } }";
  const found = { a: "(u: string) => string", b: "() => number" };
  expect(readIn(source).methods).toEqual(found);
  const without = readIn(source, {
    "/m/tsconfig.json": '{ "compilerOptions": { "lib": ["es2022"] } }',
  });
  expect(without.methods.a).toBe("(u: string) => ?(its type was not found)");
  expect(without.read.has("lib.dom.d.ts")).toBe(false);
  const other = readIn("export class Foo { a() { return Deno.pid } }");
  expect(other.methods).toEqual({ a: "() => ?(its type was not found)" });
  expect(other.read.has("lib.dom.iterable.d.ts")).toBe(true);
});

test("the library's declarations are there for whoever has them nowhere else", () => {
  const source =
    'import { callContext } from "gee"; export class Foo { a() { return callContext() } }';
  const asked: string[] = [];
  const own = {
    get library(): string {
      asked.push("library");
      return 'declare module "gee" { export function callContext(): { id: string } }';
    },
  };
  expect(shortMethods(serviceIn(readModule(source, own)))).toEqual({ a: "() => { id: string }" });
  const installed = {
    "/m/a.ts": source,
    "/m/node_modules/gee/package.json": '{ "types": "x.d.ts" }',
    "/m/node_modules/gee/x.d.ts": "export function callContext(): 1",
  };
  asked.length = 0;
  expect(shortMethods(serviceIn(readModule(installed, own)))).toEqual({ a: "() => 1" });
  expect(shortMethods(serviceIn(readModule(source)))).toEqual({
    a: "() => ?(its type was not found)",
  });
  expect(asked).toEqual([]);
});
