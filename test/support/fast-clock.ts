import { systemClock } from "../../src/base/time.ts";
import type { Clock } from "../../src/base/time.ts";

/**
 * Real time that runs `factor` times as fast: for what takes seconds by design, beside processes whose
 * time is the usual. All that is counted by it is short by that much, time-outs of dials included.
 */
export function fastClock(factor: number): Clock {
  return {
    now: () => systemClock.now() * factor,
    wall: () => systemClock.wall(),
    after: (delayMs, task, options) => systemClock.after(delayMs / factor, task, options),
    nextPhase: (task) => systemClock.nextPhase(task),
  };
}

/** Real time in which timers of `spanMs` run after `newMs`: for the one thing that takes too long. */
export function shorter(spanMs: number, newMs: number): Clock {
  return {
    ...systemClock,
    after: (delayMs, task, options) =>
      systemClock.after(delayMs === spanMs ? newMs : delayMs, task, options),
  };
}
