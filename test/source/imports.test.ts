import { expect, test } from "bun:test";
import { CompilerFiles } from "../../src/source/compiler-host.ts";
import { followImports } from "../../src/source/imports.ts";
import { readSettings } from "../../src/source/settings.ts";
import { memoryHost } from "../support/source-host.ts";

function follow(files: Readonly<Record<string, string>>): ReturnType<typeof followImports> {
  const host = memoryHost(files);
  return followImports("/m/a.ts", readSettings("/m/a.ts", host), new CompilerFiles(host));
}

test("the project's own modules are found, the module first", () => {
  const { own, lacksLibrary } = follow({
    "/m/a.ts": `
      import "./b.js";
      export * from "./c/index.ts";
      import type { D } from "~/d";
      import data from "./data.json";
      import { x } from "pkg";
      import { y } from "#inner";
      import "./gone.ts";
      const later = import("./later.ts");
      const old = require("./old.cjs");
      // import "./comment.ts";
      const text = 'import "./text.ts"';`,
    "/m/b.ts": 'import "./a.ts"; import "../up.mts"',
    "/m/c/index.ts": "",
    "/m/src/d.ts": 'export { E } from "./e"',
    "/m/src/e.tsx": "",
    "/m/data.json": '{ "import": "./no.ts" }',
    "/m/later.ts": "",
    "/m/old.cjs": "",
    "/m/inner.ts": "",
    "/m/comment.ts": "",
    "/m/text.ts": "",
    "/up.mts": "",
    "/m/package.json": '{ "name": "m", "imports": { "#inner": "./inner.ts" } }',
    "/m/tsconfig.json": '{ "compilerOptions": { "paths": { "~/*": ["./src/*"] } } }',
    "/m/node_modules/pkg/package.json": '{ "types": "x.d.ts" }',
    "/m/node_modules/pkg/x.d.ts": "export const x: 1",
  });
  expect(own[0]).toBe("/m/a.ts");
  expect([...own].sort()).toEqual([
    ...["/m/a.ts", "/m/b.ts", "/m/c/index.ts", "/m/data.json", "/m/inner.ts", "/m/later.ts"],
    ...["/m/old.cjs", "/m/src/d.ts", "/m/src/e.tsx", "/up.mts"],
  ]);
  expect(lacksLibrary).toBe(false);
});

test("that the library is not there is found out", () => {
  const module = { "/m/a.ts": 'import "./b.ts"', "/m/b.ts": 'import { serve } from "gee"' };
  expect(follow(module).lacksLibrary).toBe(true);
  const installed = {
    "/m/node_modules/gee/package.json": '{ "types": "x.d.ts" }',
    "/m/node_modules/gee/x.d.ts": "",
  };
  expect(follow({ ...module, ...installed }).lacksLibrary).toBe(false);
});

test("what is not there has nothing but itself", () => {
  expect(follow({})).toEqual({ own: ["/m/a.ts"], lacksLibrary: false });
});
