import { expect, test } from "bun:test";
import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { readContract, readInterfaces, type ReadOptions } from "../../src/source/read-contract.ts";
import { type Folder, folder } from "../support/folder.ts";
import { memoryLog } from "../support/memory-log.ts";

/**
 * A child that reads nothing: of each module it says its text and the mode that was asked for. It
 * notes in `asked` what it was asked for, a line each time.
 */
const child = `
  import { appendFileSync, readFileSync } from "node:fs";
  const { mode, paths } = await Bun.stdin.json();
  const inputs = paths.map((path) => {
    const hash = new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex").slice(0, 32);
    return { kind: "content", path, hash };
  });
  appendFileSync(process.argv[2] + "/asked", JSON.stringify({ mode, paths }) + "\\n");
  const failing = process.argv.slice(3);
  if (failing.includes(mode)) throw new Error("no " + mode);
  const modules = paths.map((path) => ({
    module: { services: [], hidden: {}, marks: { [mode]: [readFileSync(path, "utf8")] }, files: [path] },
    ...(failing.includes(path.replace(/.*\\//, "")) ? { why: "too deep" } : {}),
  }));
  if (failing.includes("some")) modules.pop();
  console.log(JSON.stringify({ modules, inputs }));
`;

interface World extends AsyncDisposable {
  readonly place: Folder;
  readonly lines: string[];
  /** Options that start the child above, which fails in the modes given, and for the files. */
  options(...failing: string[]): ReadOptions;
  /** What children were asked for since the last look. */
  asked(): Promise<readonly string[]>;
}

async function setUp(): Promise<World> {
  const place = await folder({ "child.ts": child, "a.ts": "one", "b.ts": "two" });
  const { log, lines } = memoryLog();
  const record = Bun.file(`${place.path}/asked`);
  return {
    place,
    lines,
    options: (...failing) => ({
      cacheDir: `${place.path}/cache`,
      command: [process.execPath, `${place.path}/child.ts`, place.path, ...failing],
      log,
    }),
    async asked() {
      if (!(await record.exists())) return [];
      const words = (await record.text()).trimEnd().split("\n");
      await record.delete();
      return words.map((line) => {
        const { mode, paths } = JSON.parse(line);
        return [mode, ...paths.map((path: string) => path.replace(/.*\//, ""))].join(" ");
      });
    },
    [Symbol.asyncDispose]: place[Symbol.asyncDispose],
  };
}

test("a module is read once, and again when it has changed", async () => {
  await using world = await setUp();
  const path = `${world.place.path}/a.ts`;
  const marks = async (): Promise<unknown> =>
    (await readContract(path, world.options())).map((module) => module.marks);
  expect(await marks()).toEqual([{ contracts: ["one"] }]);
  expect(await marks()).toEqual([{ contracts: ["one"] }]);
  expect(await world.asked()).toEqual(["contracts a.ts"]);
  await world.place.write("a.ts", "new");
  expect(await marks()).toEqual([{ contracts: ["new"] }]);
  expect(await world.asked()).toEqual(["contracts a.ts"]);
  expect(world.lines).toEqual([]);
});

test("several are read by one child, each once, those that are known by none", async () => {
  await using world = await setUp();
  const [a, b] = [`${world.place.path}/a.ts`, `${world.place.path}/b.ts`];
  const files = async (...paths: string[]): Promise<unknown> =>
    (await readContract(paths, world.options())).map((module) => module.files[0]);
  expect(await files(a)).toEqual([a]);
  expect(await files(b, a, b)).toEqual([b, a, b]);
  expect(await files(a, b)).toEqual([a, b]);
  expect(await files()).toEqual([]);
  expect(await world.asked()).toEqual(["contracts a.ts", "contracts b.ts"]);
  await rm(`${world.place.path}/cache`, { recursive: true });
  expect(await files(a, b)).toEqual([a, b]);
  expect(await world.asked()).toEqual(["contracts a.ts b.ts"]);
});

test("a path may be relative, a link, or a file's URL", async () => {
  await using world = await setUp();
  const a = `${world.place.path}/a.ts`;
  await symlink(a, `${world.place.path}/link.ts`);
  const relative = `${"../".repeat(20)}${a.slice(1)}`;
  for (const path of [`${world.place.path}/link.ts`, pathToFileURL(a).href, relative]) {
    expect((await readContract(path, world.options()))[0]?.files).toEqual([a]);
  }
});

test.each([
  ["nowhere.ts", "there is no file"],
  [".", "there is no file"],
  ["file://elsewhere/a.ts", "it is no file's URL"],
  ["http://127.0.0.1/a.ts", "there is no file"],
])("where there is no file, %s, nothing is read", async (name, why) => {
  await using world = await setUp();
  const path = name.includes(":") ? name : `${world.place.path}/${name}`;
  await expect(readContract(path, world.options())).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "NO_SOURCE",
    message: `${path}: ${why}`,
    executed: "no",
  });
  expect(await world.asked()).toEqual([]);
});

test("without a cache it is read each time", async () => {
  await using world = await setUp();
  const path = `${world.place.path}/a.ts`;
  for (let round = 0; round < 2; round++) {
    await readContract(path, { ...world.options(), cacheDir: false });
  }
  await Bun.write(`${world.place.path}/file`, "");
  await readContract(path, { ...world.options(), cacheDir: `${world.place.path}/file/cache` });
  expect(await world.asked()).toEqual(Array.from({ length: 3 }, () => "contracts a.ts"));
  expect(world.lines).toEqual([]);
  expect((await readdir(world.place.path)).includes("cache")).toBe(false);
});

test("when the checker's child dies, another one reads the marks, which are not kept", async () => {
  await using world = await setUp();
  const paths = [`${world.place.path}/a.ts`, `${world.place.path}/b.ts`];
  for (let round = 0; round < 2; round++) {
    const modules = await readContract(paths, world.options("contracts"));
    expect(modules.map(({ marks }) => marks)).toEqual([{ marks: ["one"] }, { marks: ["two"] }]);
    expect(await world.asked()).toEqual(["contracts a.ts b.ts", "marks a.ts b.ts"]);
  }
  expect(world.lines).toHaveLength(4);
  expect(world.lines[0]).toStartWith("warn the types of a module were not read");
  expect(world.lines[0]).toContain("no contracts");
});

test("a module whose types were not read is told of, and read again the next time", async () => {
  await using world = await setUp();
  const paths = [`${world.place.path}/a.ts`, `${world.place.path}/b.ts`];
  await readContract(paths, world.options("b.ts"));
  expect(world.lines).toEqual([expect.stringMatching(/were not read.*b\.ts why="too deep"$/)]);
  await readContract(paths, world.options());
  expect(await world.asked()).toEqual(["contracts a.ts b.ts", "contracts b.ts"]);
});

test("when not even the marks can be read, it says so, and what to do", async () => {
  await using world = await setUp();
  const path = `${world.place.path}/a.ts`;
  for (const options of [
    world.options("contracts", "marks"),
    world.options("some"),
    { ...world.options(), command: ["/nowhere/gee"] },
  ]) {
    await expect(readContract(path, options)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "NO_CONTRACT",
      message: expect.stringContaining(path),
      hint: expect.stringContaining("private"),
      executed: "no",
    });
  }
});

test("a module that is gone when the child comes to it is not one without marks", async () => {
  await using world = await setUp();
  const path = `${world.place.path}/a.ts`;
  for (const input of [
    { kind: "path", path, is: "none" },
    { kind: "content", path, hash: "" },
  ]) {
    const module = { services: [], hidden: {}, marks: {}, files: [path] };
    const text = JSON.stringify(JSON.stringify({ modules: [{ module }], inputs: [input] }));
    const command = [process.execPath, "-e", `console.log(${text})`];
    await expect(readContract(path, { ...world.options(), command })).rejects.toMatchObject({
      reason: "NO_SOURCE",
    });
  }
});

test("whoever else reads and writes the same entries is not in the way", async () => {
  await using world = await setUp();
  const path = `${world.place.path}/a.ts`;
  await mkdir(`${world.place.path}/cache`);
  const all = Array.from({ length: 4 }, () => readContract(path, world.options()));
  for (const modules of await Promise.all(all)) {
    expect(modules[0]?.marks).toEqual({ contracts: ["one"] });
  }
  expect(await readdir(`${world.place.path}/cache`)).toHaveLength(1);
});

test("interfaces of a file of declarations are read anew each time", async () => {
  await using world = await setUp();
  const path = `${world.place.path}/a.ts`;
  for (let round = 0; round < 2; round++) {
    const { marks } = await readInterfaces(path, world.options());
    expect(marks).toEqual({ interfaces: ["one"] });
  }
  expect(await world.asked()).toEqual(["interfaces a.ts", "interfaces a.ts"]);
  const wrong = readInterfaces(path, world.options("interfaces"));
  await expect(wrong).rejects.toMatchObject({ reason: "NO_CONTRACT" });
});
