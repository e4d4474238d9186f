import { expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { importedFiles } from "../../src/cli/imported-files.ts";
import { folder, type Folder } from "../support/folder.ts";

function below(place: Folder, paths: Iterable<string>): readonly string[] {
  return [...paths].map((path) => path.slice(place.path.length + 1)).sort();
}

test("every relative import is followed, types and what is loaded later too", async () => {
  await using place = await folder({
    "a.ts": `
      import { b } from "./b";
      import type { C } from './sub/c.ts';
      export * from "./sub";
      import "./effect.js";
      import data from "./data.json" with { type: "json" };
      const later = await import("./later.ts");
      const old = require("./old.cjs");
      import { readFile } from "node:fs/promises";
      import { connect } from "gee";
    `,
    "b.ts": `import { a } from "./a.ts"; // a circle`,
    "sub/c.ts": "export interface C {}",
    "sub/index.ts": "",
    "effect.ts": "",
    "data.json": `{"not": 'import "./no.ts"'}`,
    "later.ts": "",
    "old.cjs": "",
    "no.ts": "",
  });
  const { texts, missing } = importedFiles([`${place.path}/a.ts`]);
  expect(below(place, texts.keys())).toEqual([
    "a.ts",
    "b.ts",
    "data.json",
    "effect.ts",
    "later.ts",
    "old.cjs",
    "sub/c.ts",
    "sub/index.ts",
  ]);
  expect(texts.get(`${place.path}/sub/c.ts`)).toBe("export interface C {}");
  expect(missing.size).toBe(0);
});

test("packages are not looked at, names of a tsconfig.json are", async () => {
  await using place = await folder({
    "tsconfig.json": `{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}`,
    "src/own.ts": "",
    "node_modules/pack/package.json": `{"name": "pack", "main": "main.js"}`,
    "node_modules/pack/main.js": "",
    "a.ts": `import "@/own.ts"; import "pack"; import "absent-package";`,
  });
  const { texts, missing } = importedFiles([`${place.path}/a.ts`]);
  expect(below(place, texts.keys())).toEqual(["a.ts", "src/own.ts"]);
  expect(missing.size).toBe(0);
});

test("a file that does not compile is followed as well", async () => {
  await using place = await folder({ "a.ts": `import "./b.ts"; export class {`, "b.ts": "" });
  expect(importedFiles([`${place.path}/a.ts`]).texts.size).toBe(2);
});

test("what is not there is told, and found as soon as it is", async () => {
  await using place = await folder({ "a.ts": `import "./new"; import "./sub/deep.ts";` });
  const modules = [`${place.path}/a.ts`, `${place.path}/gone.ts`];
  expect(below(place, importedFiles(modules).missing)).toEqual(["gone.ts", "new", "sub/deep.ts"]);
  await place.write("new.ts", "1");
  await place.write("sub/deep.ts", "2");
  const { texts, missing } = importedFiles(modules);
  expect(below(place, texts.keys())).toEqual(["a.ts", "new.ts", "sub/deep.ts"]);
  expect(below(place, missing)).toEqual(["gone.ts"]);
});

test("a link is what it leads to", async () => {
  await using place = await folder({ "real/b.ts": "", "a.ts": `import "./link/b.ts";` });
  await symlink(`${place.path}/real`, `${place.path}/link`);
  const { texts } = importedFiles([`${place.path}/a.ts`]);
  expect(below(place, texts.keys())).toEqual(["a.ts", "real/b.ts"]);
});
