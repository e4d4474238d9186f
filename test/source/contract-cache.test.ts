import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, rm, stat, utimes } from "node:fs/promises";
import { createLog } from "../../src/base/log.ts";
import type { ModuleContract } from "../../src/contract/contract.ts";
import { ContractCache } from "../../src/source/contract-cache.ts";
import { fileInput, type Input, readBytes } from "../../src/source/inputs.ts";
import { folder } from "../support/folder.ts";

const module: ModuleContract = {
  services: [{ name: "Foo", methods: [], types: {} }],
  hidden: { Foo: ["secret"] },
  marks: { Foo: ["secret"] },
  files: ["/x/foo.ts"],
};

async function setUp() {
  const place = await folder({ "foo.ts": "one" });
  const source = `${place.path}/foo.ts`;
  const entries = `${place.path}/cache/gee`;
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line), "debug");
  const open = (stamp = "s"): ContractCache => new ContractCache({ folder: entries, stamp, log });
  const inputs = (): readonly Input[] => [fileInput(source, readBytes(source))];
  const file = async (): Promise<string> => `${entries}/${(await readdir(entries))[0]}`;
  return {
    ...{ place, source, entries, lines, open, inputs, file },
    [Symbol.asyncDispose]: place[Symbol.asyncDispose],
  };
}

test("what one process keeps, the next one finds, while the source is the same", async () => {
  await using world = await setUp();
  expect(world.open().load(world.source)).toBeUndefined();
  world.open().save(world.source, module, world.inputs());
  expect(world.open().load(world.source)).toEqual(module);
  await world.place.write("foo.ts", "two");
  expect(world.open().load(world.source)).toBeUndefined();
  world.open().save(world.source, { ...module, services: [] }, world.inputs());
  expect(world.open().load(world.source)).toEqual({ ...module, services: [] });
  expect(await readdir(world.entries)).toHaveLength(1);
  expect(world.lines).toEqual([]);
});

test("another gee and another module have entries of their own", async () => {
  await using world = await setUp();
  world.open().save(world.source, module, world.inputs());
  expect(world.open("t").load(world.source)).toBeUndefined();
  expect(world.open().load(`${world.place.path}/bar.ts`)).toBeUndefined();
  expect(world.lines).toEqual([]);
});

test("folder and files are their owner's alone, and no draft is left", async () => {
  await using world = await setUp();
  world.open().save(world.source, module, world.inputs());
  expect((await stat(world.entries)).mode & 0o777).toBe(0o700);
  expect((await stat(await world.file())).mode & 0o777).toBe(0o600);
  expect(await readdir(world.entries)).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.json$/)]);
});

test.each([
  ["empty", () => ""],
  ["cut off", (text: string) => text.slice(0, text.length / 2)],
  ["not JSON", () => "{"],
  ["of another format", (text: string) => text.replace('"format":1', '"format":2')],
  ["of another gee", (text: string) => text.replace('"stamp":"s"', '"stamp":"t"')],
  ["of another module", (text: string) => text.replace('"path":', '"path":"/y","was":')],
  ["without its inputs", (text: string) => text.replace('"inputs"', '"inputz"')],
  ["without its marks", (text: string) => text.replace('"marks"', '"markz"')],
])("an entry that is %s is not used, and is written anew", async (_, spoil) => {
  await using world = await setUp();
  world.open().save(world.source, module, world.inputs());
  const file = await world.file();
  await Bun.write(file, spoil(await Bun.file(file).text()));
  expect(world.open().load(world.source)).toBeUndefined();
  expect(world.lines).toEqual([expect.stringContaining("a saved contract is not used")]);
  world.open().save(world.source, module, world.inputs());
  expect(world.open().load(world.source)).toEqual(module);
});

test("an entry that others may write to is not used", async () => {
  await using world = await setUp();
  world.open().save(world.source, module, world.inputs());
  await chmod(await world.file(), 0o622);
  expect(world.open().load(world.source)).toBeUndefined();
  expect(world.lines.join()).toContain("others than its owner");
});

test("an entry that is no file does not hold anybody up", async () => {
  await using world = await setUp();
  world.open().save(world.source, module, world.inputs());
  const file = await world.file();
  await rm(file);
  Bun.spawnSync(["mkfifo", "-m", "600", file]);
  expect(world.open().load(world.source)).toBeUndefined();
  await rm(file);
  await mkdir(file);
  expect(world.open().load(world.source)).toBeUndefined();
  world.open().save(world.source, module, world.inputs());
  expect(world.lines.at(-1)).toContain("a contract cannot be saved");
  expect(await readdir(world.entries)).toHaveLength(1);
});

test("without a folder that can be used nothing is kept, and nothing fails", async () => {
  await using world = await setUp();
  await world.place.write("cache", "a file where the folder should be");
  world.open().save(world.source, module, world.inputs());
  expect(world.open().load(world.source)).toBeUndefined();
  expect(world.lines.join("\n")).toContain("a contract cannot be saved");
});

test("at most 500 are kept: those that were used last, and no draft of a process that is gone", async () => {
  await using world = await setUp();
  world.open().save(world.source, module, world.inputs());
  const seconds = Date.now() / 1_000;
  for (let n = 0; n < 500; n++) {
    const path = await world.place.write(`cache/gee/${String(n).padStart(3, "0")}.json`, "{}");
    await utimes(path, seconds - 1_000 - n, seconds - 1_000 - n);
  }
  const draft = await world.place.write("cache/gee/x.json.1.tmp", "");
  await utimes(draft, seconds - 4_000, seconds - 4_000);
  await world.place.write("cache/gee/y.json.2.tmp", "");
  world.open().save(world.source, module, world.inputs());
  const names = new Set(await readdir(world.entries));
  expect(names.size).toBe(401);
  expect([names.has("398.json"), names.has("399.json")]).toEqual([true, false]);
  expect([names.has("x.json.1.tmp"), names.has("y.json.2.tmp")]).toEqual([false, true]);
  expect(world.open().load(world.source)).toEqual(module);
});

test("an entry that is in use counts as new", async () => {
  await using world = await setUp();
  world.open().save(world.source, module, world.inputs());
  const file = await world.file();
  const seconds = Date.now() / 1_000;
  await utimes(file, seconds - 200_000, seconds - 200_000);
  expect(world.open().load(world.source)).toEqual(module);
  expect((await stat(file)).mtimeMs / 1_000).toBeGreaterThan(seconds - 10);
});
