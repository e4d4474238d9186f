import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/time.ts";
import { openDirectory } from "../../src/directory/open-store.ts";
import { FakeClock } from "../support/clock.ts";
import { folder } from "../support/folder.ts";
import { announcement, idOf } from "../support/registry.ts";

const options = {
  clock: new FakeClock(),
  log: silentLog,
  leaseMs: 600,
  oldLeaseMs: 1_000,
  allowLoopback: true,
};

test("memory is a directory that starts empty", async () => {
  await using directory = await openDirectory("memory", options);
  expect(directory.leaseMs).toBe(600);
  expect(directory.status).toMatchObject({ index: 0, hash: "0".repeat(16), trouble: undefined });
});

test("sqlite is a directory that another one goes on from", async () => {
  await using place = await folder();
  const name = `sqlite:${place.path}/reg.db`;
  const first = await openDirectory(name, options);
  await first.put(announcement(), undefined);
  await first[Symbol.asyncDispose]();
  await using second = await openDirectory(name, options);
  expect(second.list().map(({ id }) => id)).toEqual([announcement().id]);
  expect(second.status).toMatchObject({ warming: true, trouble: undefined });
});

test("who was kept at an address of the own machine is no member for others", async () => {
  await using place = await folder();
  const name = `sqlite:${place.path}/reg.db`;
  const first = await openDirectory(name, options);
  await first.put(announcement(), undefined);
  const address = parseAddress("tcp@10.0.0.1:4000");
  await first.put(announcement({ id: idOf("b"), address }), undefined);
  await first[Symbol.asyncDispose]();
  await using second = await openDirectory(name, { ...options, allowLoopback: false });
  expect(second.list().map(({ id }) => id)).toEqual([idOf("b")]);
});

test("an address is still its owner's after a restart from sqlite", async () => {
  await using place = await folder();
  const name = `sqlite:${place.path}/reg.db`;
  const [mine, theirs] = ["0123456789abcdef", "fedcba9876543210"];
  const first = await openDirectory(name, options);
  await first.put(announcement(), undefined, mine);
  await first[Symbol.asyncDispose]();
  await using second = await openDirectory(name, options);
  const other = announcement({ id: idOf("b") });
  const taken: unknown = await second
    .put(other, undefined, theirs)
    .catch((error: unknown) => error);
  expect(taken).toMatchObject({ code: "FAILED_PRECONDITION", reason: "ADDRESS_HELD" });
  expect(second.list()).toMatchObject([{ id: idOf("a"), state: "up" }]);
  await second.put(other, undefined, mine);
  expect(second.list()).toMatchObject([{ state: "left" }, { id: idOf("b"), state: "up" }]);
});

test("etcd is a directory, be it out of reach", async () => {
  await using directory = await openDirectory("etcd://127.0.0.1:1", {
    ...options,
    clock: systemClock,
  });
  expect(directory.leaseMs).toBe(600);
  expect(directory.status).toMatchObject({ index: 0, warming: true });
  expect(directory.status.trouble).toContain("connection refused");
});

test("the process lasts until a directory out of reach is open, and is not held after that", async () => {
  const clock = new FakeClock();
  const opening = openDirectory("etcd://127.0.0.1:1", { ...options, clock });
  expect(clock.pending("foreground")).toBe(1);
  const state = { isOpen: false };
  void opening.then(() => (state.isOpen = true));
  while (!state.isOpen) await clock.advance(50);
  await using directory = await opening;
  expect(directory.status.trouble).toBeString();
  expect(clock.pending("foreground")).toBe(0);
});

const unknown = ["", "memory:", "memory:x", "redis://a", "Memory", "toString", "sqlite:", "sqlite"];

test.each([...unknown, "etcd"])("there is no store %p", async (name) => {
  const thrown: unknown = await openDirectory(name, options).then(
    () => undefined,
    (error: unknown) => error,
  );
  const error = GeeError.from(thrown);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "BAD_STORE" });
  expect(error.message).toContain(JSON.stringify(name));
  expect(error.hint).toContain("memory");
});
