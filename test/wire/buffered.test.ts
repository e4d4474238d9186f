import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { bufferedBytes } from "../../src/wire/buffered.ts";
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

function channelGone(): GeeError {
  return new GeeError("UNAVAILABLE", "gone");
}
