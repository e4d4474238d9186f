import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { eventually } from "../support/cluster.ts";
import { Caller, counts, Moody, timesBegun } from "../support/moody.ts";
import type { MoodyServer } from "../support/moody.ts";

// All servers are gone for a while, and their registry is not.

const count = 200;
const hands = 30;
const handsMs = 3_000;

for (const where of ["the same addresses", "other addresses"]) {
  test(`while all servers are gone calls fail in time or wait, and none is lost when they are back at ${where}`, async () => {
    await using moody = await Moody.create();
    const { url } = (await moody.registry()).said;
    const mood = { workMs: 5 };
    const old = await moody.servers(3, { registry: url, mood });
    await using gee = connect({ registry: url, log: silentLog, drainTimeoutMs: 0 });
    const caller = new Caller(gee);
    caller.load(hands, "Work.Do", { timeoutMs: handsMs });
    await caller.more(500);

    for (const server of old) server.signal("SIGKILL");
    const killedAt = performance.now();
    await Promise.all(old.map(({ exited }) => exited));
    const patient = Array.from({ length: count }, (_, index) =>
      caller.issue(`patient${index}`, "Work.Do", { timeoutMs: 15_000, waitForReady: true }),
    );
    const plain = Array.from({ length: count }, (_, index) =>
      caller.issue(`plain${index}`, "Work.Do", { timeoutMs: 8_000 }),
    );
    const hasty = Array.from({ length: count }, (_, index) =>
      caller.issue(`hasty${index}`, "Work.Do", { timeoutMs: 500 }),
    );
    const hastyTold = await Promise.all(hasty);
    const plainTold = await Promise.all(plain);
    for (const [told, limitMs] of [
      [hastyTold, 500],
      // For so long nobody may be reached, and a dial and its wait are at most a second more.
      [plainTold, limits.unreachableMs + 1_000],
    ] as const) {
      const tookMs = Math.max(...told.map(({ issuedAt, settledAt }) => settledAt - issuedAt));
      console.log(`${JSON.stringify(counts(told))} after ${tookMs.toFixed(0)} ms at the latest`);
      expect(tookMs).toBeLessThan(limitMs + 500);
    }
    // Who has more time than a client looks for servers hears that there are none.
    expect(counts(plainTold)).toEqual({ "UNAVAILABLE no": count });
    for (const { outcome } of hastyTold) {
      expect(["UNAVAILABLE no", "DEADLINE_EXCEEDED no"]).toContain(outcome);
    }
    expect(caller.told.filter(({ call }) => call.startsWith("patient"))).toEqual([]);

    const again = (server: MoodyServer): Promise<MoodyServer> =>
      moody.server({
        registry: url,
        mood,
        ...(where === "the same addresses" ? { listen: server.said.address } : {}),
      });
    const fresh = await Promise.all(old.map(again));
    const upAt = performance.now();
    const first = await caller.issue("first", "Work.Do", { timeoutMs: 10_000, waitForReady: true });
    const patientTold = await Promise.all(patient);
    const lastMs = Math.max(...patientTold.map(({ settledAt }) => settledAt - upAt));
    console.log(
      `up after ${(upAt - killedAt).toFixed(0)} ms; a new call is answered ${(first.settledAt - upAt).toFixed(0)} ms later,`,
      `the last that waited ${lastMs.toFixed(0)} ms later`,
    );
    expect(first.outcome).toBe("ok");
    expect(counts(patientTold)).toEqual({ ok: count });
    // They wait for a second and a fifth at the most before they look again.
    expect(lastMs).toBeLessThan(5_000);
    expect(first.settledAt - upAt).toBeLessThan(5_000);
    const servesAgain = ({ pid }: MoodyServer): boolean => caller.share(pid, 0, 300) > 0.05;
    await eventually(() => fresh.every(servesAgain), "a share for each");
    await caller.stop();

    // What was at work when they were killed may have run; nobody else is left in doubt. A hand whose
    // call was lost goes on to a server of which it is not known yet that it was killed as well.
    const lost = caller.told.filter(({ outcome }) => outcome.endsWith("maybe"));
    const [late = [], cut = []] = [true, false].map((isLate) =>
      lost.filter(({ outcome }) => outcome.startsWith("DEADLINE_EXCEEDED") === isLate),
    );
    expect(cut.length).toBeLessThanOrEqual(3 * hands);
    for (const { outcome, settledAt } of cut) {
      expect(outcome).toBe("UNAVAILABLE maybe");
      expect(settledAt - killedAt).toBeLessThan(1_000);
    }
    // One that has waited for nearly all of its time may be sent in the last moment.
    for (const { issuedAt, settledAt } of late) {
      expect(settledAt - issuedAt).toBeGreaterThan(handsMs - 5);
      expect(settledAt).toBeGreaterThan(upAt - 1_000);
    }
    const times = timesBegun(await moody.begun());
    const told = Map.groupBy(caller.told, ({ outcome }) => outcome.split(" ").at(-1));
    expect([...times].filter(([, starts]) => starts !== 1)).toEqual([]);
    expect(told.get("ok")?.filter(({ call }) => !times.has(call))).toEqual([]);
    expect(told.get("no")?.filter(({ call }) => times.has(call))).toEqual([]);
  }, 20_000);
}
