import { expect, test } from "bun:test";
import { readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../src/cli/write-file.ts";
import { folder } from "../support/folder.ts";

test("a file is written, and replaced, as a whole", async () => {
  await using place = await folder();
  const path = join(place.path, "a.d.ts");
  writeWhole(path, "one");
  const before = Bun.file(path);
  expect(await before.text()).toBe("one");
  writeWhole(path, "two");
  expect(await readFile(path, "utf8")).toBe("two");
  expect(await readdir(place.path)).toEqual(["a.d.ts"]);
});

test("what is no plain file stays what it is", async () => {
  await using place = await folder({ "a.d.ts": "one" });
  await symlink(join(place.path, "a.d.ts"), join(place.path, "b.d.ts"));
  writeWhole(join(place.path, "b.d.ts"), "two");
  expect(await readFile(join(place.path, "a.d.ts"), "utf8")).toBe("two");
  writeWhole("/dev/null", "three");
});

test("where nothing can be written it is wrong usage, and nothing is left behind", async () => {
  await using place = await folder({ file: "x" });
  for (const path of [`${place.path}/nowhere/a.d.ts`, `${place.path}/file/a`, place.path]) {
    expect(() => writeWhole(path, "x")).toThrow(`cannot write ${path}`);
  }
  expect(() => writeWhole(`${place.path}/nowhere/a`, "x")).toThrow(/: ENOENT: [a-z ]+$/);
  expect(await readdir(place.path)).toEqual(["file"]);
});
