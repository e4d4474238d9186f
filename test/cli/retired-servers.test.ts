import { expect, test } from "bun:test";
import { RetiredServers } from "../../src/cli/retired-servers.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { FakeChild } from "../support/fake-child.ts";

function scene(most?: number) {
  const clock = new FakeClock();
  const retired = new RetiredServers({
    clock,
    drainTimeoutMs: 25_000,
    ...(most === undefined ? {} : { most }),
  });
  return { clock, retired, servers: [0, 1, 2].map((pid) => new FakeChild(pid)) };
}

test("a server is told once, and forced only behind its time", async () => {
  const { clock, retired, servers } = scene();
  const [server = new FakeChild(0)] = servers;
  retired.retire(server, true);
  retired.retire(server, true);
  await clock.advance(29_999);
  expect(server.signals).toEqual(["drain"]);
  await clock.advance(1);
  expect(server.signals).toEqual(["drain", "kill"]);
  expect(await retired.ended()).toBe(true);
});

test("one that ends in time leaves no timer", async () => {
  const { clock, retired, servers } = scene();
  const [server = new FakeChild(0)] = servers;
  retired.retire(server, true);
  await server.ends(0);
  expect(clock.pending()).toBe(0);
});

test.each([
  [0, true, true],
  [1, true, false],
  [143, false, true],
])("exit code %i of one that took calls (%p) is a clean end: %p", async (code, took, isClean) => {
  const { retired, servers } = scene();
  const [server = new FakeChild(0)] = servers;
  retired.retire(server, took);
  const ended = retired.ended();
  await server.ends(code);
  expect(await ended).toBe(isClean);
});

test("it is over when the last one is on no list any more", async () => {
  const { retired, servers } = scene();
  for (const server of servers) retired.retire(server, true);
  let isOver = false;
  const ended = retired.ended().then(() => (isOver = true));
  const [first, ...others] = servers;
  for (const server of others) await server.ends(0);
  await first?.ends(0, false);
  await turn();
  expect(isOver).toBe(false);
  await first?.isWithdrawn();
  await ended;
  expect(isOver).toBe(true);
});

test("of more than may be on their way the oldest is forced; by force all end", async () => {
  const { retired, servers } = scene(2);
  for (const server of servers) retired.retire(server, true);
  await turn();
  expect(servers.map(({ signals }) => signals.includes("kill"))).toEqual([true, false, false]);
  retired.kill();
  expect(servers.every(({ signals }) => signals.includes("kill"))).toBe(true);
});
