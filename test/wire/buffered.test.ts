import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { bufferedBytes, countBuffered, roomFor } from "../../src/wire/buffered.ts";
import { frameOf } from "../support/scripted-peer.ts";
import { openBench } from "./recorder.ts";

const result = frameOf({
  kind: "result",
  id: 1,
  value: new Uint8Array(300_000),
  metadata: undefined,
});

test("bytes that wait to be sent are counted until they are taken, or lost", () => {
  const before = bufferedBytes();
  const { channel } = openBench({ own: { maxTakenBytes: 1 } });
  channel.send({ kind: "result", id: 1, value: new Uint8Array(50_000), metadata: undefined });
  expect(bufferedBytes() - before).toBeGreaterThan(50_000);
  channel.flush();
  expect(bufferedBytes() - before).toBeGreaterThan(49_000);
  channel.link.close();
  channel.close(channelGone());
  expect(bufferedBytes()).toBe(before);
});

test("a frame that is incomplete counts with what it holds, until it is whole or lost", () => {
  const before = bufferedBytes();
  const whole = openBench({ from: "server" });
  whole.channel.data(result.subarray(0, 200_000));
  expect(bufferedBytes() - before).toBeGreaterThanOrEqual(200_000);
  whole.channel.data(result.subarray(200_000));
  expect(bufferedBytes()).toBe(before);
  expect(whole.owner.messages.length).toBe(1);

  const lost = openBench({ from: "server" });
  lost.channel.data(result.subarray(0, 200_000));
  lost.channel.close(channelGone());
  expect(bufferedBytes()).toBe(before);
});

test("room is made once for most messages, and in small steps when much waits in the process", () => {
  const before = bufferedBytes();
  const plenty = limits.maxBufferedBytes / 4;
  for (const [waiting, total, have, room] of [
    [0, 1_000_000, 65_536, 1_000_000],
    [0, 4_000_000, 65_536, 2_097_152],
    [0, 100, 1, 32],
    [plenty - 1_000_000, 1_000_000, 65_536, 1_000_000],
    [plenty - 999_999, 1_000_000, 65_536, 262_144],
    [plenty, 100_000, 65_536, 100_000],
    [plenty, 8_000_000, 1_048_575, 4_194_300],
    [plenty, 8_000_000, 1_048_576, 2_097_152],
  ] as const) {
    countBuffered(waiting - before);
    expect([waiting, roomFor(total, have)]).toEqual([waiting, room]);
    countBuffered(before - waiting);
  }
});

function channelGone(): GeeError {
  return new GeeError("UNAVAILABLE", "gone");
}
