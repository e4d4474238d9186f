import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { HandlerRun } from "../../src/rpc/handler-run.ts";
import { KeptAnswer } from "../../src/rpc/keyed-calls.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { Replies } from "../../src/rpc/replies.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { callMessage, resultMessage } from "../support/calls.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { memoryLog } from "../support/registry.ts";
import { frameOf } from "../support/scripted-peer.ts";
import { openBench } from "../wire/recorder.ts";

const served = createServiceTable({ Foo: { Sum: () => 1 } }).find("Foo.Sum");
const tooMuch = { page: "x".repeat(limits.maxMetadataBytes) };

/** A call's replies, and its caller as a script; one that is stuck takes a byte and no more. */
function open({ flags = 0, isStuck = false } = {}) {
  const { log, lines } = memoryLog();
  const { channel, peer } = openBench({
    both: isStuck ? { delivery: "by hand", roomBytes: 1 } : { delivery: "microtask" },
  });
  const run = new HandlerRun(callMessage(7, { flags }), served, Number.POSITIVE_INFINITY, {
    peer: "127.0.0.1:9",
    log,
    clock: new FakeClock(),
    nested: new NestedCalls(undefined),
    onExpired() {},
  });
  return { channel, peer, run, lines, replies: new Replies(channel, log) };
}

test("a result leaves with its call's id and all metadata", async () => {
  const { peer, run, replies } = open();
  run.setMetadata({ page: "1" });
  run.setTrailing({ cost: "7" });
  replies.result(run, [1, 2]);
  await turn();
  expect(peer.messages).toEqual([
    { kind: "result", id: 7, value: [1, 2], metadata: { page: "1", cost: "7" } },
  ]);
});

test("an answer that was kept leaves as it is, with another id", async () => {
  const { peer, run, replies } = open();
  replies.result(run, new KeptAnswer(frameOf(resultMessage(3, "kept"))));
  await turn();
  expect(peer.messages).toEqual([resultMessage(7, "kept")]);
});

test("a one-way call has no answer", async () => {
  const { peer, run, replies } = open({ flags: 1 });
  replies.result(run, 1);
  await turn();
  expect(peer.messages).toEqual([]);
});

test.each<readonly [string, unknown, string, string]>([
  ["no value that travels", { when: () => 1 }, "INTERNAL", "CANNOT_TRAVEL"],
  ["too large", "x".repeat(limits.maxMessageBytes), "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"],
])(
  "a result that is %s is answered with a fault, executed yes",
  async (_what, value, code, reason) => {
    const { peer, run, lines, replies } = open();
    replies.result(run, value);
    await turn();
    expect(peer.messages).toMatchObject([{ kind: "fault", id: 7, code, reason, executed: "yes" }]);
    expect(lines.join()).toContain("Foo.Sum");
  },
);

test("metadata of a result that are too many make it a fault as well", async () => {
  const { peer, run, replies } = open();
  run.setMetadata(tooMuch);
  replies.result(run, 1);
  await turn();
  expect(peer.messages).toMatchObject([
    { kind: "fault", id: 7, code: "INTERNAL", reason: "METADATA_TOO_LARGE" },
  ]);
});

test("whoever takes no answers gets a word in place of them", async () => {
  const { peer, channel, run, replies } = open({ isStuck: true });
  // What waits beside the largest message in parts is what counts.
  for (let each = 0; each < 20; each++) replies.result(run, "x".repeat(1_000_000));
  channel.flush();
  const before = channel.unsentBytes;
  expect(before).toBeGreaterThan(limits.maxUnsentReplyBytes);
  expect(before).toBeLessThan(limits.maxUnsentReplyBytes + 1_100_000);
  replies.result(run, "x".repeat(1_000_000));
  expect(channel.unsentBytes - before).toBeLessThan(200);
  expect(peer.messages).toEqual([]);
});

test("a stream's end leaves with its metadata; too many make it a fault", async () => {
  const { peer, run, lines, replies } = open();
  replies.end(run, { cost: "7" });
  replies.end(run, undefined);
  replies.end(run, tooMuch);
  await turn();
  expect(peer.messages).toMatchObject([
    { kind: "end", id: 7, metadata: { cost: "7" } },
    { kind: "end", id: 7, metadata: undefined },
    { kind: "fault", id: 7, code: "INTERNAL", reason: "METADATA_TOO_LARGE", executed: "yes" },
  ]);
  expect(lines.join()).toContain("metadata cannot travel");
});

test("a fault leaves with details and metadata, and without them when they cannot", async () => {
  const { peer, lines, replies } = open();
  const why = (details: unknown): GeeError =>
    new GeeError("ABORTED", "no", { reason: "SOLD_OUT", details, executed: "yes" });
  replies.fault(7, why({ left: 0 }), { cost: "7" });
  replies.fault(8, why({ left: () => 0 }));
  replies.fault(9, why({ left: 0 }), tooMuch);
  await turn();
  const fault = { kind: "fault", code: "ABORTED", reason: "SOLD_OUT", executed: "yes" };
  expect(peer.messages).toMatchObject([
    { ...fault, id: 7, details: { left: 0 }, metadata: { cost: "7" } },
    { ...fault, id: 8, details: undefined, metadata: undefined },
    { ...fault, id: 9, details: undefined, metadata: undefined },
  ]);
  expect(lines.length).toBe(2);
});
