import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { eventually, Load } from "../support/cluster.ts";
import { failureOf } from "../support/ends.ts";
import { fastClock } from "../support/fast-clock.ts";
import { Fleet } from "../support/fleet.ts";

// A server that says nothing and whose socket is fine: its process is stopped.

const isLong = Bun.env["GEE_LONG"] === "1";
/** The client's time runs so much faster than ours. */
const factor = isLong ? 1 : 5;
/** Two to three silent periods and one dial; as many periods more for a loop that is late itself. */
const staleMs = 6 * limits.pingIntervalMs + limits.helloTimeoutMs;
const ours = (clientMs: number): number => clientMs / factor;

/** Waits for what may take as long as it takes to find out that a server is silent. */
async function waitLong(condition: () => boolean): Promise<void> {
  const until = performance.now() + ours(staleMs) + 5_000;
  while (!condition() && performance.now() < until) await Bun.sleep(10);
}

// Both mostly wait, so they wait together.
test.concurrent(
  `calls go past a stopped server once its connection is stale (the client's clock is ${factor} times as fast)`,
  async () => {
    await using fleet = await Fleet.create();
    const [stopped, other] = [
      await fleet.server({ stages: ["Stage"] }),
      await fleet.server({ stages: ["Stage"] }),
    ];
    const address = [stopped.said.address, other.said.address];
    await using gee = connect({
      address,
      policy: "round-robin",
      log: silentLog,
      clock: fastClock(factor),
    });
    // In turn, so both are connected.
    for (const call of ["a", "b", "c", "d"]) await gee.call("Stage.Work", [call, 0]);
    const pids = new Set((await fleet.journal("begun")).map(({ pid }) => pid));
    expect(pids).toEqual(new Set([stopped.pid, other.pid]));

    // A stream that is open on each: it goes on behind the pause as if there had been none.
    const items: number[][] = [[], []];
    let over = false;
    const streams = items.map(async (own, index) => {
      for await (const item of gee.call("Stage.Count", [`count${index}`, 1_000_000, 20])) {
        own.push(Number(item));
        if (over) break;
      }
    });
    const streamsEnded = Promise.allSettled(streams);
    await eventually(() => items.every((own) => own.length > 2), "items of both streams");

    stopped.signal("SIGSTOP");
    const stoppedAt = performance.now();
    // Those that are in flight keep their own deadlines: short ones hold, long ones are not cut off.
    const timeoutMs = 500 * factor;
    const patient = [0, 1].map((index) =>
      gee.call("Stage.Work", [`patient${index}`, 0], { timeoutMs: 120_000 }),
    );
    const answers = Promise.allSettled(patient);
    const load = new Load(4, "load", (call) => gee.call("Stage.Work", [call, 10], { timeoutMs }));

    // Until the connection is stale calls fail, now and then also behind a while without any: who fails
    // is left out for a time.
    const lastFailedAt = (): number => load.failed.at(-1)?.settledAt ?? Number.POSITIVE_INFINITY;
    const quietMs = ours(5_000);
    const isStale = (now: number): boolean => now - stoppedAt > ours(staleMs);
    await waitLong(() => {
      const now = performance.now();
      return isStale(now) && now - lastFailedAt() > quietMs;
    });
    const before = load.settled.length;
    // Time for a dial or two more, by which no call may be held up.
    await Bun.sleep(ours(2_500));
    await load.more(100);
    const settled = [...(await load.stop())];

    const failed = settled.filter(({ outcome }) => outcome !== "ok");
    console.log(
      `${settled.length} calls, ${failed.length} at their deadline, the last of them issued`,
      `${Math.round(Math.max(...failed.map(({ issuedAt }) => issuedAt - stoppedAt)))} ms after the stop`,
    );
    expect(failed.length).toBeGreaterThan(0);
    for (const { outcome, issuedAt, settledAt } of failed) {
      // "no" of those that waited for the dial which follows.
      expect(outcome).toMatch(/^DEADLINE_EXCEEDED (maybe|no): /);
      expect(settledAt - issuedAt).toBeGreaterThanOrEqual(499);
      expect(settledAt - issuedAt).toBeLessThan(1_000);
      expect(issuedAt - stoppedAt).toBeLessThan(ours(staleMs));
    }
    // None of them waits for anything any more.
    for (const { outcome, issuedAt, settledAt } of settled.slice(before + 4)) {
      expect(outcome).toBe("ok");
      expect(settledAt - issuedAt).toBeLessThan(400);
    }

    stopped.signal("SIGCONT");
    expect(await answers).toEqual(
      ["patient0", "patient1"].map((value) => ({ status: "fulfilled", value })),
    );
    const counts = items.map((own) => own.length);
    await eventually(
      () => items.every((own, index) => own.length > (counts[index] ?? 0) + 2),
      "more items of both streams",
    );
    over = true;
    expect(await streamsEnded).toEqual(
      streams.map(() => ({ status: "fulfilled", value: undefined })),
    );
    for (const own of items) expect(own).toEqual(own.map((_, index) => index + 1));

    // It gets calls again, by a connection of its own, and never began one that was over.
    const from = (await fleet.journal("begun")).length;
    await eventually(async () => {
      await gee.call("Stage.Work", ["again", 0]);
      return (await fleet.journal("begun")).slice(from).some(({ pid }) => pid === stopped.pid);
    }, "calls to the server that was stopped");
    const begun = (await fleet.journal("begun")).filter(({ pid }) => pid === stopped.pid);
    const lost = new Set(failed.map(({ call }) => call));
    expect(begun.filter(({ call }) => lost.has(call))).toEqual([]);
  },
  60_000,
);

test.concurrent(
  "a server that is stopped before anybody knows it holds up nobody for longer than its greeting may take",
  async () => {
    await using fleet = await Fleet.create();
    const [stopped, other] = [
      await fleet.server({ stages: ["Stage"] }),
      await fleet.server({ stages: ["Stage"] }),
    ];
    stopped.signal("SIGSTOP");
    const address = [stopped.said.address, other.said.address];
    await using gee = connect({ address, log: silentLog });
    const startedAt = performance.now();
    const names = Array.from({ length: 20 }, (_, index) => `held${index}`);
    expect(await Promise.all(names.map((call) => gee.call("Stage.Work", [call, 0])))).toEqual(
      names,
    );
    expect(performance.now() - startedAt).toBeLessThan(limits.helloTimeoutMs + 1_000);
    const laterAt = performance.now();
    for (let call = 0; call < 100; call++) await gee.call("Stage.Work", [`later${call}`, 0]);
    expect(performance.now() - laterAt).toBeLessThan(1_000);
    // Whoever wants that one and no other hears that it was not reached.
    await using single = connect({ address: stopped.said.address, log: silentLog });
    const error = await failureOf(single.call("Stage.Work", ["alone", 0], { timeoutMs: 500 }));
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
    stopped.signal("SIGCONT");
    expect(await single.call("Stage.Work", ["after", 0])).toBe("after");
    const begun = (await fleet.journal("begun")).filter(({ pid }) => pid === stopped.pid);
    expect(begun.map(({ call }) => call)).toEqual(["after"]);
  },
  20_000,
);
