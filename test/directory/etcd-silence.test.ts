import { expect, test } from "bun:test";
import { EtcdLeases, type HeldKey } from "../../src/directory/etcd-leases.ts";
import { EtcdSilence } from "../../src/directory/etcd-silence.ts";
import { settle } from "./etcd-bench.ts";
import { type EtcdParts, etcdParts } from "./etcd-parts.ts";
import { storedInstance } from "./stored-members.ts";

interface Bench extends EtcdParts {
  readonly leases: EtcdLeases;
  readonly silence: EtcdSilence;
  readonly held: HeldKey;
  /** `FINDING MS`, since the last beat here. */
  readonly findings: string[];
  pass(ms: number): Promise<void>;
}

/** One instance that beat here last now, and was kept alive from here so long before. */
async function setUp(leaseMs: number, keptBeforeMs = 0): Promise<Bench> {
  const parts = etcdParts();
  const { clock, etcd, api } = parts;
  const leases = new EtcdLeases(api, clock, 300_000);
  const member = { ...storedInstance(1), leaseMs };
  const lease = etcd.grant(leases.secondsOf(member));
  leases.hold({ key: "a", rawKey: "", revision: 1, lease, value: undefined }, member);
  leases.kept("a", lease, clock.now(), etcd.term);
  await clock.advance(keptBeforeMs);
  const held = leases.get("a");
  if (held === undefined) throw new Error("it is not held");
  const beatAt = clock.now();
  held.beatAt = beatAt;
  const findings: string[] = [];
  const silence = new EtcdSilence({
    api,
    leases,
    clock,
    onFinding: ({ key }, finding) =>
      findings.push(`${key} ${finding} ${Math.round(clock.now() - beatAt)}`),
  });
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 10) {
      await settle();
      await clock.advance(Math.min(10, left));
    }
    await settle();
  };
  return { ...parts, leases, silence, held, findings, pass };
}

const table = [200, 600, 1_000, 1_500, 2_500, 9_000].flatMap((leaseMs) =>
  [0, 0.3, 0.8].map((part) => [leaseMs, Math.round(part * leaseMs)] as const),
);

test.each(table)(
  "lease %i ms, kept alive %i ms before the last beat, and nobody hears it: found within a second",
  async (leaseMs, beforeMs) => {
    const { silence, held, findings, pass } = await setUp(leaseMs, beforeMs);
    await pass(leaseMs);
    silence.ask(held);
    await pass(1_000);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toStartWith("a silent ");
  },
);

test.each(table)(
  "lease %i ms, kept alive %i ms before the last beat, and another registry hears it: it is well",
  async (leaseMs, beforeMs) => {
    // Whenever within the lease the other one keeps it alive.
    for (const part of [0.05, 0.3, 0.6, 0.95]) {
      const { api, silence, held, findings, pass } = await setUp(leaseMs, beforeMs);
      await pass(leaseMs * part);
      await api.keepAlive([held.lease]);
      await pass(leaseMs * (1 - part));
      silence.ask(held);
      // It goes on to hear it, twice in a lease.
      for (let ms = 0; ms < 4 * leaseMs + 1_000; ms += leaseMs / 2) {
        await pass(leaseMs / 2);
        await api.keepAlive([held.lease]);
      }
      expect(findings).toEqual([expect.stringMatching(/^a elsewhere /)]);
    }
  },
);

test("who beats here again meanwhile is not asked about", async () => {
  const { clock, etcd, silence, held, findings, pass } = await setUp(600);
  silence.ask(held);
  await pass(500);
  held.beatAt = clock.now();
  await pass(5_000);
  expect([findings, etcd.asked]).toEqual([[], []]);
});

test("a key that is another one, or gone, is not asked about", async () => {
  const { leases, silence, held, findings, pass } = await setUp(600);
  silence.ask(held);
  leases.drop("a");
  await pass(5_000);
  expect(findings).toEqual([]);
});

test("while etcd does not answer it asks on", async () => {
  const { etcd, api, silence, held, findings, pass } = await setUp(9_000);
  await pass(9_000);
  etcd.headless = true;
  silence.ask(held);
  await pass(5_000);
  expect(findings).toEqual([]);
  etcd.headless = false;
  await pass(3_000);
  expect(findings).toEqual([expect.stringMatching(/^a silent /)]);
  silence.again(held);
  await api.keepAlive([held.lease]);
  await pass(1_000);
  expect(findings.slice(1)).toEqual([expect.stringMatching(/^a elsewhere /)]);
});

test("what a new leader started anew is no sign of life", async () => {
  const { etcd, silence, held, findings, pass } = await setUp(9_000);
  await pass(9_000);
  etcd.elect();
  silence.ask(held);
  await pass(9_000);
  expect(findings).toEqual([]);
  await pass(500);
  expect(findings).toEqual([expect.stringMatching(/^a silent /)]);
});

test("a lease that is over says nothing: the key vanishes by itself", async () => {
  const { etcd, silence, held, findings, pass } = await setUp(600);
  etcd.revoke(held.lease);
  silence.ask(held);
  await pass(5_000);
  expect(findings).toEqual([]);
});

test("nobody is told once it is disposed", async () => {
  const { silence, held, findings, pass } = await setUp(600);
  silence.ask(held);
  silence[Symbol.dispose]();
  await pass(5_000);
  expect(findings).toEqual([]);
});
