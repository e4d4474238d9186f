import { expect, test } from "bun:test";
import { rm, symlink } from "node:fs/promises";
import { DiskHost } from "../../src/source/disk-host.ts";
import { isUnchanged } from "../../src/source/inputs.ts";
import { folder } from "../support/folder.ts";

function hostOf(library: () => string | undefined = () => undefined): DiskHost {
  return new DiskHost({ libFile: (name) => `// ${name}`, library });
}

test("it reads texts without their byte order mark, and nothing but files", async () => {
  await using place = await folder({ "a.ts": "\u{feff}export {}", "b.ts": "" });
  const host = hostOf();
  expect(host.readFile(`${place.path}/a.ts`)).toBe("export {}");
  expect(host.readFile(`${place.path}/b.ts`)).toBe("");
  expect(host.readFile(place.path)).toBeUndefined();
  expect(host.readFile(`${place.path}/c.ts`)).toBeUndefined();
  expect(host.libFile("lib.d.ts")).toBe("// lib.d.ts");
});

test("what was seen once is seen again, whatever happens meanwhile", async () => {
  await using place = await folder({ "a.ts": "one", "x/y": "" });
  const host = hostOf();
  const [a, b, x] = [`${place.path}/a.ts`, `${place.path}/b.ts`, `${place.path}/x`];
  const look = (): unknown => [
    host.readFile(a),
    host.fileExists(b),
    host.readFile(b),
    host.directoryExists(x),
    host.getDirectories(place.path),
  ];
  const before = look();
  expect(before).toEqual(["one", false, undefined, true, ["x"]]);
  await place.write("a.ts", "two");
  await place.write("b.ts", "new");
  await rm(x, { recursive: true });
  expect(look()).toEqual(before);
  // And that is what is recorded, so that nobody takes it for the contract of what is there now.
  expect(host.inputs().map(isUnchanged)).toEqual(host.inputs().map(() => false));
});

test("it records everything once, and of a file that was read what it held", async () => {
  await using place = await folder({ "a.ts": "one", "node_modules/p/package.json": "{}" });
  await symlink(`${place.path}/node_modules/p`, `${place.path}/link`);
  const host = hostOf();
  for (let round = 0; round < 2; round++) {
    host.fileExists(`${place.path}/a.ts`);
    host.readFile(`${place.path}/a.ts`);
    host.readFile(`${place.path}/node_modules/p/package.json`);
    host.fileExists(`${place.path}/b.ts`);
    host.directoryExists(`${place.path}/node_modules`);
    host.getDirectories(`${place.path}/node_modules`);
    host.realpath(`${place.path}/link`);
    host.realpath(place.path);
  }
  const inputs = host.inputs();
  expect(inputs.map(({ kind, path }) => [kind, path.slice(place.path.length)])).toEqual([
    ["content", "/a.ts"],
    ["stats", "/node_modules/p/package.json"],
    ["path", "/b.ts"],
    ["path", "/node_modules"],
    ["names", "/node_modules"],
    ["link", "/link"],
  ]);
  expect(inputs.every(isUnchanged)).toBe(true);
});

test("the library's declarations are made once, when they are wanted", () => {
  let made = 0;
  const host = hostOf(() => `// ${++made}`);
  expect(made).toBe(0);
  expect([host.library, host.library, made]).toEqual(["// 1", "// 1", 1]);
  const without = hostOf();
  expect([without.library, without.library]).toEqual([undefined, undefined]);
});
