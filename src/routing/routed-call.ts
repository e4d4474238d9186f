import type { Deadlines } from "../base/deadlines.ts";
import type { GeeError } from "../base/errors.ts";
import type { Member } from "../discovery/member.ts";
import { OutgoingCall } from "../rpc/outgoing-call.ts";
import type { CallRequest } from "../rpc/call-request.ts";
import type { Wanted } from "./candidates.ts";

/** A call before it has a server. */
export interface RoutedRequest extends CallRequest, Wanted {
  readonly timeoutMs: number;
}

/** Who finds the next server for a call. */
export interface CallRouter {
  /** An attempt has failed; true when another is under way. */
  again(call: RoutedCall, error: GeeError): boolean;
  /** A call has settled. */
  settled(): void;
}

/** What tells members apart for one call. */
export function keyOf(member: Member): string {
  return `${member.address} ${member.id ?? ""}`;
}

/** A call, and its way through the candidates. */
export class RoutedCall extends OutgoingCall {
  readonly #router: CallRouter;
  // Declared only: defined a second time, it would be written twice for each call.
  declare readonly request: RoutedRequest;
  candidates: readonly Member[];
  /** Where among the candidates it began. */
  start = 0;
  /** Who was tried, by {@link keyOf}. Made when the first attempt has failed. */
  tried: Set<string> | undefined = undefined;
  current: Member | undefined = undefined;
  /** It has not waited for anything yet, so all of its time is left. */
  fresh = true;
  /** The list was asked for anew because everybody on it had failed. */
  refreshed: boolean;
  /** The failure that says most: the first that is not "unreachable", else the first. */
  failure: GeeError | undefined = undefined;

  constructor(
    router: CallRouter,
    request: RoutedRequest,
    deadlines: Deadlines,
    candidates: readonly Member[],
    refreshed: boolean,
  ) {
    super(request, deadlines);
    this.#router = router;
    this.candidates = candidates;
    this.refreshed = refreshed;
  }

  protected override again(error: GeeError): boolean {
    return this.#router.again(this, error);
  }

  protected override onSettled(): void {
    this.#router.settled();
  }

  /** Who is left to try, in order. */
  untried(): readonly Member[] {
    const { tried, candidates } = this;
    return tried === undefined
      ? candidates
      : candidates.filter((member) => !tried.has(keyOf(member)));
  }
}
