import { expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { GeeError } from "../../src/base/errors.ts";
import { importModule, resolveModule } from "../../src/cli/load-module.ts";
import { frameOf } from "../../src/cli/usage.ts";
import { folder } from "../support/folder.ts";

async function failureOf(work: () => unknown): Promise<GeeError> {
  try {
    await work();
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it was accepted");
}

test("a module is a file, by its real path", async () => {
  await using place = await folder({ "foo.ts": "export const a = 1;" });
  await symlink(join(place.path, "foo.ts"), join(place.path, "link.ts"));
  expect(resolveModule(join(place.path, "link.ts"))).toBe(join(place.path, "foo.ts"));
});

test("what is no local file of code is refused, each for its reason", async () => {
  await using place = await folder({ "foo.ts": "", "data.json": "{}", "a?b.ts": "" });
  await mkdir(join(place.path, "dir.ts"));
  const refused = async (name: string): Promise<string> => {
    const error = await failureOf(() => resolveModule(name));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_MODULE" });
    return error.message;
  };
  for (const url of ["http://127.0.0.1/a.ts", "file:///a.ts", "data:text/javascript,1", "npm:a"]) {
    expect(await refused(url)).toBe(`${url} is a URL, not a file`);
  }
  expect(await refused(join(place.path, "dir.ts"))).toEndWith("is no file");
  expect(await refused(join(place.path, "data.json"))).toEndWith("is no module");
  expect(await refused(join(place.path, "a?b.ts"))).toEndWith("no question mark");
  expect(await refused(join(place.path, "nope.ts"))).toStartWith("there is no file");
  const near = await failureOf(() => resolveModule(join(place.path, "fo.ts")));
  expect(near.hint).toBe(`did you mean ${join(place.path, "foo.ts")}?`);
});

test("a name with odd characters is a file's name like any other", async () => {
  await using place = await folder({ "a b#c%20d'é.ts": "export const a = 1;" });
  const exports = await importModule(resolveModule(join(place.path, "a b#c%20d'é.ts")));
  expect([...exports]).toEqual([["a", 1]]);
});

test("a syntax error comes with Bun's own code frame", async () => {
  await using place = await folder({ "bad.ts": "export const a = 1;\nexport class { Sum(" });
  const path = join(place.path, "bad.ts");
  const error = await failureOf(() => importModule(path));
  expect(error.message).toBe(`${path} does not compile`);
  expect(error.hint).toBe("nothing was registered");
  expect(frameOf(error)).toContain("2 | export class { Sum(");
  expect(frameOf(error)).toContain(`at ${path}:2:14`);
});

test("an import that is not there is named, with the file that asks for it", async () => {
  await using place = await folder({
    "bare.ts": 'import "no-such-package"; export const a = 1;',
    "outer.ts": 'import "./inner.ts"; export const a = 1;',
    "inner.ts": 'import "./missing.ts";',
  });
  const bare = await failureOf(() => importModule(join(place.path, "bare.ts")));
  expect(bare.message).toBe(
    `cannot find "no-such-package", imported by ${join(place.path, "bare.ts")}`,
  );
  expect(bare.hint).toContain("bun add no-such-package");
  const outer = await failureOf(() => importModule(join(place.path, "outer.ts")));
  expect(outer.message).toContain(`imported by ${join(place.path, "inner.ts")}`);
});

test("a module that throws is told with its own words", async () => {
  await using place = await folder({ "boom.ts": 'throw new Error("no database");' });
  const path = join(place.path, "boom.ts");
  const error = await failureOf(() => importModule(path));
  expect(error.message).toBe(`${path} failed: no database`);
  expect(frameOf(error)).toContain(`${path}:1`);
});

test("an import from gee is answered with this copy, even when another is installed", async () => {
  await using place = await folder({
    "node_modules/gee/package.json": '{"name":"gee","main":"index.js"}',
    "node_modules/gee/index.js": "export class GeeError {}",
    "esm.ts": 'import { GeeError, callContext } from "gee"; export { GeeError, callContext };',
    "common.cjs": 'exports.GeeError = require("gee").GeeError;',
  });
  const esm = await importModule(join(place.path, "esm.ts"));
  expect(esm.get("GeeError")).toBe(GeeError);
  expect(typeof esm.get("callContext")).toBe("function");
  const common = await importModule(join(place.path, "common.cjs"));
  expect(common.get("GeeError")).toBe(GeeError);
});
