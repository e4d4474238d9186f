import { GeeError } from "../base/errors.ts";
import { systemClock, type Clock } from "../base/time.ts";
import { formatDuration } from "./durations.ts";

/**
 * What takes its own time, cut to the time of the command; the work itself goes on. `failure` says
 * what there is not within that time: `no answer`.
 *
 * @throws GeeError DEADLINE_EXCEEDED, executed no; and what the work throws
 */
export async function within<T>(
  timeoutMs: number,
  failure: string,
  work: Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.after(timeoutMs, () =>
    reject(
      new GeeError("DEADLINE_EXCEEDED", `${failure} within ${formatDuration(timeoutMs)}`, {
        executed: "no",
      }),
    ),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.cancel();
  }
}
