import { expect, setDefaultTimeout, test } from "bun:test";
import { answer } from "../../src/source/child.ts";
import { isUnchanged } from "../../src/source/inputs.ts";
import { rollUpLibrary } from "../../src/source/roll-up.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

const foo = `
  import type { Item } from "./item.ts";
  /** Sums. */
  export class Foo {
    Sum(a: number, b: number) { return a + b; }
    Find(id: string): Item | undefined { return undefined; }
    private secret(): void {}
  }
`;

test("it answers with contracts, and with what was looked at for them", async () => {
  await using place = await folder({
    "foo.ts": foo,
    "item.ts": "export interface Item { id: string }",
    "bar.ts": "export class Bar { Get(): Date { return new Date(); } }",
  });
  const paths = ["foo.ts", "bar.ts"].map((name) => `${place.path}/${name}`);
  const { modules, inputs, library } = answer({ mode: "contracts", paths });
  expect(library).toBeUndefined();
  expect(modules.map(({ why }) => why)).toEqual([undefined, undefined]);
  expect(modules.map(({ module }) => module.files)).toEqual([
    [paths[0] ?? "", `${place.path}/item.ts`],
    [paths[1] ?? ""],
  ]);
  expect(modules[0]?.module.hidden).toEqual({ Foo: ["secret"] });
  expect(modules[0]?.module.services[0]?.methods[0]?.signatures[0]?.result).toEqual({
    kind: "number",
  });
  expect(modules[1]?.module.services[0]?.methods[0]?.signatures[0]?.result).toEqual({
    kind: "date",
  });
  expect(inputs.every(isUnchanged)).toBe(true);
  for (const name of ["foo.ts", "item.ts", "bar.ts"]) {
    expect(inputs).toContainEqual(
      expect.objectContaining({ kind: "content", path: `${place.path}/${name}` }),
    );
  }
});

test.each([
  ["a tsconfig.json that comes", "tsconfig.json", '{"compilerOptions":{"paths":{}}}'],
  ["a package that comes", "node_modules/dep/package.json", '{"name":"dep"}'],
  ["an import that changes", "item.ts", "export interface Item { id: number }"],
  ["an import that comes", "later.ts", "export type Later = 1;"],
])("%s is another input", async (_, name, text) => {
  await using place = await folder({
    "foo.ts": `import "dep"; import type { Later } from "./later.ts"; ${foo}`,
    "item.ts": "export interface Item { id: string }",
  });
  const { inputs } = answer({ mode: "contracts", paths: [`${place.path}/foo.ts`] });
  expect(inputs.every(isUnchanged)).toBe(true);
  await place.write(name, text);
  expect(inputs.every(isUnchanged)).toBe(false);
});

test("marks alone need no types", async () => {
  await using place = await folder({ "foo.ts": foo });
  const { modules } = answer({ mode: "marks", paths: [`${place.path}/foo.ts`] });
  expect(modules).toMatchObject([{ module: { services: [], marks: { Foo: ["secret"] } } }]);
});

test("a file of declarations answers with its interfaces", async () => {
  await using place = await folder({
    "foo.d.ts": "export interface Foo { Sum(a: number): Promise<number>; }",
  });
  const { modules } = answer({ mode: "interfaces", paths: [`${place.path}/foo.d.ts`] });
  expect(modules[0]?.module.services).toMatchObject([{ name: "Foo", methods: [{ name: "Sum" }] }]);
});

test("modules that import gee and have it nowhere get the library's own declarations", async () => {
  await using place = await folder({
    "foo.ts": `
      import { callContext } from "gee";
      export class Foo { Left() { return callContext().remainingMs; } }
    `,
  });
  const { modules } = answer({ mode: "contracts", paths: [`${place.path}/foo.ts`] });
  const [method] = modules[0]?.module.services[0]?.methods ?? [];
  expect(method?.signatures[0]?.result).toEqual({
    kind: "union",
    of: [{ kind: "number" }, { kind: "undefined" }],
  });
});

test("the library's declarations are an answer too", () => {
  const { library, modules } = answer({ mode: "library", paths: [] });
  expect([library, modules]).toEqual([rollUpLibrary(), []]);
});

test("what is no request has no answer", () => {
  expect(() => answer({ mode: "run", paths: [] })).toThrow("request.mode");
});

test("as a process it takes one request and says one answer", async () => {
  const path = new URL("../../src/source/child.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, path], {
    stdin: new Blob([JSON.stringify({ mode: "marks", paths: [] })]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, complaints] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect([said, complaints, await child.exited]).toEqual(['{"modules":[],"inputs":[]}', "", 0]);
});
