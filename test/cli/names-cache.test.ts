import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, NamesCache } from "../../src/cli/names-cache.ts";
import { folder } from "../support/folder.ts";

const seen = {
  services: { Foo: ["tcp@127.0.0.1:4000"] },
  methods: { Foo: ["Sum"] },
  instances: ["ab"],
};

test("the folder is that of the user", () => {
  expect(cacheFolder({ XDG_CACHE_HOME: "/c", HOME: "/h" })).toBe("/c/gee");
  expect(cacheFolder({ HOME: "/h" })).toBe("/h/.cache/gee");
  // A relative one is none, as the specification of those folders says.
  expect(cacheFolder({ XDG_CACHE_HOME: "c", HOME: "/h" })).toBe("/h/.cache/gee");
  expect(cacheFolder({ HOME: "h" })).toBeUndefined();
  expect(cacheFolder({})).toBeUndefined();
});

test("what was seen is good for 5 s, for those who ask the same", async () => {
  await using place = await folder();
  let now = 1_000_000;
  const cache = (key = "a"): NamesCache => new NamesCache(`${place.path}/sub/gee`, key, () => now);
  expect(cache().load()).toBeUndefined();
  cache().save(seen);
  expect(cache().load()).toEqual(seen);
  expect(cache("b").load()).toBeUndefined();
  now += 5_000;
  expect(cache().load()).toEqual(seen);
  now += 1;
  expect(cache().load()).toBeUndefined();
  now -= 10_002;
  expect(cache().load()).toBeUndefined();
  // Nothing else is left behind, and it is for the owner's eyes only.
  expect(await readdir(`${place.path}/sub/gee`)).toEqual(["completions.json"]);
  const modes = await Promise.all(
    ["", "/completions.json"].map((name) => stat(`${place.path}/sub/gee${name}`)),
  );
  expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o600]);
});

test("what is added later does not make it younger", async () => {
  await using place = await folder();
  let now = 1_000;
  const cache = (): NamesCache => new NamesCache(place.path, "a", () => now);
  cache().save(seen);
  now += 4_000;
  const later = cache();
  expect(later.load()).toEqual(seen);
  later.save({ ...seen, instances: ["cd"] });
  expect(cache().load()).toEqual({ ...seen, instances: ["cd"] });
  now += 1_001;
  expect(cache().load()).toBeUndefined();
});

test("a file that is broken, or that others may write to, is no cache", async () => {
  await using place = await folder();
  const file = join(place.path, "completions.json");
  const cache = new NamesCache(place.path, "a", () => 1_000);
  const good = JSON.stringify({ key: "a", savedAt: 1_000, ...seen });
  const load = async (text: string): Promise<unknown> => {
    await Bun.write(file, text);
    await chmod(file, 0o600);
    return cache.load();
  };
  expect(await load(good)).toEqual(seen);
  for (const text of [
    "",
    "{",
    "[]",
    good.replace("Sum", "\\u0007"),
    good.replace('"Foo":["tcp', '"$(x)":["tcp'),
    good.replace("1000", '"1000"'),
  ]) {
    expect([text, await load(text)]).toEqual([text, undefined]);
  }
  await load(good);
  await chmod(file, 0o622);
  expect(cache.load()).toBeUndefined();
});

test("where nothing can be written there is none, and nothing is said", async () => {
  await using place = await folder({ file: "x" });
  for (const path of [`${place.path}/file`, `${place.path}/file/gee`, "/proc/gee", undefined]) {
    const cache = new NamesCache(path, "a", () => 1_000);
    cache.save(seen);
    expect(cache.load()).toBeUndefined();
  }
  await mkdir(`${place.path}/completions.json`);
  const taken = new NamesCache(place.path, "a", () => 1_000);
  taken.save(seen);
  expect(taken.load()).toBeUndefined();
  expect((await readdir(place.path)).sort()).toEqual(["completions.json", "file"]);
});
