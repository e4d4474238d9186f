import { expect, test } from "bun:test";
import ts from "typescript";
import { CompilerFiles } from "../../src/source/compiler-host.ts";
import { missingNames } from "../../src/source/missing-names.ts";
import { plainSettings } from "../../src/source/settings.ts";
import { memoryHost } from "../support/source-host.ts";

function missingIn(text: string, path = "/m/a.ts"): readonly string[] {
  const files = { [path]: text, "/m/b.ts": "export const b = 1" };
  const { options } = plainSettings(path);
  const host = new CompilerFiles(memoryHost(files)).compilerHost("/m");
  const program = ts.createProgram([path], { ...options, jsx: ts.JsxEmit.Preserve }, host);
  const file = program.getSourceFile(path);
  if (file === undefined) throw new Error("no such");
  return [...missingNames([file], program.getTypeChecker())];
}

test.each([
  ["const a = Bun.version;", ["Bun"]],
  ["let a: Buffer;", ["Buffer"]],
  ["let a: NodeJS.Timeout;", ["NodeJS"]],
  ["class A extends EventEmitter implements Thing {}", ["EventEmitter", "Thing"]],
  ["function f(a = process.env) {}", ["process"]],
  ["export default fetch;", ["fetch"]],
  ["const a = { URL };", ["URL"]],
  ["const a = { [URL]: 1 };", ["URL"]],
  ['import "node:fs";', ['"node:fs"']],
  ['export * from "bun:sqlite";', ['"bun:sqlite"']],
])("it misses: %s", (text, names) => {
  expect(missingIn(text)).toEqual(names);
});

test.each([
  'import { b as c } from "./b.ts"; import * as d from "./b.ts"; c; d.e.f;',
  'import "./gone.ts"; import { Fault } from "gee"; let a: Fault<1, 2>;',
  "const a = { URL: 1, process() {}, get Bun() { return 1 } }; a.Buffer; a?.fetch; a['x'].Response;",
  "class A<T> { URL = 1; process?(): T; #x; constructor(private Bun: T) { this.URL } }",
  "interface A { fetch: 1; Response(): void } type B<T> = T extends infer U ? U : [Buffer: 1];",
  "const { URL: { process }, Bun = 1, ...Buffer } = {} as any; process; Bun; Buffer;",
  "enum E { URL } namespace N.Bun { export const x = 1 } E.URL; N.Bun.x;",
  "outer: for (const a of [1]) { continue outer; } try {} catch (Buffer) { Buffer }",
  "function f(this: object, ...process: number[]) { arguments; new.target; import.meta; undefined; NaN; return process as const }",
  "function is(a: unknown): a is string { return true } let f: typeof is; globalThis.Bun;",
  "console.log(setTimeout(() => {}, 1)); clearTimeout(1); queueMicrotask(() => {});",
  "export { a as Bun }; const a = new Map<string, Uint8Array<ArrayBuffer>>(); Promise.resolve(Math.max(1));",
])("it misses nothing: %s", (text) => {
  expect(missingIn(text)).toEqual([]);
});

test("comments count in JavaScript, and markup has names of its own", () => {
  const comment = "/** @param {Buffer | Array<Response>} a */ function f(a) {}";
  expect(missingIn(comment, "/m/a.js")).toEqual(["Buffer", "Response"]);
  expect(missingIn(comment)).toEqual([]);
  expect(missingIn("const a = <div id='x'><b>{Bun}</b></div>;", "/m/a.tsx")).toEqual(["Bun"]);
});
