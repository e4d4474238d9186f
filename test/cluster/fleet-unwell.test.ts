import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { eventually } from "../support/cluster.ts";
import { fastClock } from "../support/fast-clock.ts";
import { Caller, counts, Moody, timesBegun } from "../support/moody.ts";

// One server of some is not well for a while. The client's time runs faster, so that what it does
// within tens of seconds is done within a few.

const factor = 10;
const hands = 30;

test("a server that is stopped for 5 s costs few calls, none of which outlasts its deadline, and has its share again afterwards", async () => {
  await using moody = await Moody.create();
  const servers = await moody.servers(3, { mood: { workMs: 10 } });
  const [stopped] = servers;
  if (stopped === undefined) throw new Error("no servers");
  // Without a registry: through it a server that stood still says for a while that it has no weight,
  // and what a client finds out by itself would not be seen.
  const address = servers.map(({ said }) => said.address);
  await using gee = connect({ address, clock: fastClock(factor), log: silentLog });
  const caller = new Caller(gee);
  const deadlineMs = 500;
  caller.load(hands, "Work.Do", { timeoutMs: deadlineMs * factor });
  const isBack = (): boolean =>
    caller.told.length > 600 && caller.share(stopped.pid, 0, 600) > 0.25;
  await eventually(isBack, "an even load");

  stopped.signal("SIGSTOP");
  const stoppedAt = performance.now();
  const before = caller.told.length;
  await Bun.sleep(5_000);
  const during = caller.told.slice(before);
  stopped.signal("SIGCONT");
  const goesOnAt = performance.now();
  await eventually(isBack, "its share");
  const backMs = performance.now() - goesOnAt;
  await caller.stop();

  const failed = caller.told.filter(({ outcome }) => outcome !== "ok");
  const slowestMs = Math.max(...caller.told.map(({ issuedAt, settledAt }) => settledAt - issuedAt));
  const firstMs = Math.min(...failed.map(({ settledAt }) => settledAt - stoppedAt));
  console.log(
    `${failed.length} of ${during.length} calls failed meanwhile, the first after ${firstMs.toFixed(0)} ms;`,
    `the slowest took ${slowestMs.toFixed(0)} of ${deadlineMs} ms; its share is back after ${backMs.toFixed(0)} ms`,
  );
  expect(Object.keys(counts(failed)).sort()).toEqual(["DEADLINE_EXCEEDED maybe"]);
  expect(slowestMs).toBeLessThan(deadlineMs + 500);
  // At worst every hand once, until it is out: then one call for each probe, and they are further and
  // further apart.
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThanOrEqual(2 * hands);
  expect(during.length).toBeGreaterThan(1_000);
  const times = timesBegun(await moody.begun());
  expect([...times.values()].filter((count) => count !== 1)).toEqual([]);
}, 20_000);

test("a server that fails half of its calls loses its share, costs few calls, and has it again when it is well", async () => {
  await using moody = await Moody.create();
  const { url } = (await moody.registry()).said;
  const servers = await moody.servers(4, { registry: url, mood: { workMs: 10 } });
  const [unwell, ...others] = servers;
  if (unwell === undefined) throw new Error("no servers");
  await using gee = connect({ registry: url, clock: fastClock(factor), log: silentLog });
  const caller = new Caller(gee);
  caller.load(hands);
  const isBack = (): boolean => caller.told.length > 600 && caller.share(unwell.pid, 0, 600) > 0.2;
  await eventually(isBack, "an even load");

  const before = (await moody.begun()).length;
  await unwell.set({ failing: 0.5 });
  await caller.more(3_000);
  await unwell.set({ failing: 0 });
  const begun = (await moody.begun()).slice(before);
  const wellAt = performance.now();
  await eventually(isBack, "its share");
  const backMs = performance.now() - wellAt;
  await caller.stop();

  const shares = servers.map(
    ({ pid }) => begun.filter((each) => each.pid === pid).length / begun.length,
  );
  const failed = caller.told.filter(({ outcome }) => outcome !== "ok");
  console.log(
    `${failed.length} of ${begun.length} calls failed; shares ${shares.map((share) => (share * 100).toFixed(1)).join(", ")} %;`,
    `back after ${backMs.toFixed(0)} ms`,
  );
  expect(Object.keys(counts(failed))).toEqual(["INTERNAL yes"]);
  // With its even share it would be an eighth of all calls.
  expect(failed.length).toBeLessThan(0.05 * begun.length);
  expect(shares[0]).toBeLessThan(0.08);
  expect(others.length).toBe(3);
  for (const share of shares.slice(1)) expect(share).toBeGreaterThan(0.2);
}, 20_000);
