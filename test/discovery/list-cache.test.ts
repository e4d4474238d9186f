import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, readdir, rmdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ListCache } from "../../src/discovery/list-cache.ts";
import { FakeClock, until } from "../support/clock.ts";
import { folder } from "../support/folder.ts";
import { memoryLog } from "../support/memory-log.ts";
import { member } from "../support/scripted-registry.ts";

const registries = ["http://one.test/x", "http://two.test/x"];

async function setUp() {
  const place = await folder();
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const file = join(place.path, "list.json");
  const open = (of: readonly string[] = registries): ListCache =>
    new ListCache({ file, registries: of, clock, log });
  const saved = (): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
  return {
    place,
    clock,
    lines,
    file,
    open,
    saved,
    [Symbol.asyncDispose]: place[Symbol.asyncDispose],
  };
}

/** What a file holds, as it was written by `ListCache`, with changes. */
function content(clock: FakeClock, changes: Readonly<Record<string, unknown>> = {}): string {
  const savedAt = clock.wall() - 1_000;
  return JSON.stringify({ format: 1, savedAt, registries, instances: [member("a")], ...changes });
}

test("what one process saves, the next one loads, with its age", async () => {
  await using world = await setUp();
  const one = world.open();
  expect(await one.load()).toBeUndefined();
  const members = [member("a", { tags: { b: "c" } }), member("b", { state: "suspect" })];
  one.save(members);
  await one[Symbol.asyncDispose]();
  await world.clock.advance(60_000);
  expect(await world.open().load()).toMatchObject({ members, ageMs: 60_000 });
  expect(await world.open(registries.toReversed()).load()).toMatchObject({ members });
  expect(world.lines).toEqual([]);
});

test("the file is its owner's alone, and nothing else is left in the folder", async () => {
  await using world = await setUp();
  await Bun.write(world.file, "old");
  await chmod(world.file, 0o644);
  const cache = world.open();
  cache.save([member("a")]);
  await cache[Symbol.asyncDispose]();
  expect((await stat(world.file)).mode & 0o777).toBe(0o600);
  expect(await readdir(world.place.path)).toEqual(["list.json"]);
});

test("whoever reads while it is written finds one whole list or the other", async () => {
  await using world = await setUp();
  const caches = [world.open(), world.open()];
  const reader = world.open();
  const long = Array.from({ length: 500 }, (_, n) => member("a", { revision: n }));
  for (let round = 0; round < 20; round++) {
    for (const cache of caches) cache.save(long.slice(round));
    await world.clock.advance(1_000);
    for (let reads = 0; reads < 5; reads++) {
      const found = await reader.load();
      if (found !== undefined) expect(found.members.length).toBeGreaterThan(480);
    }
  }
  for (const cache of caches) await cache[Symbol.asyncDispose]();
  expect(world.lines).toEqual([]);
  expect(await readdir(world.place.path)).toEqual(["list.json"]);
});

test("it is written at once, then once a second at most, and the last list when it is closed", async () => {
  await using world = await setUp();
  const cache = world.open();
  cache.save([member("a")]);
  await untilSaved(world, "host-a");
  cache.save([member("b")]);
  cache.save([member("c")]);
  await world.clock.advance(999);
  expect(world.saved()).toContain("host-a");
  await world.clock.advance(1);
  await untilSaved(world, "host-c");
  cache.save([member("d")]);
  await cache[Symbol.asyncDispose]();
  expect(world.saved()).toContain("host-d");
  expect([world.clock.pending(), world.lines]).toEqual([0, []]);
});

function untilSaved(world: { saved(): string }, text: string): Promise<void> {
  return until(() => world.saved().includes(text), `a file with ${text}`);
}

test("the same list is not written again, but once an hour, so that it stays of use", async () => {
  await using world = await setUp();
  const cache = world.open();
  const members = [member("a")];
  cache.save(members);
  await untilSaved(world, "host-a");
  await Bun.write(world.file, "");
  for (let minute = 0; minute < 59; minute++) {
    await world.clock.advance(60_000);
    cache.save(members);
  }
  expect(world.saved()).toBe("");
  await world.clock.advance(60_000);
  cache.save(members);
  await untilSaved(world, "host-a");
  await cache[Symbol.asyncDispose]();
});

test.each([
  [
    "a list that is 24 hours old",
    (clock) => content(clock, { savedAt: clock.wall() - 86_400_001 }),
    "24 hours",
  ],
  [
    "a list from the day after tomorrow",
    (clock) => content(clock, { savedAt: clock.wall() + 2 * 86_400_000 }),
    "24 hours",
  ],
  [
    "other registries' list",
    (clock) => content(clock, { registries: ["http://prod/x"] }),
    "it is the list of http://prod/x",
  ],
  ["half a file", (clock) => content(clock).slice(0, 90), "JSON"],
  ["nothing", () => "", "JSON"],
  ["another format", (clock) => content(clock, { format: 2 }), "list.format"],
  ["a list", () => "[]", "list: it must be an object"],
  [
    "a member that makes no sense",
    (clock) => content(clock, { instances: [{ address: "x" }] }),
    "list.instances[0].address",
  ],
  [
    "too many members",
    (clock) => content(clock, { instances: Array.from({ length: 16_385 }, () => 1) }),
    "at most 16384",
  ],
] satisfies readonly (readonly [string, (clock: FakeClock) => string, string])[])(
  "%s is not used, with one warning that says why",
  async (_name, text, why) => {
    await using world = await setUp();
    await Bun.write(world.file, text(world.clock));
    await chmod(world.file, 0o600);
    const cache = world.open();
    expect([await cache.load(), await cache.load()]).toEqual([undefined, undefined]);
    expect(world.lines).toEqual([
      expect.stringMatching(/^warn the saved list is not used file=\S*list\.json why=/),
    ]);
    expect(world.lines[0]).toContain(why);
  },
);

test("a wall clock that went back a little makes a list neither old nor younger than it is", async () => {
  await using world = await setUp();
  await Bun.write(world.file, content(world.clock, { savedAt: world.clock.wall() + 3_600_000 }));
  await chmod(world.file, 0o600);
  expect(await world.open().load()).toMatchObject({ ageMs: 0 });
});

test("a file that others may write to is not used", async () => {
  await using world = await setUp();
  await Bun.write(world.file, content(world.clock));
  for (const mode of [0o602, 0o620]) {
    await chmod(world.file, mode);
    expect(await world.open().load()).toBeUndefined();
  }
  await chmod(world.file, 0o644);
  expect((await world.open().load())?.members).toHaveLength(1);
  expect(world.lines).toHaveLength(2);
});

test("a folder and a pipe are no files, and hold nobody up", async () => {
  await using world = await setUp();
  await mkdir(world.file);
  expect(await world.open().load()).toBeUndefined();
  const pipe = join(world.place.path, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  await using other = await setUp();
  await symlink(pipe, other.file);
  expect(await other.open().load()).toBeUndefined();
  expect([...world.lines, ...other.lines]).toEqual([
    expect.stringContaining("no regular file"),
    expect.stringContaining("no regular file"),
  ]);
});

test("a file that cannot be written is one warning, and the same list is tried again", async () => {
  await using world = await setUp();
  const cache = world.open();
  const members = [member("a")];
  await mkdir(world.file);
  cache.save(members);
  await until(() => world.lines.length > 0);
  cache.save(members);
  await cache[Symbol.asyncDispose]();
  const again = world.open();
  again.save(members);
  await until(() => world.lines.length > 1);
  await rmdir(world.file);
  again.save(members);
  await again[Symbol.asyncDispose]();
  expect(world.saved()).toContain("host-a");
  world.lines.pop();
  expect(world.lines).toEqual([expect.stringMatching(/^warn the list cannot be saved file=/)]);
  expect(await readdir(world.place.path)).toEqual(["list.json"]);
});
