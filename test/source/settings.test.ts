import { expect, test } from "bun:test";
import ts from "typescript";
import { plainSettings, readSettings } from "../../src/source/settings.ts";
import type { Settings } from "../../src/source/settings.ts";
import { memoryHost } from "../support/source-host.ts";

function settingsOf(config: unknown, more: Readonly<Record<string, string>> = {}): Settings {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  return readSettings("/p/src/a.ts", memoryHost({ "/p/tsconfig.json": text, ...more }));
}

test("the nearest tsconfig.json says what types depend on, and nothing else", () => {
  const settings = settingsOf(`{
    // comments, and a comma at the end
    "compilerOptions": {
      "strict": false, "strictNullChecks": false, "allowJs": false, "module": "commonjs",
      "moduleResolution": "node", "target": "es5", "outDir": "x", "composite": true,
      "paths": { "~/*": ["./src/*"] }, "jsx": "react-jsx", "types": ["node"],
      "lib": ["es2020", "dom"], "customConditions": ["own"], "noUncheckedIndexedAccess": true,
    },
  }`);
  expect(settings).toMatchObject({
    key: "/p/tsconfig.json",
    folder: "/p",
    types: ["node"],
    libs: ["lib.dom.d.ts"],
    options: {
      strict: true,
      allowJs: true,
      noEmit: true,
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.Preserve,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      paths: { "~/*": ["./src/*"] },
      jsx: ts.JsxEmit.ReactJSX,
      customConditions: ["bun", "node", "own"],
      noUncheckedIndexedAccess: true,
      lib: ["lib.esnext.d.ts"],
      types: [],
    },
  });
  for (const name of ["strictNullChecks", "outDir", "composite"]) {
    expect(settings.options).not.toHaveProperty(name);
  }
});

test("what it extends counts as well", () => {
  const base = { compilerOptions: { types: ["bun"], jsx: "preserve" } };
  const settings = settingsOf({ extends: "../base.json" }, { "/base.json": JSON.stringify(base) });
  expect(settings.types).toEqual(["bun"]);
  expect(settings.options.jsx).toBe(ts.JsxEmit.Preserve);
  expect(settingsOf({ extends: "./gone.json" }).types).toBeUndefined();
});

test.each(["", "{", "[]", "null", '"text"', '{ "compilerOptions": { "paths": { "a": "b" } } '])(
  "a tsconfig.json that does not parse is none: %s",
  (config) => {
    const settings = settingsOf(config);
    expect(settings.options.strict).toBe(true);
    expect(settings.types).toBeUndefined();
  },
);

test("what is odd in one is left out", () => {
  const settings = settingsOf({
    compilerOptions: {
      lib: ["es2099", "dom"],
      types: 5,
      paths: { "*/*": ["x"], b: 1 },
      jsx: "soap",
    },
    extends: "./tsconfig.json",
  });
  expect(settings.libs).toEqual(["lib.dom.d.ts"]);
  expect(settings.types).toBeUndefined();
  expect(settings.options).not.toHaveProperty("paths");
  expect(settings.options.jsx).toBeUndefined();
});

test("without one there are the DOM and all type packages to look at", () => {
  const settings = readSettings("/p/src/a.ts", memoryHost({}));
  expect(settings).toEqual(plainSettings("/p/src/a.ts"));
  expect(settings).toMatchObject({ key: "/p/src", folder: "/p/src", types: undefined });
  expect(settings.libs[0]).toBe("lib.dom.d.ts");
  // One that has no word for them leaves them as they are.
  expect(settingsOf({}).libs).toEqual(settings.libs);
  expect(settingsOf({ compilerOptions: { lib: ["es2022"] } }).libs).toEqual([]);
});
