import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import type { Gee } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { eventually } from "../support/cluster.ts";
import { fastClock } from "../support/fast-clock.ts";
import { Caller, Moody, shareOf, timesBegun } from "../support/moody.ts";
import type { MoodyServer, MoodyServerOptions } from "../support/moody.ts";

// Who gets which part of the calls. The client's time runs faster, so that what it does within tens of
// seconds is done within a few.

const factor = 10;
const hands = 20;

/** Four servers that were there from the start, none of them fresh, and a client. */
async function openFour(options: MoodyServerOptions = {}): Promise<
  AsyncDisposable & {
    moody: Moody;
    servers: readonly [MoodyServer, ...MoodyServer[]];
    gee: Gee;
    caller: Caller;
  }
> {
  const stack = new AsyncDisposableStack();
  const moody = stack.use(await Moody.create());
  const [first, ...more] = await moody.servers(4, {
    ...options,
    mood: { workMs: 10, ...options.mood },
  });
  if (first === undefined) throw new Error("no servers");
  const servers: readonly [MoodyServer, ...MoodyServer[]] = [first, ...more];
  const gee = stack.use(
    connect({
      address: servers.map(({ said }) => said.address),
      clock: fastClock(factor),
      log: silentLog,
    }),
  );
  await gee.ready("Work");
  return {
    moody,
    servers,
    gee,
    caller: new Caller(gee),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

test("one of four that is ten times slower gets less than 5 % of the calls", async () => {
  await using four = await openFour();
  const { moody, servers, caller } = four;
  const [slow, ...others] = servers;
  await slow.set({ workMs: 100 });
  caller.load(hands);
  await caller.more(5_000);
  await caller.stop();
  const begun = await moody.begun();
  const share = shareOf(begun, slow.pid);
  console.log(`of ${begun.length} calls ${percent(share)} went to the slow one`);
  expect(share).toBeLessThan(0.05);
  for (const { pid } of others) expect(shareOf(begun, pid)).toBeGreaterThan(0.2);
  // It is not forgotten: when it is as quick as the others it is found out.
  await slow.set({ workMs: 10 });
  const back = new Caller(four.gee);
  back.load(hands);
  await eventually(() => back.told.length > 500 && back.share(slow.pid, 0, 500) > 0.2, "its share");
  await back.stop();
}, 20_000);

test("one of four that fails within 1 ms gets less than 2 % of the calls", async () => {
  await using four = await openFour();
  const { moody, servers, caller } = four;
  const [failing, ...others] = servers;
  await failing.set({ failing: 1 });
  caller.load(hands);
  await caller.more(5_000);
  await caller.stop();
  const begun = await moody.begun();
  const share = shareOf(begun, failing.pid);
  const failed = caller.told.filter(({ outcome }) => outcome !== "ok");
  console.log(`of ${begun.length} calls ${percent(share)} went to the failing one`);
  expect(share).toBeLessThan(0.02);
  expect(failed.length).toBe(begun.filter(({ pid }) => pid === failing.pid).length);
  for (const { pid } of others) expect(shareOf(begun, pid)).toBeGreaterThan(0.2);
}, 20_000);

test("when all fail half of their calls there are at most 1.2 times as many attempts, and 10 a second, and nobody starves", async () => {
  await using four = await openFour({ spoils: true, mood: { workMs: 5, spoiling: 0.5 } });
  const { moody, servers, caller } = four;
  const beganAt = performance.now();
  caller.load(hands, "Work.Read");
  await caller.more(6_000);
  await caller.stop();
  const seconds = ((performance.now() - beganAt) * factor) / 1_000;
  const begun = await moody.begun();
  const shares = servers.map(({ pid }) => shareOf(begun, pid));
  const ok = caller.told.filter(({ outcome }) => outcome === "ok").length;
  console.log(
    `${caller.issued} calls, ${begun.length} attempts in ${seconds.toFixed(0)} s of the client's:`,
    `${(begun.length / caller.issued).toFixed(3)} times; ${percent(ok / caller.issued)} answered;`,
    `shares ${shares.map(percent).join(", ")}`,
  );
  // What is allowed for a second is there when it begins.
  expect(begun.length).toBeLessThanOrEqual(1.2 * caller.issued + 10 * (seconds + 1));
  // It is used: half of the attempts fail, so there is always a call that waits for it.
  expect(begun.length).toBeGreaterThanOrEqual(1.15 * caller.issued + 10 * (seconds - 1));
  const times = [...timesBegun(begun).values()];
  expect(times.length).toBe(caller.issued);
  expect(Math.max(...times)).toBeLessThanOrEqual(5);
  // One client alone follows its luck: who has failed it less of late gets more.
  for (const share of shares) expect(share).toBeGreaterThan(0.02);
}, 20_000);

test("a fresh server rises from a tenth to its full share within 30 s", async () => {
  const slower = 6;
  const windowMs = 30_000 / slower;
  await using moody = await Moody.create();
  const { url } = (await moody.registry()).said;
  const mood = { workMs: 10 };
  await moody.servers(3, { registry: url, mood });
  const options = { registry: url, clock: fastClock(slower), log: silentLog };
  await using byWeight = connect({ ...options, policy: "weighted-random" });
  await using byTwo = connect(options);
  const callers = [new Caller(byWeight), new Caller(byTwo)] as const;
  for (const caller of callers) caller.load(hands / 2);
  // Until then the three are fresh themselves.
  const readyAt = performance.now() + windowMs;
  await eventually(() => performance.now() > readyAt, "three that are not fresh");
  const fresh = await moody.server({ registry: url, mood });
  const firstAt = performance.now();
  await eventually(() => performance.now() > firstAt + 1.5 * windowMs, "the end of its window");
  for (const caller of callers) await caller.stop();

  const sharesOf = ({ told }: Caller): readonly number[] => {
    const steps = [0, 0.1, 0.4, 0.7, 1, 1.5].map((step) => firstAt + step * windowMs);
    return steps.slice(1).map((to, index) => {
      const from = steps[index] ?? 0;
      const sent = told.filter(({ issuedAt }) => issuedAt >= from && issuedAt < to);
      return sent.filter(({ pid }) => pid === fresh.pid).length / Math.max(sent.length, 1);
    });
  };
  // Beside three others a tenth of its weight is 3.2 %, and all of it a quarter. Of two the better is
  // taken, and who has little to do is often the better: there it may be twice as much.
  for (const [caller, first, least] of [
    [callers[0], 0.065, 0.2],
    [callers[1], 0.1, 0.15],
  ] as const) {
    const shares = sharesOf(caller);
    console.log(`${caller.told.length} calls; shares ${shares.map(percent).join(", ")}`);
    expect(caller.told.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    expect(shares[0]).toBeGreaterThan(0);
    expect(shares[0]).toBeLessThan(first);
    expect(shares.slice(0, 4)).toEqual(shares.slice(0, 4).toSorted((one, other) => one - other));
    expect(shares.at(-1)).toBeGreaterThan(least);
    expect(shares.at(-1)).toBeLessThan(0.5 - least);
  }
}, 20_000);
