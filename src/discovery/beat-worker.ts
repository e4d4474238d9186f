// The thread that beats for a server: where `beat-thread.ts` starts it, and an entry point of the
// executable. It ends by itself: when nothing listens any more, the thread has nothing to do.

import { systemClock } from "../base/time.ts";
import { BeatDesk } from "./beat-desk.ts";
import type { ToBeatThread } from "./beat-messages.ts";

declare const self: Worker;

let desk: BeatDesk | undefined;

function take({ data: message }: MessageEvent<ToBeatThread>): void {
  if (message.kind !== "start") {
    desk?.take(message);
    return;
  }
  desk = new BeatDesk(message, {
    clock: systemClock,
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- it is no window
    post: (said) => self.postMessage(said),
    onEnd: () => self.removeEventListener("message", take),
  });
}

self.addEventListener("message", take);
