import { expect, test } from "bun:test";
import { join } from "node:path";
import { GeeError } from "../../src/base/errors.ts";
import { type LoadedModules, loadModules } from "../../src/cli/modules.ts";
import { folder } from "../support/folder.ts";

/** Loads modules from a folder of their own. */
async function load(files: Readonly<Record<string, string>>): Promise<LoadedModules> {
  await using place = await folder(files);
  return await loadModules(Object.keys(files).map((name) => join(place.path, name)));
}

async function failureOf(files: Readonly<Record<string, string>>): Promise<GeeError> {
  try {
    await load(files);
  } catch (thrown) {
    const error = GeeError.from(thrown);
    expect(error.code).toBe("INVALID_ARGUMENT");
    return error;
  }
  throw new Error("it was accepted");
}

const sum = "Sum(a: number, b: number) { return a + b; }";

test("exported classes and instances of classes are served by the name of the export", async () => {
  const { services, notes } = await load({
    "foo.ts": `
      export class Foo { ${sum} }
      class Inner { constructor(readonly by: number) {} ${sum} }
      export const Bar = new Inner(2);
      export { Inner as Renamed };
    `,
  });
  expect(Object.keys(services).sort()).toEqual(["Bar", "Foo"]);
  expect(services.Foo?.constructor.name).toBe("Foo");
  expect(services.Bar).toHaveProperty("by", 2);
  expect(notes.join()).toContain("not served: Renamed (its constructor takes arguments)");
});

test("a class is made once, and a renamed one keeps the name of its export", async () => {
  const { services } = await load({
    "foo.ts": `
      export let made = 0;
      class X { constructor() { made++; (this as any).number = made; } ${sum} }
      export { X as Foo };
    `,
  });
  expect(services.Foo).toHaveProperty("number", 1);
});

test("a default export is served by the name of its class", async () => {
  expect(
    Object.keys((await load({ "a.ts": `export default class Foo { ${sum} }` })).services),
  ).toEqual(["Foo"]);
  expect(
    Object.keys(
      (await load({ "a.ts": `class Foo { ${sum} } export default new Foo();` })).services,
    ),
  ).toEqual(["Foo"]);
  expect(
    Object.keys(
      (await load({ "a.ts": `export class Foo { ${sum} } export default Foo;` })).services,
    ),
  ).toEqual(["Foo"]);
});

test("a default export without a name is asked for one", async () => {
  for (const text of [
    `export default class { ${sum} }`,
    `export default new (class { ${sum} })();`,
  ]) {
    const error = await failureOf({ "a.ts": text });
    expect(error.message).toEndWith("has no name");
    expect(error.hint).toContain("name the class");
  }
});

test("everything else is left alone and named in one line", async () => {
  const { services, notes } = await load({
    "foo.ts": `
      export class Foo { ${sum} }
      export function helper() {}
      export const arrow = () => 1;
      export function* generator() {}
      export const limit = 5;
      export const plain = { Sum() {} };
      export const bare = Object.assign(Object.create(null), { Sum() {} });
      export const list = [1];
      export const map = new Map();
      export const bytes = new Uint8Array(1);
      export const when = new Date(0);
      export const later = Promise.resolve(1);
      export const Dictionary = Map;
      export class Problem extends Error { ${sum} }
      export const problem = new Problem("x");
      export class Data { id = 1; }
      export type Only = string;
    `,
  });
  expect(Object.keys(services)).toEqual(["Foo"]);
  expect(notes).toHaveLength(1);
  for (const name of [
    "helper",
    "arrow",
    "generator",
    "limit",
    "plain",
    "bare",
    "list",
    "map",
    "bytes",
    "when",
    "later",
    "Dictionary",
    "Problem (an error class)",
    "problem",
    "Data (it has no methods of its own)",
  ]) {
    expect(notes[0]).toContain(name);
  }
});

test("the export gee is read as options, and told of what it does not know", async () => {
  const { services, methods, notes } = await load({
    "foo.ts": `
      export class Foo { ${sum} }
      export const gee = { Foo: { Sum: { idempotent: true, timeoutMs: 500, colour: 1 } } };
    `,
  });
  expect(Object.keys(services)).toEqual(["Foo"]);
  expect(methods).toEqual({ Foo: { Sum: { idempotent: true, timeoutMs: 500 } } });
  expect(notes.join()).toContain("colour");
});

test("a module's options are for its own services", async () => {
  const error = await failureOf({
    "a.ts": `export class A { ${sum} }`,
    "b.ts": `export class B { ${sum} } export const gee = { A: {} };`,
  });
  expect(error.message).toContain("gee.A in ");
});

test("nothing to serve is wrong usage", async () => {
  for (const text of ["export const a = 1;", "", "class Foo { Sum() {} }"]) {
    expect((await failureOf({ "a.ts": text })).reason).toBe("NOTHING_TO_SERVE");
  }
});

test("two modules with the same service are both named", async () => {
  const text = `export class Foo { ${sum} }`;
  const error = await failureOf({ "a.ts": text, "b.ts": text });
  expect(error.message).toMatch(/^Foo is exported by .*a\.ts and by .*b\.ts$/);
});

test("the same module named twice is one", async () => {
  await using place = await folder({ "a.ts": `export class Foo { ${sum} }` });
  const path = join(place.path, "a.ts");
  expect(Object.keys((await loadModules([path, path])).services)).toEqual(["Foo"]);
});

test("a name outside the grammar is refused", async () => {
  const error = await failureOf({ "a.ts": `class X { ${sum} } export { X as $Foo };` });
  expect(error.message).toStartWith("$Foo of ");
});

test("a constructor that throws is a clear error, and no other class is made before all load", async () => {
  const error = await failureOf({
    "a.ts": `export class Foo { constructor() { throw new Error("no database"); } ${sum} }`,
  });
  expect(error.message).toMatch(/^new Foo\(\) in .*a\.ts failed: no database$/);
});
