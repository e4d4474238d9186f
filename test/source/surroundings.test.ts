import { afterEach, expect, test } from "bun:test";
import {
  childCommand,
  childEnvironment,
  defaultCacheFolder,
  executableStamp,
  ownUser,
} from "../../src/source/surroundings.ts";

const before = { ...process.env };

afterEach(() => {
  for (const name of ["XDG_CACHE_HOME", "HOME", "BUN_OPTIONS", "BUN_INSTALL", "GEE_READS_SOURCE"]) {
    const value = before[name];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

test("from source it is Bun that starts the child, which fetches no package", () => {
  expect(executableStamp).toBeUndefined();
  const [program, ...words] = childCommand() ?? [];
  expect(program).toBe(process.execPath);
  expect(words).toContain("--no-install");
  expect(words.at(-1)).toEndWith("/src/source/child.ts");
});

test("the child has this process's environment without what changes Bun, and ends with it", () => {
  process.env.BUN_OPTIONS = "--smol";
  process.env.BUN_INSTALL = "/somewhere";
  const { BUN_OPTIONS, BUN_INSTALL, PATH, BUN_FEATURE_FLAG_NO_ORPHANS } = childEnvironment();
  expect([BUN_OPTIONS, BUN_INSTALL, PATH, BUN_FEATURE_FLAG_NO_ORPHANS]).toEqual([
    undefined,
    "/somewhere",
    process.env.PATH,
    "1",
  ]);
});

test("a child starts no child", () => {
  const { GEE_READS_SOURCE } = childEnvironment();
  if (GEE_READS_SOURCE !== undefined) process.env.GEE_READS_SOURCE = GEE_READS_SOURCE;
  expect(childCommand()).toBeUndefined();
});

test("contracts are kept in the user's cache folder, if there is one", () => {
  const at = (cache: string | undefined, home: string | undefined): string | undefined => {
    delete process.env.XDG_CACHE_HOME;
    delete process.env.HOME;
    if (cache !== undefined) process.env.XDG_CACHE_HOME = cache;
    if (home !== undefined) process.env.HOME = home;
    return defaultCacheFolder();
  };
  expect(at("/cache", "/home/a")).toBe("/cache/gee/contracts");
  expect(at(undefined, "/home/a")).toBe("/home/a/.cache/gee/contracts");
  expect(at("", "/home/a")).toBe("/home/a/.cache/gee/contracts");
  // A relative one is to be ignored, as its specification says.
  expect(at("cache", "/home/a")).toBe("/home/a/.cache/gee/contracts");
  expect(at(undefined, undefined)).toBeUndefined();
  expect(at("cache", "home")).toBeUndefined();
});

test("it knows whose process this is", () => {
  expect(ownUser()).toBe(process.getuid?.());
});
