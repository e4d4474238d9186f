import { GeeError } from "../base/errors.ts";
import { sleep } from "../base/time.ts";
import type { Clock } from "../base/time.ts";
import type { Member } from "../discovery/member.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { retryDelayMs } from "../fleet/retry-rules.ts";
import { clientClosed } from "../rpc/refusals.ts";
import type { ServiceFleet } from "./service-fleet.ts";
import { within } from "./within.ts";
import type { Patience } from "./within.ts";

/** Whom {@link becomeReady} connects to. */
export interface Readying {
  readonly clock: Clock;
  readonly random: () => number;
  readonly resolver: Resolver;
  /** Aborts when the client is disposed of. */
  readonly closing: AbortSignal;
  /** The members of a list that are wanted. */
  fleetOf(list: readonly Member[]): ServiceFleet;
}

/**
 * Connects to every member that calls may go to, and resolves as soon as one of them takes calls; the
 * others are dialled on. While there is nobody, or nobody can be reached, it tries again.
 *
 * @throws GeeError DEADLINE_EXCEEDED, with the last failure as its cause; CANCELLED by the signal;
 * FAILED_PRECONDITION when the client is disposed of meanwhile
 */
export async function becomeReady(
  { clock, random, resolver, closing, fleetOf }: Readying,
  patience: Patience,
): Promise<void> {
  const over = new AbortController();
  let failure: unknown;
  const dialAll = async (): Promise<void> => {
    for (let round = 1; !over.signal.aborted; round++) {
      try {
        const { chosen } = fleetOf(await resolver.members());
        const dials = chosen.map(async ({ lane }) => await lane.connect());
        await Promise.any(dials);
        return;
      } catch (error) {
        // Of a fleet in which nobody can be reached the first says enough.
        failure = error instanceof AggregateError ? (error.errors[0] ?? failure) : error;
      }
      await resolver.refresh();
      await sleep(clock, retryDelayMs(round, random), { signal: over.signal }).catch(() => {});
    }
  };
  const closed = Promise.withResolvers<never>();
  const onClose = (): void => closed.reject(clientClosed("FAILED_PRECONDITION"));
  closing.addEventListener("abort", onClose, { once: true });
  try {
    await within(clock, patience, Promise.race([dialAll(), closed.promise]), "no server was ready");
  } catch (thrown) {
    const error = GeeError.from(thrown, "no");
    const why = failure === undefined ? undefined : GeeError.from(failure).message;
    if (error.code !== "DEADLINE_EXCEEDED" || why === undefined) throw error;
    throw new GeeError(error.code, `${error.message}: ${why}`, { executed: "no", cause: failure });
  } finally {
    closing.removeEventListener("abort", onClose);
    over.abort();
  }
}
