import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import type { Gee } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { callMessage, itemMessage } from "../support/calls.ts";
import { eventually } from "../support/cluster.ts";
import type { ServerProcess } from "../support/cluster.ts";
import { Fleet } from "../support/fleet.ts";
import { callMessages, openMuteReader } from "../support/mute-reader.ts";
import { residentBytes } from "../support/processes.ts";

const mebibyte = 1_048_576;
const isLong = Bun.env["GEE_LONG"] === "1";
/** A neighbour's call takes some 20 ms here, a large one among the small ones; ten times that, and more. */
const slowMs = 1_000;

/** A server that has answered enough of the neighbour's large calls to know how much it needs. */
async function openWarm(): Promise<
  AsyncDisposable & { fleet: Fleet; server: ServerProcess; neighbour: Gee; baseBytes: number }
> {
  const stack = new AsyncDisposableStack();
  const fleet = stack.use(await Fleet.create());
  const server = await fleet.server({ stages: ["Stage"] });
  const neighbour = stack.use(connect({ address: server.said.address, log: silentLog }));
  for (let call = 0; call < 100; call++) await neighbour.call("Stage.Big", [mebibyte]);
  const baseBytes = residentBytes(server.pid);
  return {
    fleet,
    server,
    neighbour,
    baseBytes,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Small and large calls of the neighbour, and the server's memory between them, for so long. */
async function watch(
  neighbour: Gee,
  pid: number,
  forMs: number,
): Promise<{ readonly peakBytes: number; readonly calls: number; readonly slowestMs: number }> {
  const until = performance.now() + forMs;
  let peakBytes = 0;
  let calls = 0;
  let slowestMs = 0;
  while (performance.now() < until || calls < 50) {
    const startedAt = performance.now();
    if (calls % 10 === 0) await neighbour.call("Stage.Big", [mebibyte]);
    else expect(await neighbour.call("Stage.Produced", ["nothing"])).toBe(0);
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    calls++;
    peakBytes = Math.max(peakBytes, residentBytes(pid));
    await Bun.sleep(2);
  }
  return { peakBytes, calls, slowestMs };
}

/**
 * What one reader may hold: answers beyond which its connection is not read (1 MiB), the one that
 * passed that, and the largest, which is not counted; each in a buffer of up to twice its size.
 */
const eachBytes = 6 * mebibyte;

for (const { method, args, readers, each } of [
  { method: "Stage.Big", args: [mebibyte], readers: 1, each: 1_000 },
  // All 1,000 handlers are at work before the first answers.
  { method: "Stage.BigLater", args: [mebibyte, 20], readers: 1, each: 1_000 },
  { method: "Stage.Big", args: [mebibyte], readers: 20, each: 1_000 },
  { method: "Stage.Endless", args: ["mute", 1_024], readers: 1, each: 1_000 },
  // No more handlers together than a server starts.
  { method: "Stage.Endless", args: ["mute", 1_024], readers: 20, each: 400 },
]) {
  const boundBytes = 64 * mebibyte + (readers === 1 ? 0 : readers * eachBytes);
  test(`memory stays below base and ${boundBytes / mebibyte} MiB with ${readers} of those who read nothing of ${each} ${method}, and a neighbour's calls go on`, async () => {
    await using opened = await openWarm();
    const { server, neighbour, baseBytes } = opened;
    using readersOpen = new DisposableStack();
    for (let reader = 0; reader < readers; reader++) {
      const calls = callMessages(each, method, args);
      readersOpen.use(await openMuteReader(server.said.address, calls));
    }
    const { peakBytes, calls, slowestMs } = await watch(neighbour, server.pid, 500);
    const grown = Math.round((peakBytes - baseBytes) / mebibyte);
    console.log(
      `base ${Math.round(baseBytes / mebibyte)} MiB, grown by ${grown} MiB;`,
      `${calls} calls of a neighbour, the slowest ${Math.round(slowestMs)} ms`,
    );
    expect(peakBytes - baseBytes).toBeLessThan(boundBytes);
    expect(slowestMs).toBeLessThan(slowMs);
    expect(server.errors()).toBe("");
  }, 30_000);
}

test("who reads again gets every one of the 1,000 answers", async () => {
  await using fleet = await Fleet.create();
  const server = await fleet.server({ stages: ["Stage"] });
  using reader = await openMuteReader(
    server.said.address,
    callMessages(1_000, "Stage.Big", [100_000]),
  );
  await Bun.sleep(100);
  expect(reader.receivedBytes).toBeLessThan(100_000);
  reader.read();
  await eventually(() => reader.receivedBytes > 1_000 * 100_000, "all answers");
  expect(reader.closed).toBeFalse();
}, 30_000);

test("memory stays below base and 128 MiB with a caller that fills 1,000 argument streams which no handler takes, and a neighbour's calls go on", async () => {
  await using opened = await openWarm();
  const { server, neighbour, baseBytes } = opened;
  const ids = Array.from({ length: 1_000 }, (_, index) => index + 1);
  const value = new Uint8Array(60_000);
  const messages = [
    ...ids.map((id) =>
      callMessage(id, {
        method: "Stage.TakeSome",
        args: [`full${id}`, null, 1],
        streamArgument: 1,
        timeoutMs: undefined,
      }),
    ),
    // One more, and a bit, is all that may be sent before the first credit.
    ...[1, 2, 3].flatMap(() => ids.map((id) => itemMessage(id, value))),
  ];
  using callers = new DisposableStack();
  callers.use(await openMuteReader(server.said.address, messages));
  const { peakBytes, calls, slowestMs } = await watch(neighbour, server.pid, 500);
  const grown = Math.round((peakBytes - baseBytes) / mebibyte);
  console.log(`grown by ${grown} MiB; ${calls} calls, the slowest ${Math.round(slowestMs)} ms`);
  expect(peakBytes - baseBytes).toBeLessThan(128 * mebibyte);
  expect(slowestMs).toBeLessThan(slowMs);
  expect(server.errors()).toBe("");
}, 30_000);

test.skipIf(!isLong)(
  "who has read nothing for 10 s is cut off, and its memory is free again",
  async () => {
    await using opened = await openWarm();
    const { server, neighbour, baseBytes } = opened;
    using reader = await openMuteReader(
      server.said.address,
      callMessages(1_000, "Stage.BigLater", [mebibyte, 20]),
    );
    const { slowestMs } = await watch(neighbour, server.pid, 9_000);
    expect(slowestMs).toBeLessThan(slowMs);
    await watch(neighbour, server.pid, 3_000);
    reader.read();
    await eventually(() => reader.closed, "the end of the connection");
    // Less than half of what was asked for has come: what the kernel held, and no more.
    expect(reader.receivedBytes).toBeLessThan(32 * mebibyte);
    expect(residentBytes(server.pid) - baseBytes).toBeLessThan(64 * mebibyte);
  },
  60_000,
);
