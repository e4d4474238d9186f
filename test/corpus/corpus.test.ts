import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { Deadlines } from "../../src/base/deadlines.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { connect, serve } from "../../src/index.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { eventually } from "../support/cluster.ts";
import { hostOf } from "../support/ends.ts";
import { built, gee, start } from "../support/executable.ts";
import { folder } from "../support/folder.ts";
import { memoryLog } from "../support/registry.ts";
import { exitCodeOf, faultIn, inputs, isSmall, splitsOf } from "./inputs.ts";
import type { Input, Outcome } from "./inputs.ts";
import {
  attackClients,
  attackConnection,
  attackServer,
  attackSession,
  startHostileServer,
} from "./victims.ts";
import type { Run } from "./victims.ts";

// Every input against every victim. What matters of a cut is how the frame reader meets it, so the
// library's ends get all cuts over links in memory, where a cut stays a cut, and whole inputs over
// sockets; the executable gets its cuts over a unix socket. Large inputs go over sockets whole.

const mebibyte = 1_048_576;
const toServers = inputs.filter(({ from }) => from === "caller");
const toClients = inputs.filter(({ from }) => from === "server");

/** How many runs each victim stood. */
const ran = new Map<string, number>();
const ownKeys = Reflect.ownKeys(Object.prototype);

afterAll(() => {
  const each = [...ran].map(([victim, runs]) => `${victim} ${runs}`).join(", ");
  const total = [...ran.values()].reduce((sum, runs) => sum + runs, 0);
  console.log(`${inputs.length} inputs x splits x ${ran.size} victims: ${total} runs (${each})`);
});

function count(victim: string, runs: number): void {
  ran.set(victim, (ran.get(victim) ?? 0) + runs);
}

/** The runs whose outcome is wrong, with what is wrong. */
function wrongOf(runs: readonly Run[], outcomes: readonly Outcome[]): string[] {
  return runs.flatMap(({ input, split }, index) => {
    const outcome = outcomes[index];
    const what = outcome === undefined ? "no outcome" : faultIn(input, outcome);
    return what === undefined ? [] : [`${input.name} (${input.from}), ${split.name}: ${what}`];
  });
}

function runsOf(input: Input, singleBytes: number): Run[] {
  return splitsOf(input.bytes, { singleBytes }).map((split) => ({ input, split }));
}

function wholeOf(input: Input): Run {
  return { input, split: { name: "whole", pieces: [input.bytes] } };
}

/** Does `work` with so many runs at a time; returns what was wrong. */
async function inBatches(
  runs: readonly Run[],
  size: number,
  work: (batch: readonly Run[]) => Promise<readonly Outcome[]>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (let at = 0; at < runs.length; at += size) {
    const batch = runs.slice(at, at + size);
    wrong.push(...wrongOf(batch, await work(batch)));
    if (wrong.length > 50) break;
  }
  return wrong;
}

function expectPrototypeIntact(): void {
  expect(Reflect.ownKeys(Object.prototype)).toEqual(ownKeys);
  expect("isAdmin" in {}).toBe(false);
}

function liveHeapBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed;
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
}

function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((name) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${name}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
}

/** A good server in this process, for the neighbour of client victims. */
let good: Awaited<ReturnType<typeof serve>>;
let neighbour: ReturnType<typeof connect>;

beforeAll(async () => {
  good = await serve({ services: { Foo: new Foo() } });
  neighbour = connect({ address: good.address });
  expect(await neighbour.call("Foo.Sum", [1, 2])).toBe(3);
});

afterAll(async () => {
  await neighbour[Symbol.asyncDispose]();
  await good.stop({ lameDuckMs: 0 });
});

test("the corpus has every row of the table that is bytes", () => {
  const rows = new Set(inputs.map(({ row }) => row));
  const wanted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 22];
  for (const row of [...wanted, 30, 31, 32, 33, 34, 35]) expect([...rows]).toContain(`T${row}`);
  const names = inputs.map(({ name, from, phase }) => `${name}, ${from}, ${phase}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test("a server as library stands every input, however it is cut", () => {
  const { log, lines } = memoryLog();
  const host = hostOf({ Foo: new Foo() }, { clock: new FakeClock(), log });
  const heapBytes = liveHeapBytes();
  const wrong: string[] = [];
  for (const input of toServers) {
    const runs = runsOf(input, 16_384);
    wrong.push(
      ...wrongOf(
        runs,
        runs.map((run) => attackSession(run, host)),
      ),
    );
    count("server as library, memory", runs.length);
  }
  expect(wrong.slice(0, 20)).toEqual([]);
  expectPrototypeIntact();
  expect(liveHeapBytes() - heapBytes).toBeLessThan(32 * mebibyte);
  // What a stranger wrote is in the log, and cannot write lines of its own.
  expect(lines.filter((line) => /[\u0000-\u001f\u007f-\u009f]/.test(line))).toEqual([]);
  expect(lines.filter((line) => line.length > 600)).toEqual([]);
}, 30_000);

test("a client as library stands every input, however it is cut", async () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const heapBytes = liveHeapBytes();
  const wrong: string[] = [];
  for (const input of toClients) {
    const runs = runsOf(input, 16_384);
    const outcomes = await Promise.all(runs.map((run) => attackConnection(run, clock, deadlines)));
    wrong.push(...wrongOf(runs, outcomes));
    count("client as library, memory", runs.length);
  }
  expect(wrong.slice(0, 20)).toEqual([]);
  expectPrototypeIntact();
  expect(liveHeapBytes() - heapBytes).toBeLessThan(32 * mebibyte);
  expect(await neighbour.call("Foo.Sum", [1, 2])).toBe(3);
}, 30_000);

test("a server as library stands every input over sockets, and its neighbours are answered", async () => {
  const { log } = memoryLog();
  await using server = await serve({ services: { Foo: new Foo() }, log, lameDuckMs: 0 });
  await using client = connect({ address: server.address });
  expect(await client.call("Foo.Sum", [1, 2])).toBe(3);
  const heapBytes = liveHeapBytes();
  const runs = toServers.map(wholeOf);
  const wrong = await inBatches(runs, 128, async (batch) => {
    const outcomes = await attackServer(server.address, batch);
    expect(await client.call("Foo.Sum", [20, 3])).toBe(23);
    return outcomes;
  });
  count("server as library, sockets", runs.length);
  expect(wrong).toEqual([]);
  expectPrototypeIntact();
  await eventually(() => server.connections() === 1, "one connection");
  expect(server.inFlight()).toBe(0);
  expect(liveHeapBytes() - heapBytes).toBeLessThan(64 * mebibyte);
}, 30_000);

test("a client as library stands every input over sockets, and its neighbours are answered", async () => {
  const runs = toClients.map(wholeOf);
  const { log } = memoryLog();
  const wrong = await inBatches(runs, 64, async (batch) => {
    const outcomes = await attackClients(batch, log);
    expect(await neighbour.call("Foo.Sum", [20, 3])).toBe(23);
    return outcomes;
  });
  count("client as library, sockets", runs.length);
  expect(wrong).toEqual([]);
  expectPrototypeIntact();
}, 30_000);

test.skipIf(!built)(
  "a server as executable stands every input, however it is cut, and its neighbours are answered",
  async () => {
    await using place = await folder();
    const small = toServers.filter(isSmall);
    const large = toServers.filter((input) => !isSmall(input));
    for (const [listen, runs] of [
      ["tcp@127.0.0.1:0", toServers.map(wholeOf)],
      [`unix@${place.path}/gee`, small.flatMap((input) => runsOf(input, 512).slice(1))],
      [`unix@${place.path}/large`, large.map(wholeOf)],
    ] as const) {
      await using server = start(["server", "--no-check", "--listen", listen]);
      const [, address = ""] = await server.says(/^server +(\S+)/m);
      await using client = connect({ address });
      expect(await client.call("Foo.Sum", [1, 2])).toBe(3);
      const sockets = socketsOf(server.pid);
      const bytes = residentBytes(server.pid);
      const wrong = await inBatches(runs, 512, async (batch) => {
        const outcomes = await attackServer(address, batch);
        expect(await client.call("Foo.Sum", [20, 3])).toBe(23);
        return outcomes;
      });
      count("server as executable", runs.length);
      expect(wrong).toEqual([]);
      await eventually(() => socketsOf(server.pid) === sockets, "no connection left");
      expect(residentBytes(server.pid) - bytes).toBeLessThan(160 * mebibyte);
      // No control character of a stranger's in what it wrote for people.
      expect(server.stderr()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
  },
  60_000,
);

/** One whole input of each row, phase and end, and some of them cut. */
function representatives(): Run[] {
  const seen = new Set<string>();
  const chosen = toClients.filter((input) => {
    const { row, phase, must } = input;
    const end = must.kind === "answers" ? exitCodeOf(input) : must.kind;
    const key = `${row} ${phase} ${end} ${must.kind === "fault" ? must.reasons.join() : ""}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  const cut = chosen.filter((input) => isSmall(input)).filter((_, index) => index % 6 === 0);
  return [
    ...chosen.map(wholeOf),
    ...cut.flatMap((input) => {
      const splits = runsOf(input, 256);
      return [1, 2, 6, 13].flatMap((index) => splits.slice(index, index + 1));
    }),
  ];
}

test.skipIf(!built)(
  "a client as executable ends with the right code and soon, whatever its server says",
  async () => {
    const runs = representatives();
    const wrong: string[] = [];
    const next = runs.values();
    const hand = async (): Promise<void> => {
      for (const run of next) {
        using server = await startHostileServer(run);
        const startedAt = performance.now();
        const words = ["call", "Foo.Sum", "1", "2", "--address", server.address];
        const running = gee([...words, "--timeout", "8s"]);
        if (run.input.must.kind === "ignores") void answerLate(server);
        const { code, stdout, stderr } = await running;
        const tookMs = performance.now() - startedAt;
        const name = `${run.input.name}, ${run.split.name}`;
        if (code !== exitCodeOf(run.input)) wrong.push(`${name}: ${code} ${stderr}`);
        if (tookMs > 5_000) wrong.push(`${name}: ${tookMs} ms`);
        if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(stdout + stderr)) {
          wrong.push(`${name}: control characters`);
        }
        count("client as executable", 1);
      }
    };
    await Promise.all([hand(), hand(), hand(), hand()]);
    expect(wrong).toEqual([]);
    expect(await neighbour.call("Foo.Sum", [1, 2])).toBe(3);
  },
  60_000,
);

/** Answers the call once the connection has shown that it lives. */
async function answerLate(server: Awaited<ReturnType<typeof startHostileServer>>): Promise<void> {
  await eventually(() => server.outcome().pongs > 0, "a pong");
  server.peers.at(-1)?.say({ kind: "result", id: 1, value: 3, metadata: undefined });
  await turn();
}
