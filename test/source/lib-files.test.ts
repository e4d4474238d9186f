import { expect, test } from "bun:test";
import { libFile } from "../../src/source/lib-files.ts";

test("TypeScript's own declarations are there by their names", () => {
  expect(libFile("lib.esnext.d.ts")).toContain('lib="es2024"');
  expect(libFile("lib.es5.d.ts")).toContain("interface Array<T>");
  expect(libFile("lib.dom.d.ts")).toContain("interface AbortSignal");
  expect(libFile("lib.d.ts")).toContain("<reference");
});

test("nothing else is", () => {
  for (const name of [
    "lib.es2099.d.ts",
    "typescript.d.ts",
    "../package.json",
    "lib.a/b.d.ts",
    "",
  ]) {
    expect(libFile(name)).toBeUndefined();
  }
});
