import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdir, rename, rm, stat, symlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseAddress } from "../../src/base/address.ts";
import { silentLog } from "../../src/base/log.ts";
import { LocalDirectory } from "../../src/directory/local-directory.ts";
import { SqliteStore } from "../../src/directory/sqlite-store.ts";
import { type StoredMember, storeKey } from "../../src/directory/store.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { FakeClock } from "../support/clock.ts";
import { eventually } from "../support/cluster.ts";
import { type Folder, folder } from "../support/folder.ts";
import { memoryLog } from "../support/memory-log.ts";
import { startScript } from "../support/processes.ts";
import { storedInstance } from "./stored-members.ts";
import { id, instance } from "./table-bench.ts";

const old = { address: parseAddress("tcp@old:1"), old: true } as const;

/** A folder with a store's file in it, and stores that open it one after the other. */
class Bench implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly lines: string[];
  readonly file: string;
  readonly #folder: Folder;
  readonly #log: ReturnType<typeof memoryLog>["log"];

  private constructor(place: Folder, file: string) {
    this.#folder = place;
    this.file = file;
    const { log, lines } = memoryLog();
    this.#log = log;
    this.lines = lines;
  }

  static async create(below = "."): Promise<Bench> {
    const place = await folder();
    return new Bench(place, `${place.path}/${below}/reg.db`);
  }

  get path(): string {
    return this.#folder.path;
  }

  store(): SqliteStore {
    return new SqliteStore({
      file: this.file,
      allowLoopback: false,
      clock: this.clock,
      log: this.#log,
    });
  }

  directory(): Promise<LocalDirectory> {
    return LocalDirectory.open({ clock: this.clock, log: this.#log, store: this.store() });
  }

  /** A store that is open. */
  async opened(): Promise<SqliteStore> {
    const store = this.store();
    await store.load();
    return store;
  }

  /** What a new store finds, by key. */
  async found(): Promise<Map<string, StoredMember>> {
    const store = this.store();
    const members = await store.load();
    await store.close();
    return new Map(members.map((member) => [storeKey(member), member]));
  }

  /** Does something to the file itself. */
  raw<T>(work: (database: Database) => T): T {
    using database = new Database(this.file);
    return work(database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Rows that the file has, counted from another connection of the same process. */
function count(bench: Bench): number {
  return bench.raw(
    (database) =>
      database.query<{ n: number }, []>("SELECT count(*) AS n FROM members").get()?.n ?? -1,
  );
}

test("what is put is found by the next store, and what is removed is not", async () => {
  await using bench = await Bench.create();
  const store = await bench.opened();
  for (let n = 1; n <= 3; n++) store.put(storedInstance(n));
  store.put(old);
  store.put(storedInstance(2, { revision: 2, tags: { a: "b" } }));
  store.remove(id(3));
  store.remove(id(9));
  await store.close();
  const found = await bench.found();
  expect([...found.keys()].sort()).toEqual([id(1), id(2), old.address]);
  expect(found.get(id(2))).toMatchObject(storedInstance(2, { revision: 2, tags: { a: "b" } }));
  expect(found.get(old.address)).toEqual(old);
  expect(bench.lines).toEqual([]);
});

test("the file, and what SQLite puts beside it, are for the owner alone", async () => {
  await using bench = await Bench.create();
  await Bun.write(bench.file, "");
  const store = await bench.opened();
  store.put(storedInstance(1));
  await bench.clock.advance(50);
  const modes = await Promise.all(
    ["", "-wal"].map(async (end) => (await stat(bench.file + end)).mode & 0o777),
  );
  expect(modes).toEqual([0o600, 0o600]);
  await store.close();
});

test("changes are written together, after 50 ms, in transactions of 500 rows", async () => {
  await using bench = await Bench.create();
  const store = await bench.opened();
  const { clock } = bench;
  // The file of a store that runs is locked; a copy of it is not.
  const written = async (): Promise<number> => {
    for (const end of ["", "-wal"])
      await Bun.write(`${bench.path}/copy${end}`, Bun.file(bench.file + end));
    using copy = new Database(`${bench.path}/copy`);
    return copy.query<{ n: number }, []>("SELECT count(*) AS n FROM members").get()?.n ?? -1;
  };
  for (let n = 1; n <= 1_200; n++) store.put(storedInstance(n));
  expect(clock.pending("foreground")).toBe(0);
  await clock.advance(49);
  expect(await written()).toBe(0);
  await clock.advance(1);
  expect(await written()).toBe(500);
  await clock.advance(50);
  expect(await written()).toBe(1_000);
  await clock.advance(50);
  expect(await written()).toBe(1_200);
  expect(clock.pending()).toBe(0);
  await store.close();
});

test("closing writes what waits", async () => {
  await using bench = await Bench.create();
  const store = await bench.opened();
  for (let n = 1; n <= 1_200; n++) store.put(storedInstance(n));
  await store.close();
  expect([count(bench), bench.clock.pending()]).toEqual([1_200, 0]);
});

test("a registry that starts again has the list, warming, and each a full term", async () => {
  await using bench = await Bench.create();
  const { clock } = bench;
  const first = await bench.directory();
  const { secret } = await first.put(instance(1), undefined);
  await first.put(instance(2, { leaseMs: 3_000 }), undefined);
  await first.putAddress(old.address);
  const gone = await first.put(instance(3), undefined);
  await first.leave(id(3), gone.secret);
  // Not closed in order: what was written in time is there all the same.
  await clock.advance(2_900);
  await first[Symbol.asyncDispose]();
  await using second = await bench.directory();
  expect(second.status).toMatchObject({ warming: true, trouble: undefined });
  const states = (): readonly string[] => second.list().map(({ state }) => state);
  expect(states()).toEqual(["up", "up", "left", "up"]);
  await clock.advance(2_990);
  expect(states()).toEqual(["up", "up", "left", "up"]);
  expect((await second.renew(id(1), secret, 1, {})).leaseMs).toBe(9_000);
  await clock.advance(20);
  expect(states()).toEqual(["up", "suspect", "left", "up"]);
  await clock.advance(8_000);
  expect(second.status.warming).toBe(false);
});

test("a registry's process that is killed and started again goes on with its list", async () => {
  await using place = await folder();
  const script = new URL("../support/cluster-registry.ts", import.meta.url);
  const options = { listen: "127.0.0.1:0", store: `sqlite:${place.path}/reg.db` };
  const start = () => startScript<{ readonly url: string }>(script, options);
  await using first = await start();
  const client = createRegistryClient({ url: first.said.url, log: silentLog });
  const granted = await client.register(instance(1));
  await eventually(async () => {
    const wal = Bun.file(`${place.path}/reg.db-wal`);
    return (await wal.text()).includes(id(1));
  }, "the record in the file");
  first.signal("SIGKILL");
  await first.exited;
  await using second = await start();
  const again = createRegistryClient({ url: second.said.url, log: silentLog });
  expect(await again.list()).toMatchObject({
    warming: true,
    members: [{ id: id(1), state: "up" }],
  });
  const secret = granted.kind === "old" ? "" : granted.secret;
  expect(await again.renew(instance(1), secret)).toMatchObject({ leaseMs: 9_000 });
});

test("beats are not written", async () => {
  await using bench = await Bench.create();
  await using directory = await bench.directory();
  const { secret } = await directory.put(instance(1), undefined);
  await bench.clock.advance(1_000);
  const before = (await stat(`${bench.file}-wal`)).size;
  for (let n = 1; n <= 50; n++) await directory.renew(id(1), secret, 1, { load: n, lagMs: n });
  await bench.clock.advance(1_000);
  expect((await stat(`${bench.file}-wal`)).size).toBe(before);
});

test("rows that make no sense are skipped and counted", async () => {
  await using bench = await Bench.create();
  const store = await bench.opened();
  store.put(storedInstance(1));
  await store.close();
  const good = JSON.stringify(storedInstance(2));
  bench.raw((database) => {
    const put = database.query("INSERT INTO members (key, record) VALUES (?, ?)");
    for (const [key, record] of [
      ["a", "no JSON"],
      ["b", "{}"],
      ["c", good],
      [id(3), JSON.stringify({ ...storedInstance(3), digest: "ab" })],
      [id(4), `${JSON.stringify(storedInstance(4)).slice(0, -1)},"x":"${"x".repeat(65_536)}"}`],
      [id(5), "[".repeat(50_000)],
    ]) {
      put.run(key ?? null, record ?? null);
    }
    put.run(id(6), new Uint8Array([255, 254]));
  });
  expect([...(await bench.found()).keys()]).toEqual([id(1)]);
  expect(bench.lines).toEqual([`warn kept members make no sense file=${bench.file} skipped=7`]);
});

/** A store that is in trouble because of `harm`, and is well again after `heal`. */
async function heals(
  bench: Bench,
  why: string,
  heal: () => Promise<void> | void,
): Promise<SqliteStore> {
  const { clock, lines } = bench;
  const store = bench.store();
  expect(await store.load()).toEqual([]);
  expect(store.trouble).toContain(why);
  for (let n = 1; n <= 600; n++) store.put(storedInstance(n));
  store.remove(id(600));
  await clock.advance(7_000);
  expect(store.trouble).toContain(why);
  expect(lines).toEqual([expect.stringMatching(/^warn members are not kept file=\S+ why=/)]);
  await heal();
  await clock.advance(5_000);
  expect(store.trouble).toBeUndefined();
  expect(lines.slice(1)).toEqual([`warn members are kept again file=${bench.file}`]);
  expect(clock.pending()).toBe(0);
  store.put(storedInstance(700));
  await store.close();
  const found = await bench.found();
  expect([found.size, found.has(id(600)), found.has(id(700))]).toEqual([600, false, true]);
  return store;
}

test("a folder that is not there: from memory, and kept within 5 s once it is", async () => {
  await using bench = await Bench.create("later");
  await heals(bench, "ENOENT", async () => {
    await mkdir(`${bench.path}/later`);
  });
});

test("a file in place of the folder", async () => {
  await using bench = await Bench.create("later");
  await Bun.write(`${bench.path}/later`, "");
  await heals(bench, "ENOTDIR", async () => {
    await rm(`${bench.path}/later`);
    await mkdir(`${bench.path}/later`);
  });
});

test("a file that is broken", async () => {
  await using bench = await Bench.create();
  await Bun.write(bench.file, "this is no database ".repeat(1_000));
  await heals(bench, "not a database", () => rename(bench.file, `${bench.file}.broken`));
});

test("a folder in place of the file", async () => {
  await using bench = await Bench.create();
  await mkdir(bench.file);
  await heals(bench, "no regular file", () => rm(bench.file, { recursive: true }));
});

test("a device in place of the file", async () => {
  await using bench = await Bench.create();
  await symlink("/dev/full", bench.file);
  await heals(bench, "no regular file", () => rm(bench.file));
});

test("the database of another program is left as it is", async () => {
  await using bench = await Bench.create();
  bench.raw((database) => database.run("CREATE TABLE members (name TEXT)"));
  await heals(bench, "another program", async () => {
    expect(bench.raw((database) => database.query("SELECT * FROM members").all())).toEqual([]);
    await rm(bench.file);
  });
});

test("a file of a later version is left as it is", async () => {
  await using bench = await Bench.create();
  await (await bench.opened()).close();
  bench.raw((database) => database.run("PRAGMA user_version = 2"));
  await heals(bench, "another version", () => {
    bench.raw((database) => database.run("PRAGMA user_version = 1"));
  });
});

test("a file that somebody else has locked, at the start", async () => {
  await using bench = await Bench.create();
  await (await bench.opened()).close();
  using other = new Database(bench.file);
  other.run("BEGIN EXCLUSIVE");
  await heals(bench, "locked", () => {
    other.run("COMMIT");
    other.close();
  });
});

test("two registries with one file: the second goes on from memory, and harms nothing", async () => {
  await using bench = await Bench.create();
  const first = await bench.opened();
  first.put(storedInstance(1));
  await bench.clock.advance(50);
  const second = bench.store();
  expect(await second.load()).toEqual([]);
  expect(second.trouble).toBe("sqlite: another process has it locked");
  second.put(storedInstance(2));
  await second.close();
  first.put(storedInstance(3));
  await first.close();
  expect([...(await bench.found()).keys()]).toEqual([id(1), id(3)]);
});

test("what the file had and could not be read at the start stays in it", async () => {
  await using bench = await Bench.create();
  const first = await bench.opened();
  first.put(storedInstance(1));
  await first.close();
  await rename(bench.file, `${bench.file}.away`);
  await mkdir(bench.file);
  const second = await bench.opened();
  second.put(storedInstance(2));
  await rm(bench.file, { recursive: true });
  await rename(`${bench.file}.away`, bench.file);
  await bench.clock.advance(2_000);
  await second.close();
  expect([...(await bench.found()).keys()]).toEqual([id(1), id(2)]);
});

/** Runs something as root would, and says whether that worked. */
function did(...command: readonly string[]): boolean {
  return Bun.spawnSync([...command], { stdout: "ignore", stderr: "ignore" }).success;
}

test("a disk that is full, and has space again", async () => {
  await using bench = await Bench.create("disk");
  const disk = `${bench.path}/disk`;
  await mkdir(disk);
  if (!did("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk)) {
    console.warn("skipped: this user may not mount a small disk");
    return;
  }
  try {
    const { clock, lines } = bench;
    const store = await bench.opened();
    for (let n = 1; n <= 300; n++) store.put(storedInstance(n));
    await clock.advance(50);
    expect(store.trouble).toBeUndefined();
    // Another file takes what is left.
    expect(did("dd", "if=/dev/zero", `of=${disk}/filler`, "bs=4k")).toBe(false);
    for (let n = 1; n <= 1_000; n++) store.put(storedInstance(n, { revision: 2 }));
    store.remove(id(5));
    await clock.advance(20_000);
    expect(store.trouble).toBe("sqlite: database or disk is full");
    expect(lines).toEqual([
      `warn members are not kept file=${bench.file} why="database or disk is full"`,
    ]);
    for (let n = 7; n <= 10; n++) store.put(storedInstance(n, { revision: 3 }));
    store.remove(id(6));
    await rm(`${disk}/filler`);
    await clock.advance(5_000);
    expect(store.trouble).toBeUndefined();
    await store.close();
    expect(bench.raw((database) => database.query("PRAGMA integrity_check").values())).toEqual([
      ["ok"],
    ]);
    const found = await bench.found();
    expect([found.size, found.has(id(5)), found.has(id(6))]).toEqual([998, false, false]);
    expect(found.get(id(7))).toMatchObject({ announcement: { revision: 3 } });
    expect(found.get(id(70))).toMatchObject({ announcement: { revision: 2 } });
  } finally {
    did("umount", disk);
  }
});

const kills = Bun.env["GEE_LONG"] === "1" ? 100 : 20;

test(
  `it stays whole when the process that writes is killed, ${kills} times`,
  async () => {
    await using bench = await Bench.create();
    const script = fileURLToPath(new URL("./sqlite-writer.ts", import.meta.url));
    let newest = 0;
    for (let round = 1; round <= kills; round++) {
      const child = Bun.spawn([process.execPath, script, bench.file], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
      });
      await child.stdout.getReader().read();
      await Bun.sleep(100 + 5 * (round % 20));
      child.kill("SIGKILL");
      await child.exited;
      const whole = bench.raw((database) => database.query("PRAGMA integrity_check").values());
      expect(whole).toEqual([["ok"]]);
      const revisions = [...(await bench.found()).values()].map((member) =>
        "old" in member ? 0 : member.announcement.revision,
      );
      // What was written before is still there, and each process goes on from it.
      const reached = Math.max(...revisions);
      expect(reached).toBeGreaterThanOrEqual(newest);
      expect(revisions.length).toBeGreaterThanOrEqual(500);
      newest = reached;
    }
    expect(newest).toBeGreaterThan(kills);
    expect(bench.lines).toEqual([]);
  },
  1_500 * kills,
);
