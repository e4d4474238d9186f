import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { connect } from "../../src/index.ts";
import { limits } from "../../src/base/limits.ts";

// A good client beside floods. Server, flood and client are processes of their own; the client is
// this one. The bound is ten times wider than the bench's: a machine of two cores is shared by three.

const isLong = Bun.env["GEE_LONG"] === "1";
const mebibyte = 1_048_576;

/** A process of this folder's, its lines one by one. Disposing kills it. */
function startScript(script: URL, options: object = {}) {
  const path = fileURLToPath(script);
  const child = Bun.spawn([process.execPath, path, JSON.stringify(options)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const decoder = new TextDecoder();
  const reader = child.stdout.getReader();
  let kept = "";
  return {
    pid: child.pid,
    async line(): Promise<string> {
      while (!kept.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`${path} ended (${await child.exited})`);
        kept += decoder.decode(value);
      }
      const [line = ""] = kept.split("\n", 1);
      kept = kept.slice(line.length + 1);
      return line;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

function fieldOf(json: string, name: string): unknown {
  const value: unknown = JSON.parse(json);
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
}

let server: ReturnType<typeof startScript>;
let address = "";
let good: ReturnType<typeof connect>;
let quietP99Ms = 0;

/** Calls one after the other, as long as it is told to, and at least so many; their p99 in ms. */
async function p99Of(goesOn: () => boolean, least: number): Promise<number> {
  const tookMs: number[] = [];
  while (goesOn() || tookMs.length < least) {
    const startedAt = performance.now();
    expect(await good.call("Work.Sum", [tookMs.length, 1])).toBe(tookMs.length + 1);
    tookMs.push(performance.now() - startedAt);
    // As a client does that has other work: a flood is not met by one that never sleeps.
    await Bun.sleep(1);
  }
  tookMs.sort((left, right) => left - right);
  return tookMs[Math.ceil(tookMs.length * 0.99) - 1] ?? Number.NaN;
}

beforeAll(async () => {
  server = startScript(new URL("./flooded-server.ts", import.meta.url));
  address = String(fieldOf(await server.line(), "address"));
  good = connect({ address });
  await p99Of(() => false, 200);
  const until = performance.now() + 700;
  quietP99Ms = await p99Of(() => performance.now() < until, 300);
}, 20_000);

afterAll(async () => {
  await good[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const drips = isLong ? 2_000 : 500;

for (const { kind, what, connections, forMs, maxGrownBytes } of [
  {
    kind: "greeting",
    what: `${drips} connections that say their hello byte by byte`,
    connections: drips,
    forMs: isLong ? 4_000 : 3_000,
    maxGrownBytes: 96 * mebibyte,
  },
  {
    kind: "drip",
    what: `${drips} connections that send a frame byte by byte`,
    connections: drips,
    forMs: isLong ? 4_000 : 3_000,
    maxGrownBytes: 96 * mebibyte,
  },
  {
    kind: "T3",
    what: "arrays of 100,000,000 in five bytes",
    connections: 20,
    forMs: 2_000,
    maxGrownBytes: 128 * mebibyte,
  },
  {
    kind: "T5",
    what: "bignums of 128 KiB",
    connections: 20,
    forMs: 2_000,
    maxGrownBytes: 160 * mebibyte,
  },
  {
    kind: "T27",
    what: "answers of 1 MiB that nobody takes",
    connections: 40,
    forMs: 2_000,
    maxGrownBytes: 40 * 4 * mebibyte + 128 * mebibyte,
  },
  {
    kind: "T28",
    what: "2,048 calls at once, again and again, on each connection",
    connections: 8,
    forMs: 2_000,
    maxGrownBytes: 256 * mebibyte,
  },
  {
    kind: "T30",
    what: "pings without end",
    connections: 20,
    forMs: 2_000,
    maxGrownBytes: 96 * mebibyte,
  },
] as const) {
  test(`a good client is answered beside a flood of ${what} (${kind})`, async () => {
    const bytes = residentBytes(server.pid);
    await using flooder = startScript(new URL("./flooder.ts", import.meta.url), {
      kind,
      address,
      connections,
      forMs,
    });
    expect(await flooder.line()).toBe("flooding");
    let report: string | undefined;
    let mostBytes = 0;
    const ended = flooder.line().then((line) => (report = line));
    const p99Ms = await p99Of(() => {
      mostBytes = Math.max(mostBytes, residentBytes(server.pid));
      return report === undefined;
    }, 50);
    const json = await ended;
    const opened = Number(fieldOf(json, "opened"));
    const grownMiB = (mostBytes - bytes) / mebibyte;
    const ratio = p99Ms / quietP99Ms;
    console.log(
      `${kind}: p99 ${p99Ms.toFixed(2)} ms beside ${opened} connections, ${ratio.toFixed(1)} times the quiet ${quietP99Ms.toFixed(2)} ms; server +${grownMiB.toFixed(0)} MiB`,
    );
    expect(opened).toBeGreaterThanOrEqual(connections);
    expect(p99Ms).toBeLessThan(Math.max(50 * quietP99Ms, 250));
    expect(mostBytes - bytes).toBeLessThan(maxGrownBytes);
    if (kind === "drip" || kind === "greeting") {
      // All shown out in time: the frame's two seconds, and what the loop and the tests take.
      expect(fieldOf(json, "survivors")).toBe(0);
      const lived: unknown = fieldOf(json, "livedMs");
      const livedMs = Array.isArray(lived) ? lived.map(Number) : [];
      expect(livedMs.length).toBe(drips);
      expect(Math.min(...livedMs)).toBeGreaterThan(limits.frameBaseMs - 100);
      expect(Math.max(...livedMs)).toBeLessThan(limits.frameBaseMs + 1_200);
    }
    if (kind === "T30") expect(opened).toBeGreaterThan(connections);
  }, 30_000);
}
