import { expect, test } from "bun:test";
import { type BeatThread, startBeatThread } from "../../src/discovery/beat-thread.ts";
import { newSecret } from "../../src/discovery/member.ts";
import { announcement } from "../support/registry.ts";

/** A thread that was told to announce something at a URL. */
function begin(url: string): { thread: BeatThread; ended: Promise<string | undefined> } {
  const { promise: ended, resolve } = Promise.withResolvers<string | undefined>();
  const thread = startBeatThread({ onMessage: () => {}, onEnd: resolve });
  const { revision, ...description } = announcement();
  const secret = newSecret();
  thread.post({ kind: "start", urls: [url], description, revision, secret, hungAfterMs: 60_000 });
  return { thread, ended };
}

test("a thread that fails says with what, in a line, and hears nothing any more", async () => {
  const { thread, ended } = begin("nonsense");
  const why = await ended;
  expect(why).toMatch(/^\w*error: .*"nonsense" starts with neither http/i);
  expect(why).not.toContain("\n");
  thread.post({ kind: "withdraw" });
});

test("threads come and go, many at once and one after the other", async () => {
  for (let round = 0; round < 5; round++) {
    const threads = Array.from({ length: 8 }, () => begin("http://127.0.0.1:1"));
    for (const { thread } of threads) thread.post({ kind: "withdraw" });
    const ends = await Promise.all(threads.map(({ ended }) => ended));
    expect(ends).toEqual(Array(8).fill(undefined));
  }
}, 20_000);
