import { expect, test } from "bun:test";
import { chmod, mkdir, rename, rm, symlink, utimes } from "node:fs/promises";
import {
  contentHash,
  fileInput,
  folderNames,
  type Input,
  isUnchanged,
  linkedPath,
  namesInput,
  parseInputs,
  pathKind,
  readBytes,
} from "../../src/source/inputs.ts";
import { folder } from "../support/folder.ts";

test("a path leads to a file, a folder or nothing that can be read", async () => {
  await using place = await folder({ "a.ts": "1" });
  await symlink(`${place.path}/a.ts`, `${place.path}/link`);
  expect(pathKind(`${place.path}/a.ts`)).toBe("file");
  expect(pathKind(`${place.path}/link`)).toBe("file");
  expect(pathKind(place.path)).toBe("folder");
  expect(pathKind(`${place.path}/b.ts`)).toBe("none");
  expect(pathKind(`${place.path}/a.ts/b.ts`)).toBe("none");
  expect(pathKind("a\0b")).toBe("none");
  expect(pathKind("/dev/null")).toBe("none");
});

test("only files are read: no folder, no device, and no pipe that nobody writes to", async () => {
  await using place = await folder({ "a.ts": "text" });
  Bun.spawnSync(["mkfifo", `${place.path}/pipe`]);
  expect(new TextDecoder().decode(readBytes(`${place.path}/a.ts`)?.bytes)).toBe("text");
  for (const path of [place.path, "/dev/zero", `${place.path}/pipe`, `${place.path}/b.ts`]) {
    expect(readBytes(path)).toBeUndefined();
  }
});

test("a person's file is the same while it holds the same", async () => {
  await using place = await folder({ "a.ts": "one" });
  const path = `${place.path}/a.ts`;
  const input = fileInput(path, readBytes(path));
  expect(isUnchanged(input)).toBe(true);
  await utimes(path, 1, 1);
  expect(isUnchanged(input)).toBe(true);
  await place.write("a.ts", "two");
  expect(isUnchanged(input)).toBe(false);
  await rm(path);
  expect(isUnchanged(input)).toBe(false);
});

test.skipIf(process.getuid?.() === 0)(
  "a file that could not be read may become readable",
  async () => {
    await using place = await folder({ "a.ts": "one" });
    const path = `${place.path}/a.ts`;
    await chmod(path, 0);
    const input = fileInput(path, readBytes(path));
    expect(input).toEqual({ kind: "content", path, hash: "" });
    expect(isUnchanged(input)).toBe(true);
    await chmod(path, 0o600);
    expect(isUnchanged(input)).toBe(false);
  },
);

test("a package's file is the same while its size and time are", async () => {
  await using place = await folder({ "node_modules/a/index.d.ts": "one" });
  const path = `${place.path}/node_modules/a/index.d.ts`;
  await utimes(path, 5, 5);
  const input = fileInput(path, readBytes(path));
  expect(input).toEqual({ kind: "stats", path, bytes: 3, changedAt: 5_000 });
  expect(isUnchanged(input)).toBe(true);
  await utimes(path, 6, 6);
  expect(isUnchanged(input)).toBe(false);
  await place.write("node_modules/a/index.d.ts", "three");
  await utimes(path, 5, 5);
  expect(isUnchanged(input)).toBe(false);
  await rm(path);
  expect(isUnchanged(input)).toBe(false);
});

test("what is missing can come, and what is there can go", async () => {
  await using place = await folder();
  const missing: Input = { kind: "path", path: `${place.path}/a`, is: "none" };
  const there: Input = { kind: "path", path: `${place.path}/a`, is: "folder" };
  expect([isUnchanged(missing), isUnchanged(there)]).toEqual([true, false]);
  await mkdir(`${place.path}/a`);
  expect([isUnchanged(missing), isUnchanged(there)]).toEqual([false, true]);
});

test("a folder's folders are known by their names, links to folders among them", async () => {
  await using place = await folder({ "b/x": "", "a/x": "", file: "" });
  await symlink(`${place.path}/a`, `${place.path}/c`);
  await symlink(`${place.path}/file`, `${place.path}/d`);
  const names = folderNames(place.path);
  expect(names).toEqual(["a", "b", "c"]);
  const input = namesInput(place.path, names);
  expect(isUnchanged(input)).toBe(true);
  await place.write("file2", "");
  expect(isUnchanged(input)).toBe(true);
  await rename(`${place.path}/b`, `${place.path}/e`);
  expect(isUnchanged(input)).toBe(false);
  expect(folderNames(`${place.path}/nowhere`)).toEqual([]);
});

test("a link is the same while it leads to the same", async () => {
  await using place = await folder({ "a/x": "", "b/x": "" });
  const path = `${place.path}/link`;
  await symlink(`${place.path}/a`, path);
  const input: Input = { kind: "link", path, to: linkedPath(path) };
  expect(input).toEqual({ kind: "link", path, to: `${place.path}/a` });
  expect(isUnchanged(input)).toBe(true);
  await rm(path);
  await symlink(`${place.path}/b`, path);
  expect(isUnchanged(input)).toBe(false);
  await rm(path);
  expect(linkedPath(path)).toBe(path);
});

test("inputs from outside are read field by field", () => {
  const inputs: readonly Input[] = [
    { kind: "content", path: "/a", hash: contentHash("a") },
    { kind: "content", path: "/b", hash: "" },
    { kind: "stats", path: "/c", bytes: 1, changedAt: 1.5 },
    { kind: "path", path: "/d", is: "none" },
    { kind: "names", path: "/e", hash: contentHash("") },
    { kind: "link", path: "/f", to: "/g" },
  ];
  expect(parseInputs(JSON.parse(JSON.stringify(inputs)), "inputs")).toEqual(inputs);
  for (const [wrong, where] of [
    [{ kind: "other", path: "/a" }, "inputs[0].kind"],
    [{ kind: "content", path: 1, hash: "" }, "inputs[0].path"],
    [{ kind: "content", path: "/a", hash: "/etc" }, "inputs[0].hash"],
    [{ kind: "path", path: "/a", is: "socket" }, "inputs[0].is"],
    [{ kind: "stats", path: "/a", bytes: -1, changedAt: 0 }, "inputs[0].bytes"],
    [{ kind: "link", path: "/a" }, "inputs[0].to"],
  ] as const) {
    expect(() => parseInputs([wrong], "inputs")).toThrow(where);
  }
});
