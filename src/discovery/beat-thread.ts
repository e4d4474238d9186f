import type { FromBeatThread, ToBeatThread } from "./beat-messages.ts";

/** What comes from the thread that beats. */
export interface BeatThreadEvents {
  readonly onMessage: (message: FromBeatThread) => void;
  /** It is no more, by its own will or not. `why`: what it failed with, if it did. */
  readonly onEnd: (why: string | undefined) => void;
}

/** The thread that beats, as the main thread sees it. */
export interface BeatThread {
  /** To one that has ended, this says nothing. */
  post(message: ToBeatThread): void;
}

/** Starts such a thread. @throws whatever keeps one from being made */
export type StartBeatThread = (events: BeatThreadEvents) => BeatThread;

/** What Bun says of an error in a worker is the error with the code around it. */
function firstError(text: string): string {
  return /^\w*error: .*/im.exec(text)?.[0] ?? text.split("\n", 1).join();
}

/**
 * A thread of its own, which shares nothing with this one: 2 ms here, 10 there, and 4 to 7 MB. It
 * keeps no process alive. It is never terminated, which Bun calls experimental: it ends when it has
 * withdrawn.
 */
export const startBeatThread: StartBeatThread = ({ onMessage, onEnd }) => {
  // The build puts both files beside one another as well.
  const worker = new Worker(new URL("./beat-worker.ts", import.meta.url), {
    ref: false,
    smol: true,
  });
  let why: string | undefined;
  worker.addEventListener("message", ({ data }: MessageEvent<FromBeatThread>) => onMessage(data));
  worker.addEventListener("error", ({ message }) => {
    why = firstError(message);
  });
  worker.addEventListener("close", () => onEnd(why));
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- it is no window
  return { post: (message) => worker.postMessage(message) };
};
