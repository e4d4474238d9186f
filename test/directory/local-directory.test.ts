import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { LocalDirectory } from "../../src/directory/local-directory.ts";
import { type Store, type StoredMember, storeKey } from "../../src/directory/store.ts";
import { FakeClock } from "../support/clock.ts";
import { memoryLog } from "../support/registry.ts";
import { id, instance } from "./table-bench.ts";

/** A store that remembers what it was told. */
class ToldStore implements Store {
  readonly kept = new Map<string, StoredMember>();
  readonly told: string[] = [];
  trouble: string | undefined;

  async load(): Promise<readonly StoredMember[]> {
    return [...this.kept.values()];
  }

  put(member: StoredMember): void {
    this.kept.set(storeKey(member), member);
    this.told.push(`put ${"old" in member ? member.address : member.state}`);
  }

  remove(key: string): void {
    this.kept.delete(key);
    this.told.push(`remove ${key}`);
  }

  async close(): Promise<void> {
    this.told.push("close");
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "fine",
    (thrown: unknown) => GeeError.from(thrown).code,
  );
}

const old = parseAddress("tcp@old:1");

test("it registers, renews, withdraws and lists, and rejects rather than throws", async () => {
  const clock = new FakeClock();
  const options = { clock, log: silentLog, store: new ToldStore(), leaseMs: 600 };
  await using directory = await LocalDirectory.open(options);
  const grant = await directory.put(instance(1), undefined);
  expect(grant).toEqual({ id: id(1), secret: expect.any(String), leaseMs: 600, index: 1 });
  const { secret } = grant;
  expect(await directory.renew(id(1), secret, 1, { weight: 2 })).toEqual({ ...grant, index: 2 });
  await directory.putAddress(old);
  expect(directory.addresses()).toEqual([instance(1).address, old]);
  expect(directory.list()).toMatchObject([{ weight: 2 }, { address: old }]);
  await directory.leave(id(1), secret, 7);
  expect(directory.since(3)).toMatchObject({ instances: [{ state: "left", revision: 7 }] });
  expect(await codeOf(directory.put(instance(1), "x"))).toBe("PERMISSION_DENIED");
  expect(await codeOf(directory.renew(id(2), "x", 1, {}))).toBe("NOT_FOUND");
  expect(await codeOf(directory.leave(id(2), "x"))).toBe("NOT_FOUND");
});

test("its status says where it stands, with an epoch of its own", async () => {
  const store = new ToldStore();
  const clock = new FakeClock();
  await using directory = new LocalDirectory({ clock, log: silentLog, store });
  const { epoch } = directory.status;
  expect(directory.status).toEqual({
    epoch: expect.stringMatching(/^[0-9a-f]{16}$/),
    index: 0,
    hash: "0000000000000000",
    warming: true,
    frozen: false,
    trouble: undefined,
  });
  await directory.put(instance(1), undefined);
  store.trouble = "the disk is full";
  expect(directory.status).toMatchObject({ epoch, index: 1, trouble: "the disk is full" });
  expect(directory.status.hash).toMatch(/^(?!0+$)[0-9a-f]{16}$/);
  await using other = new LocalDirectory({ clock, log: silentLog, store });
  expect(other.status.epoch).not.toBe(epoch);
});

test("time passes by itself, and listeners hear of every change and mode", async () => {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const store = new ToldStore();
  await using directory = new LocalDirectory({ clock, log, store, leaseMs: 600 });
  const heard: string[] = [];
  const unlisten = directory.onChange(() => {
    const { index, warming, frozen } = directory.status;
    heard.push(`${index}${warming ? " warming" : ""}${frozen ? " frozen" : ""}`);
  });
  for (let n = 1; n <= 3; n++) await directory.put(instance(n), undefined);
  await clock.advance(600);
  expect(heard.slice(0, 3)).toEqual(["1 warming", "2 warming", "3 warming"]);
  expect(heard.at(-1)).toBe("6 frozen");
  await directory.renew(id(1), "x", 1, {}).catch(() => {});
  const count = heard.length;
  unlisten();
  unlisten();
  await directory.putAddress(old);
  expect(heard).toHaveLength(count);
  expect(lines).toContain(`warn member suspect address=${instance(1).address} id=${id(1)}`);
  expect(lines.at(-2)).toMatch(/^warn removals stop, .* of=instances late=3 total=3$/);
  expect(clock.pending("foreground")).toBe(0);
});

test("the store is told of membership and state, and never of beats", async () => {
  const clock = new FakeClock();
  const store = new ToldStore();
  await using directory = await LocalDirectory.open({ clock, log: silentLog, store });
  const { secret } = await directory.put(instance(1), undefined);
  await directory.putAddress(old);
  const { told } = store;
  expect(new Set(told)).toEqual(new Set(["put up", `put ${old}`]));
  told.length = 0;
  for (let beat = 0; beat < 10; beat++) {
    await clock.advance(3_000);
    await directory.renew(id(1), secret, 1, { load: beat, lagMs: 1 });
    await directory.put(instance(1), secret);
    await directory.putAddress(old);
  }
  expect(told).toEqual([]);
  await clock.advance(9_000);
  expect(told).toEqual(["put suspect"]);
  await directory.renew(id(1), secret, 1, {});
  await directory.renew(id(1), secret, 1, { weight: 0 });
  expect(told).toEqual(["put suspect", "put up", "put up"]);
  expect(store.kept.get(id(1))).toMatchObject({ announcement: { weight: 0 } });
  told.length = 0;
  await directory.leave(id(1), secret);
  await clock.advance(9_000);
  expect(told).toEqual(["put left", `remove ${id(1)}`]);
  await clock.advance(300_000);
  expect(told.slice(2)).toEqual([`remove ${old}`]);
  expect(store.kept.size).toBe(0);
});

test("the store is told of a new revision or secret that nobody else is told of", async () => {
  const store = new ToldStore();
  await using directory = new LocalDirectory({ clock: new FakeClock(), log: silentLog, store });
  await directory.put(instance(1), undefined);
  const first = store.kept.get(id(1));
  const { secret } = await directory.put(instance(1), undefined);
  expect(store.kept.get(id(1))).not.toEqual(first);
  await directory.put(instance(1, { revision: 2, version: "2" }), secret);
  expect(store.kept.get(id(1))).toMatchObject({ announcement: { revision: 2, version: "2" } });
  expect(directory.status.index).toBe(1);
});

test("a restart finds everybody, warms, and writes nothing back", async () => {
  const clock = new FakeClock();
  const store = new ToldStore();
  const { log, lines } = memoryLog();
  const before = new LocalDirectory({ clock, log: silentLog, store });
  const { secret } = await before.put(instance(1), undefined);
  await before.putAddress(old);
  await before[Symbol.asyncDispose]();
  store.told.length = 0;
  await clock.advance(3_600_000);

  await using directory = await LocalDirectory.open({ clock, log, store });
  expect([store.told, lines]).toEqual([[], ["info members restored count=2"]]);
  expect(directory.status.warming).toBe(true);
  expect(directory.list()).toMatchObject([{ id: id(1), state: "up", beatMs: 0 }, { address: old }]);
  await clock.advance(8_999);
  await directory.renew(id(1), secret, 1, {});
  await clock.advance(1);
  expect(directory.status.warming).toBe(false);
  expect(directory.list()).toMatchObject([{ id: id(1), state: "up" }, { address: old }]);
});

test("who replaces another is in the store, and the other as left", async () => {
  const store = new ToldStore();
  await using directory = new LocalDirectory({ clock: new FakeClock(), log: silentLog, store });
  const { address } = instance(1);
  await directory.putAddress(address);
  await directory.put(instance(1), undefined);
  await directory.put(instance(2, { address }), undefined);
  expect([...store.kept.values()]).toMatchObject([{ state: "left" }, { state: "up" }]);
});

test("its end closes the store, and leaves no timer and no listener", async () => {
  const clock = new FakeClock();
  const store = new ToldStore();
  const directory = new LocalDirectory({ clock, log: silentLog, store });
  let heard = 0;
  directory.onChange(() => (heard += 1));
  await directory.put(instance(1), undefined);
  await directory[Symbol.asyncDispose]();
  expect([clock.pending(), store.told.at(-1), heard]).toEqual([0, "close", 1]);
});
