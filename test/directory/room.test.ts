import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { leastBytes, listedBytes, Room } from "../../src/directory/room.ts";
import { announcement, idOf } from "../support/registry.ts";

const megabyte = 1_048_576;

function setUp(instances: number, plain: number) {
  const all = new Map(Array.from({ length: instances }, (_, n) => [`${n}`, { bytes: 2_000 }]));
  const room = new Room(all, { size: plain });
  return { all, room };
}

/** What `check` says. */
function words(room: Room, before: number, after: number): string {
  try {
    room.check(before, after);
    return "fine";
  } catch (thrown) {
    const { code, reason, message } = GeeError.from(thrown);
    return `${code} ${reason} ${message}`;
  }
}

test("a small member counts for as much as any other small one, a large one for what it is", () => {
  expect(listedBytes(announcement())).toBe(leastBytes);
  expect(listedBytes(announcement({ revision: 1e15, weight: 0.123456789 }))).toBe(leastBytes);
  const large = announcement({ services: Array.from({ length: 250 }, (_, n) => `Service${n}`) });
  expect(listedBytes(large)).toBeGreaterThan(JSON.stringify(large).length);
});

test("as many small members as there may be have room in the list, and that in an answer", () => {
  expect(limits.maxInstances * leastBytes).toBeLessThanOrEqual(limits.maxListBytes);
  expect(limits.maxInstancesPerToken * leastBytes).toBeLessThanOrEqual(limits.maxListBytesPerToken);
  expect(limits.maxListBytes).toBeLessThan(limits.maxRegistryAnswerBytes);
});

test("one more than there may be is refused, what is there goes on", () => {
  const { room } = setUp(limits.maxInstances - 10, 9);
  expect(words(room, 0, leastBytes)).toBe("fine");
  const { room: full } = setUp(limits.maxInstances - 10, 10);
  expect(words(full, 0, leastBytes)).toMatch(/^RESOURCE_EXHAUSTED REGISTRY_FULL .*maxInstances/);
  expect([words(full, 2_000, 2_100), words(full, 2_000, 1_500)]).toEqual(["fine", "fine"]);
});

test("what would make the list too long is refused, be it new or news; what is no longer is not", () => {
  const { room } = setUp(10, 1_024);
  room.grow(limits.maxListBytes - 2 * megabyte);
  expect([room.has(0, megabyte), room.has(0, megabyte + 1)]).toEqual([true, false]);
  expect(words(room, 0, megabyte + 1)).toMatch(/^RESOURCE_EXHAUSTED REGISTRY_FULL .*maxListBytes/);
  expect(room.has(5_000, megabyte + 5_000)).toBe(true);
  expect(room.has(5_000, megabyte + 5_001)).toBe(false);
  room.grow(2 * megabyte);
  expect([room.has(5_000, 5_000), room.has(5_000, 5_001), room.has(0, 1)]).toEqual([
    true,
    false,
    false,
  ]);
  room.grow(-2 * megabyte);
  expect(room.has(0, megabyte)).toBe(true);
});

test("whether an announcement fits depends on what its instance takes up already", () => {
  const { all, room } = setUp(0, 0);
  const large = announcement({ services: Array.from({ length: 250 }, (_, n) => `Service${n}`) });
  room.grow(limits.maxListBytes);
  expect([room.fits(large), room.fits(announcement())]).toEqual([false, false]);
  all.set(idOf("a"), { bytes: listedBytes(large) });
  expect([room.fits(large), room.fits(announcement())]).toEqual([true, true]);
});
