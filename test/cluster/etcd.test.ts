import { afterAll, expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { type Announcement, newInstanceId } from "../../src/discovery/member.ts";
import type { RegistryList } from "../../src/discovery/registry-answer.ts";
import { createRegistryClient, type RegistryClient } from "../../src/discovery/registry-client.ts";
import {
  type BrokenRecord,
  brokenRecords,
  loopbackRecord,
  soundRecord,
} from "../support/broken-records.ts";
import { Cluster, eventually, type RegistryProcess } from "../support/cluster.ts";
import { EtcdCluster, type EtcdMember, etcdPath, withoutEtcd } from "../support/etcd-cluster.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { residentBytes, startScript } from "../support/processes.ts";

// Registries as processes over a cluster of three etcd processes, with a lease of 600 ms: that is a
// lease of 2 s in etcd, as it grants none that is shorter.

if (etcdPath === undefined) console.warn(withoutEtcd);

const leaseMs = 600;

const shared = etcdPath === undefined ? undefined : await EtcdCluster.start();
afterAll(() => shared?.[Symbol.asyncDispose]());

const script = new URL("../support/cluster-registry.ts", import.meta.url);

let lastPort = 10_000;

/** One instance that is none: what it says to a registry is said by hand. */
class Peer {
  readonly #id = newInstanceId();
  readonly #address = parseAddress(`tcp@127.0.0.1:${(lastPort += 1)}`);
  #revision = 1;
  #secret: string | undefined;

  get id(): string {
    return this.#id;
  }

  get #announcement(): Announcement {
    const fixed = { id: this.#id, address: this.#address, services: ["Etcd"], draining: false };
    return { ...fixed, revision: this.#revision, weight: this.#revision % 10_000, leaseMs };
  }

  async register({ client }: Member): Promise<void> {
    const granted = await client.register(this.#announcement, { secret: this.#secret });
    if (granted.kind !== "old") this.#secret = granted.secret;
  }

  async beat({ client }: Member): Promise<void> {
    await client.renew(this.#announcement, this.#secret ?? "");
  }

  /** Says something new. */
  async change(to: Member): Promise<void> {
    this.#revision += 1;
    await this.register(to);
  }

  /** Beats until the work is done, at whatever `to` says then; what fails is counted. */
  async during<T>(to: () => Member, work: Promise<T>): Promise<T> {
    const state = { isOver: false };
    const beats = (async () => {
      while (!state.isOver) {
        await this.beat(to()).catch(() => (this.failures += 1));
        await Bun.sleep(leaseMs / 3);
      }
    })();
    try {
      return await work;
    } finally {
      state.isOver = true;
      await beats;
    }
  }

  failures = 0;
}

/** A registry's process, and a client of it. */
interface Member extends AsyncDisposable {
  readonly process: RegistryProcess;
  readonly client: RegistryClient;
}

async function registry(
  store: string,
  listen = "127.0.0.1:0",
  settings: object = {},
): Promise<Member> {
  const options = { listen, leaseMs, store, ...settings };
  const process: RegistryProcess = await startScript(script, options);
  const client = createRegistryClient({ url: process.said.url, log: silentLog });
  return { process, client, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

function stateOf(list: RegistryList, { id }: Peer): string | undefined {
  return list.members.find((member) => member.id === id)?.state;
}

/** How both see a peer, when they agree. */
async function seen(a: Member, b: Member, peer: Peer): Promise<string> {
  const [ofA, ofB] = await Promise.all(
    [a, b].map(async ({ client }) => stateOf(await client.list(), peer)),
  );
  return ofA === ofB ? `${ofA}` : `${ofA}, ${ofB}`;
}

async function becomes(a: Member, b: Member, peer: Peer, state: string): Promise<void> {
  await eventually(async () => (await seen(a, b, peer)) === state, `${peer.id} ${state}`);
}

/** Asks for the list again and again, and counts what is not answered. */
class Reader {
  reads = 0;
  readonly failures: unknown[] = [];
  slowestMs = 0;
  readonly #done: Promise<void>;
  #isOver = false;

  constructor({ client }: Member) {
    this.#done = (async () => {
      while (!this.#isOver) {
        const startedAt = performance.now();
        await client.list().then(
          () => (this.reads += 1),
          (error) => this.failures.push(error),
        );
        this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
        await Bun.sleep(10);
      }
    })();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

/** Works on the cluster that all tests share. */
function over(name: string, work: (etcd: EtcdCluster) => Promise<void>, timeoutMs = 30_000): void {
  test.skipIf(shared === undefined)(
    name,
    async () => {
      if (shared === undefined) return;
      // What the tests before left behind is silent, and would begin a freeze.
      await shared.clear();
      await work(shared);
    },
    timeoutMs,
  );
}

/** Starts killed members again. */
async function revive(etcd: EtcdCluster, ...members: readonly EtcdMember[]): Promise<void> {
  for (const member of members) await member.restart();
  for (const member of members) await etcd.ready(member);
}

over(
  "registries over one etcd answer the same list, and one that comes later as well",
  async (etcd) => {
    await using a = await registry(etcd.url);
    await using b = await registry(etcd.url);
    const peers = Array.from({ length: 20 }, () => new Peer());
    await Promise.all(peers.map((peer, n) => peer.register(n % 2 === 0 ? a : b)));
    const lists = async (...members: readonly Member[]): Promise<readonly RegistryList[]> =>
      Promise.all(members.map(({ client }) => client.list()));
    await eventually(async () => {
      const [ofA, ofB] = await lists(a, b);
      return ofA?.hash === ofB?.hash && ofA?.token === ofB?.token;
    }, "the same list");
    await using c = await registry(etcd.url);
    const [ofA, ofB, ofC] = await lists(a, b, c);
    const ids = (list: RegistryList | undefined) => list?.members.map(({ id }) => id);
    expect([ids(ofB), ids(ofC)]).toEqual([ids(ofA), ids(ofA)]);
    expect([ofB?.hash, ofC?.hash]).toEqual([ofA?.hash, ofA?.hash]);
    expect([ofB?.epoch, ofC?.epoch]).toEqual([ofA?.epoch, ofA?.epoch]);
    for (const peer of peers) expect(stateOf(ofC ?? (await c.client.list()), peer)).toBe("up");
  },
);

over(
  "who registered at one beats at another after that one was killed, and is up all the time",
  async (etcd) => {
    const a = await registry(etcd.url);
    await using b = await registry(etcd.url);
    const peer = new Peer();
    await peer.register(a);
    a.process.signal("SIGKILL");
    await a.process.exited;
    const states = new Set<string | undefined>();
    const look = async (): Promise<void> => {
      for (const until = performance.now() + 5 * leaseMs; performance.now() < until;) {
        states.add(stateOf(await b.client.list(), peer));
        await Bun.sleep(20);
      }
    };
    await peer.during(() => b, look());
    expect([...states]).toEqual(["up"]);
    expect(peer.failures).toBe(0);
    await peer.change(b);
  },
);

over("a server with both registries stays up at the one when the other is killed", async (etcd) => {
  const a = await registry(etcd.url);
  await using b = await registry(etcd.url);
  await using cluster = await Cluster.create();
  const registries = [a, b].map(({ process }) => process.said.url).join(",");
  const server = await cluster.server({ registry: registries });
  const states = async (): Promise<readonly unknown[]> =>
    (await b.client.list()).members.map(({ id, state }) => [id, state]);
  const up = [[server.said.id, "up"]];
  await eventually(async () => Bun.deepEquals(await states(), up), "the server");
  // Both have taken a beat of it, and neither found anything odd in that.
  await Bun.sleep(2 * leaseMs);
  expect([server, a.process, b.process].map((process) => process.errors())).toEqual(["", "", ""]);
  a.process.signal("SIGKILL");
  await a.process.exited;
  for (const until = performance.now() + 6 * leaseMs; performance.now() < until;) {
    expect(await states()).toEqual(up);
    await Bun.sleep(20);
  }
  server.signal("SIGTERM");
  const left = [[server.said.id, "left"]];
  await eventually(async () => Bun.deepEquals(await states(), left), "its leave");
});

over(
  "who is written to etcd by a registry that dies before it answers is taken by another one at once",
  async (etcd) => {
    const a = await registry(etcd.url);
    await using b = await registry(etcd.url);
    const { port } = new URL(a.process.said.url);
    using proxy = new TcpProxy({ address: parseAddress(`tcp@127.0.0.1:${port}`) });
    proxy.losesAnswers = true;
    b.process.signal("SIGSTOP");
    await using cluster = await Cluster.create();
    const urls = `http://${proxy.address.replace("tcp@", "")},${b.process.said.url}`;
    const starting = cluster.server({ registry: urls });
    await eventually(() => proxy.lostBytes > 0, "a registration that is not answered");
    a.process.signal("SIGKILL");
    await a.process.exited;
    // Whoever asks again finds nobody there.
    proxy[Symbol.dispose]();
    b.process.signal("SIGCONT");
    const resumedAt = performance.now();
    const server = await starting;
    expect(performance.now() - resumedAt).toBeLessThan(2 * leaseMs);
    const up = [[server.said.id, "up"]];
    for (const until = performance.now() + 5 * leaseMs; performance.now() < until;) {
      const { members } = await b.client.list();
      expect(members.map(({ id, state }) => [id, state])).toEqual(up);
      await Bun.sleep(20);
    }
    expect(b.process.errors()).not.toContain("secret");
  },
);

over("a client may change registry in the middle of a watch", async (etcd) => {
  await using a = await registry(etcd.url);
  await using b = await registry(etcd.url);
  const [first, second, third] = [new Peer(), new Peer(), new Peer()];
  await first.register(a);
  await eventually(async () => stateOf(await b.client.list(), first) === "up", "the first one");
  const { token } = await a.client.list();
  await second.register(a);
  const watching = b.client.list({ after: token, waitMs: 20_000 });
  const answer = await watching;
  expect(answer.delta).toBe(true);
  expect(stateOf(answer, second)).toBe("up");
  await third.register(b);
  const next = await a.client.list({ after: answer.token, waitMs: 20_000 });
  expect([next.delta, stateOf(next, third)]).toEqual([true, "up"]);
  const stranger = await b.client.list({ after: "abcdef-17", waitMs: 20_000 });
  expect(stranger.delta).toBe(false);
});

over(
  "who falls silent is suspect for both within a lease and a second, and gone after",
  async (etcd) => {
    await using a = await registry(etcd.url);
    await using b = await registry(etcd.url);
    const peer = new Peer();
    await peer.register(a);
    for (let beats = 0; beats < 9; beats++) {
      await Bun.sleep(leaseMs / 3);
      await peer.beat(beats % 2 === 0 ? a : b);
    }
    const deadAt = performance.now();
    await becomes(a, b, peer, "suspect");
    const suspectMs = performance.now() - deadAt;
    await becomes(a, b, peer, "undefined");
    const goneMs = performance.now() - deadAt;
    console.log(`suspect after ${Math.round(suspectMs)} ms, gone after ${Math.round(goneMs)} ms`);
    expect(suspectMs).toBeGreaterThanOrEqual(leaseMs);
    expect(suspectMs).toBeLessThanOrEqual(leaseMs + 1_000);
    expect(goneMs).toBeLessThanOrEqual(6_000);
  },
);

over(
  "a leader that is killed: reads never stop, writes resume, and who beats stays up",
  async (etcd) => {
    await using a = await registry(etcd.url);
    await using b = await registry(etcd.url);
    const [writer, steady] = [new Peer(), new Peer()];
    await writer.register(a);
    await steady.register(b);
    const readers = [new Reader(a), new Reader(b)];
    const states = new Set<string | undefined>();
    const outage = async (leader: EtcdMember): Promise<number> => {
      leader.signal("SIGKILL");
      const killedAt = performance.now();
      const resumed = async (to: Member): Promise<number> => {
        for (;;) {
          states.add(stateOf(await to.client.list(), steady));
          const written = await writer.change(to).then(
            () => true,
            () => false,
          );
          if (written) return performance.now() - killedAt;
          await Bun.sleep(20);
        }
      };
      const first = await resumed(a);
      return Math.max(first, await resumed(b));
    };
    const outages: number[] = [];
    const kills = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        const leader = await etcd.leader();
        outages.push(Math.round(await outage(leader)));
        await revive(etcd, leader);
      }
    };
    await steady.during(() => b, kills());
    for (const reader of readers) await reader.stop();
    console.log(
      `writes resumed after ${outages.join(", ")} ms; ${readers.map(({ reads }) => reads).join(" and ")} reads,` +
        ` the slowest ${Math.round(Math.max(...readers.map(({ slowestMs }) => slowestMs)))} ms`,
    );
    expect(readers.flatMap(({ failures }) => failures)).toEqual([]);
    // An election may be split, and is then held again.
    const [, middleMs] = outages.sort((x, y) => x - y);
    expect(middleMs).toBeLessThanOrEqual(3_000);
    expect(Math.max(...outages)).toBeLessThanOrEqual(10_000);
    expect([...states]).toEqual(["up"]);
    expect(steady.failures).toBe(0);
  },
  60_000,
);

over(
  "without a majority reads go on and say so, and writes are refused until there is one",
  async (etcd) => {
    await using a = await registry(etcd.url);
    const [peer, other] = [new Peer(), new Peer()];
    await peer.register(a);
    const reader = new Reader(a);
    const stopped = etcd.members.slice(0, 2);
    for (const member of stopped) member.signal("SIGSTOP");
    const readiness = async (): Promise<string> => {
      const answer = await fetch(`${a.process.said.url}/readyz`);
      return `${answer.status} ${(await answer.text()).trim()}`;
    };
    const without = async (): Promise<void> => {
      const stoppedAt = performance.now();
      await eventually(async () => (await readiness()).startsWith("503 etcd"), "trouble");
      const troubleMs = performance.now() - stoppedAt;
      const refused = await other.register(a).then(
        () => undefined,
        (error: unknown) => GeeError.from(error),
      );
      expect(refused?.code).toBe("UNAVAILABLE");
      await Bun.sleep(3 * leaseMs);
      expect(stateOf(await a.client.list(), peer)).toBe("up");
      for (const member of stopped) member.signal("SIGCONT");
      const goesOnAt = performance.now();
      await eventually(async () => (await readiness()) === "200 ok", "readiness");
      const wellMs = performance.now() - goesOnAt;
      console.log(`trouble after ${Math.round(troubleMs)} ms, well after ${Math.round(wellMs)} ms`);
      await other.register(a);
      expect(stateOf(await a.client.list(), peer)).toBe("up");
    };
    await peer.during(() => a, without());
    await reader.stop();
    expect(reader.failures).toEqual([]);
    expect(a.process.errors().match(/etcd does not answer/g)).toHaveLength(1);
  },
  60_000,
);

over(
  "an etcd without space takes no news: who is there stays, who comes is refused, until there is some",
  async (etcd) => {
    await using a = await registry(etcd.url);
    await using b = await registry(etcd.url);
    const [peer, other] = [new Peer(), new Peer()];
    await peer.register(a);
    await becomes(a, b, peer, "up");
    const reader = new Reader(b);
    const alarm = (action: string): Promise<unknown> =>
      etcd.ask("/v3/maintenance/alarm", { action, memberID: "0", alarm: "NOSPACE" });
    const full = async (): Promise<void> => {
      await alarm("ACTIVATE");
      try {
        const refused = await other.register(a).then(
          () => undefined,
          (error: unknown) => GeeError.from(error),
        );
        expect(refused?.code).toBe("UNAVAILABLE");
        expect(refused?.message).toContain("space");
        // Longer than its lease in etcd lasts.
        for (const until = performance.now() + 3_000; performance.now() < until;) {
          expect(await seen(a, b, peer)).toBe("up");
          await Bun.sleep(50);
        }
      } finally {
        await alarm("DEACTIVATE");
      }
      await eventually(
        () =>
          other.register(a).then(
            () => true,
            () => false,
          ),
        "space",
      );
    };
    await peer.during(() => a, full());
    await reader.stop();
    expect([reader.failures, peer.failures]).toEqual([[], 0]);
    await becomes(a, b, other, "up");
  },
);

over(
  "a registry whose next revision was compacted away reads everything again",
  async (etcd) => {
    const [only] = etcd.members;
    if (only === undefined) throw new Error("there is no member");
    await using a = await registry(etcd.url);
    await using b = await registry(`etcd://${only.place}`);
    const [gone, stays, comes] = [new Peer(), new Peer(), new Peer()];
    await gone.register(a);
    await stays.register(a);
    await becomes(a, b, gone, "up");
    only.signal("SIGKILL");
    const away = async (): Promise<void> => {
      await eventually(
        async () => stateOf(await a.client.list(), gone) === undefined,
        "it is gone",
      );
      expect(stateOf(await b.client.list(), gone)).toBe("up");
      await comes.register(a);
      const answer = await etcd.ask("/v3/kv/range", { key: "eA==" });
      const revision = /"revision":"(\d+)"/.exec(JSON.stringify(answer))?.[1];
      await etcd.ask("/v3/kv/compaction", { revision });
      await revive(etcd, only);
      await becomes(a, b, comes, "up");
    };
    // `stays` beats at the one, and is up at the other.
    await comes.during(
      () => a,
      stays.during(() => a, away()),
    );
    expect(await seen(a, b, stays)).toBe("up");
    await eventually(async () => (await seen(a, b, gone)) === "undefined", "it is gone for both");
  },
  60_000,
);

/** What a registry's log says of broken values: told of in all, and the total that it told last. */
function skipped({ process }: Member): readonly [told: number, total: number] {
  const lines = [...process.errors().matchAll(/no sense skipped=(\d+) total=(\d+) /g)];
  const told = lines.reduce((sum, [, count]) => sum + Number(count), 0);
  return [told, Number(lines.at(-1)?.[2] ?? 0)];
}

over(
  `${brokenRecords.length} broken records, written straight into etcd, are skipped and counted; the list is served`,
  async (etcd) => {
    // The one serves this machine, the other one everybody.
    await using lax = await registry(etcd.url);
    await using strict = await registry(etcd.url, "0.0.0.0:0", { insecure: true });
    const lease = await etcd.lease(3_600);
    const sound = Array.from({ length: 40 }, (_, n) => soundRecord(20_000 + n));
    const here = Array.from({ length: 10 }, (_, n) => loopbackRecord(30_000 + n));
    const writeAll = async (records: readonly BrokenRecord[]): Promise<void> => {
      const rest = records.values();
      const hands = Array.from({ length: 8 }, async () => {
        for (const { key, value } of rest) await etcd.put(key, value, lease);
      });
      await Promise.all(hands);
    };
    const ids = async ({ client }: Member): Promise<readonly unknown[]> =>
      (await client.list()).members.map(({ id, state }) => `${id} ${state}`).sort();
    const up = (...all: readonly { readonly id: string }[]): readonly string[] =>
      all.map(({ id }) => `${id} up`).sort();
    const forAll = up(...sound);
    const forThisMachine = up(...sound, ...here);
    await writeAll([...sound, ...here]);
    await eventually(async () => (await ids(lax)).length === forThisMachine.length, "the sound");
    const readers = [new Reader(lax), new Reader(strict)];
    // The same keys again and again: what is kept of them is not kept twice.
    const sizes: number[] = [];
    for (let round = 1; round <= 3; round++) {
      await writeAll(brokenRecords);
      const told = round * brokenRecords.length;
      await eventually(
        () => skipped(lax)[0] >= told && skipped(strict)[0] >= told + here.length,
        `round ${round}`,
      );
      sizes.push(Math.max(...[lax, strict].map(({ process }) => residentBytes(process.pid))));
    }
    const { length } = brokenRecords;
    // Told of are more when a watch had to begin anew; there are no more.
    expect([skipped(lax)[1], skipped(strict)[1]]).toEqual([length, length + here.length]);
    expect([await ids(lax), await ids(strict)]).toEqual([forThisMachine, forAll]);
    for (const reader of readers) await reader.stop();
    expect(readers.flatMap(({ failures }) => failures)).toEqual([]);
    // So does one that reads all of it at its start.
    await using late = await registry(etcd.url, "0.0.0.0:0", { insecure: true });
    await eventually(() => skipped(late)[0] > 0, "what the late one skips");
    expect(skipped(late)[1]).toBe(length + here.length);
    expect(await ids(late)).toEqual(forAll);
    sizes.push(residentBytes(late.process.pid));
    const megabytes = sizes.map((bytes) => Math.round(bytes / 1_048_576));
    console.log(`${length} broken records: ${megabytes.join(", ")} MiB`);
    expect(Math.max(...megabytes)).toBeLessThan(256);
    // And whoever registers now does.
    const peer = new Peer();
    await peer.register(lax);
    await becomes(lax, lax, peer, "up");
  },
  60_000,
);
