import { ReceiveWindow, windowLimits } from "../../src/streams/window.ts";

/** A stream over a link, by its speeds; what is left out takes no time. */
export interface Simulation {
  readonly roundTripMs: number;
  /** Added to a round trip at the most, differently each time and the same in each run. */
  readonly jitterMs?: number;
  readonly linkBytesPerMs?: number;
  readonly sourceBytesPerMs?: number;
  readonly consumerBytesPerMs?: number | ((now: number) => number);
  readonly itemBytes?: number;
  readonly mayGrow?: () => boolean;
  readonly forMs: number;
}

/** What came of it. */
export interface Simulated {
  /** The window at the end, and at its largest. */
  readonly window: number;
  readonly largestWindow: number;
  readonly largestQueue: number;
  /** What the consumer took in the second half of the time. */
  readonly bytesPerMs: number;
}

interface Event {
  readonly at: number;
  readonly run: () => void;
}

/** Events in the order of their times: a heap. */
class Events {
  readonly #heap: Event[] = [];

  add(at: number, run: () => void): void {
    const heap = this.#heap;
    let index = heap.push({ at, run }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.at <= at) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = { at, run };
  }

  take(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

/** Runs a stream from a sender that keeps to its credit to a consumer that takes what it can. */
export function simulate(simulation: Simulation): Simulated {
  const { roundTripMs, jitterMs = 0, forMs, itemBytes = 1_024 } = simulation;
  const { linkBytesPerMs = Number.POSITIVE_INFINITY } = simulation;
  const { sourceBytesPerMs = Number.POSITIVE_INFINITY } = simulation;
  const { consumerBytesPerMs = Number.POSITIVE_INFINITY } = simulation;
  const events = new Events();
  let now = 0;
  const window = new ReceiveWindow({
    now: () => now,
    mayGrow: simulation.mayGrow ?? ((): boolean => true),
  });
  let largestWindow = window.windowBytes;
  let largestQueue = 0;
  let credit: number = windowLimits.initialWindowBytes;
  let sending = false;
  let queued = 0;
  let busy = false;
  let waits = true;
  let takenInHalf = 0;
  let seed = 1;
  // Frames do not overtake each other.
  let arrivedAt = 0;
  const wayMs = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return (roundTripMs + jitterMs * (seed / 2 ** 31)) / 2;
  };

  const send = (): void => {
    if (sending || credit <= 0) return;
    sending = true;
    // The next item is there when its source has made it and the link has taken the one before.
    const sendMs = Math.max(itemBytes / linkBytesPerMs, itemBytes / sourceBytesPerMs);
    events.add(now + sendMs, () => {
      sending = false;
      credit -= itemBytes;
      arrivedAt = Math.max(arrivedAt, now + wayMs());
      events.add(arrivedAt, arrive);
      send();
    });
  };
  const arrive = (): void => {
    if (!window.spend(itemBytes)) throw new Error("the sender had no credit");
    largestWindow = Math.max(largestWindow, window.windowBytes);
    queued += itemBytes;
    largestQueue = Math.max(largestQueue, queued);
    take();
  };
  const take = (): void => {
    if (busy) return;
    if (queued === 0) {
      if (!waits) window.starved();
      waits = true;
      return;
    }
    busy = true;
    waits = false;
    queued -= itemBytes;
    if (now > forMs / 2) takenInHalf += itemBytes;
    const granted = window.consumed(itemBytes);
    if (granted > 0) {
      events.add(now + wayMs(), () => {
        credit += granted;
        send();
      });
    }
    const speed =
      typeof consumerBytesPerMs === "number" ? consumerBytesPerMs : consumerBytesPerMs(now);
    events.add(now + itemBytes / speed, () => {
      busy = false;
      take();
    });
  };

  window.starved();
  send();
  for (let event = events.take(); event !== undefined && event.at <= forMs;) {
    now = event.at;
    event.run();
    event = events.take();
  }
  return {
    window: window.windowBytes,
    largestWindow,
    largestQueue,
    bytesPerMs: takenInHalf / (forMs / 2),
  };
}
