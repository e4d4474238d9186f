import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/time.ts";
import { announceAt } from "../../src/discovery/announcer.ts";
import type { Description } from "../../src/discovery/heartbeat.ts";
import { serveRegistry } from "../../src/registry.ts";
import { FakeClock, until } from "../support/clock.ts";
import { announcement } from "../support/registry.ts";

const token = "0123456789abcdef";

function describe(): Description {
  const { revision: _none, ...description } = announcement();
  return description;
}

const options = { token, announcement: describe, log: silentLog };

test("where no registry is named there is nothing to announce", () => {
  const clock = new FakeClock();
  expect(announceAt([], { ...options, clock, inThread: true })).toBeUndefined();
  expect(clock.pending()).toBe(0);
});

test.each([true, false])(
  "it shows its token to all registries, in a thread: %p",
  async (inThread) => {
    const settings = { listen: "127.0.0.1:0", tokens: `${token} write`, log: silentLog };
    await using one = await serveRegistry(settings);
    await using two = await serveRegistry(settings);
    const clock = inThread ? systemClock : new FakeClock();
    const heartbeat = announceAt([one.url, two.url], { ...options, clock, inThread });
    if (clock instanceof FakeClock) await clock.advance(250);
    const counts = (): number[] => [one.memberCount(), two.memberCount()];
    await until(() => counts().every((count) => count === 1), "a member of both");
    await heartbeat?.withdraw();
    expect(counts()).toEqual([0, 0]);
  },
);

test("without the token it is announced nowhere", async () => {
  await using registry = await serveRegistry({
    listen: "127.0.0.1:0",
    tokens: `${token} write`,
    log: silentLog,
  });
  const clock = new FakeClock();
  const lines: string[] = [];
  const warn = (message: string, fields: unknown): unknown =>
    lines.push(`${message} ${Bun.inspect(fields)}`);
  const log = { ...silentLog, warn };
  const bad = { announcement: describe, clock, log, inThread: false };
  const heartbeat = announceAt([registry.url], { ...bad, token: undefined });
  await clock.advance(250);
  await until(() => lines.length > 0, "a warning");
  expect(lines[0]).toContain("registry takes no beats");
  expect(lines[0]).toContain("this registry asks for a bearer token");
  expect(registry.memberCount()).toBe(0);
  await heartbeat?.withdraw();
});
