import { expect, test } from "bun:test";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { FileWatch } from "../../src/cli/file-watch.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { folder, type Folder } from "../support/folder.ts";

interface Watched extends Disposable {
  readonly clock: FakeClock;
  readonly watch: FileWatch;
  /** When it told of changes, and when the first sign of each was. */
  readonly told: (readonly [at: number, firstAt: number])[];
  /** Resolves when a sign of a change has come that was not told of yet. */
  heard(): Promise<void>;
}

function watching(paths: readonly string[]): Watched {
  const clock = new FakeClock();
  const told: (readonly [number, number])[] = [];
  const watch = new FileWatch(clock, (firstAt) => void told.push([clock.now(), firstAt]));
  watch.use(paths);
  return {
    clock,
    watch,
    told,
    heard: () => until(() => clock.pending() > 0, "a sign of a change"),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** Until everything that the system had to tell has come: a later sign of our own. */
async function settled(place: Folder): Promise<void> {
  using other = watching([`${place.path}/sentinel`]);
  await turn();
  await place.write("sentinel", "");
  await other.heard();
}

test("several signs of one edit are one change, told 50 ms behind the last", async () => {
  await using place = await folder({ "a.ts": "1" });
  using watched = watching([`${place.path}/a.ts`]);
  const { clock, told, heard } = watched;
  const startedAt = clock.now();
  await place.write("a.ts", "2");
  await heard();
  await settled(place);
  await clock.advance(30);
  await place.write("a.ts", "3");
  await settled(place);
  await clock.advance(49);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([[startedAt + 80, startedAt]]);
});

test.each([
  ["written in place", (path: string) => writeFile(path, "2")],
  [
    "replaced",
    async (path: string) => {
      await writeFile(`${path}.tmp`, "2");
      await rename(`${path}.tmp`, path);
    },
  ],
  ["removed", (path: string) => rm(path)],
])("a file that is %s has changed", async (_how, edit) => {
  await using place = await folder({ "a.ts": "1" });
  using watched = watching([`${place.path}/a.ts`]);
  await edit(`${place.path}/a.ts`);
  await watched.heard();
});

test("a replaced file is still watched", async () => {
  await using place = await folder({ "a.ts": "1" });
  using watched = watching([`${place.path}/a.ts`]);
  await writeFile(`${place.path}/b`, "2");
  await rename(`${place.path}/b`, `${place.path}/a.ts`);
  await watched.heard();
  await settled(place);
  await watched.clock.advance(50);
  await writeFile(`${place.path}/a.ts`, "3");
  await watched.heard();
});

test("other files are no business of ours", async () => {
  await using place = await folder({ "a.ts": "1", "ab.ts": "1" });
  using watched = watching([`${place.path}/a.ts`]);
  await place.write("ab.ts", "2");
  await place.write("b.ts", "2");
  await settled(place);
  expect(watched.clock.pending()).toBe(0);
});

test("what is not there is watched for, with any ending, and in folders that are not there", async () => {
  await using place = await folder();
  using watched = watching([`${place.path}/new`, `${place.path}/sub/deep/b.ts`]);
  await place.write("new.ts", "1");
  await watched.heard();
  await settled(place);
  await watched.clock.advance(50);
  await mkdir(`${place.path}/sub`);
  await watched.heard();
  expect(watched.told).toHaveLength(1);
});

test("a folder that is removed and made again is watched again after the next look", async () => {
  await using place = await folder({ "sub/a.ts": "1" });
  const paths = [`${place.path}/sub/a.ts`];
  using watched = watching(paths);
  await rm(`${place.path}/sub`, { recursive: true });
  await watched.heard();
  await settled(place);
  await watched.clock.advance(50);
  watched.watch.use(paths);
  await place.write("sub/a.ts", "2");
  await watched.heard();
});

test("it tells nothing when it is disposed", async () => {
  await using place = await folder({ "a.ts": "1" });
  const watched = watching([`${place.path}/a.ts`]);
  await place.write("a.ts", "2");
  await watched.heard();
  watched.watch[Symbol.dispose]();
  await watched.clock.advance(100);
  await place.write("a.ts", "3");
  await settled(place);
  expect([watched.told.length, watched.clock.pending()]).toEqual([0, 0]);
});
