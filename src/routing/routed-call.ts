import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import type { Timer } from "../base/time.ts";
import type { CallRequest } from "../rpc/call-request.ts";
import type { Member } from "../discovery/member.ts";
import { ownerOf } from "../rpc/callable.ts";
import { OutgoingCall } from "../rpc/outgoing-call.ts";
import type { Metadata } from "../wire/message.ts";
import type { Backend } from "./backend.ts";
import type { Choosing, ServiceFleet } from "./service-fleet.ts";

/** A call before it has a server. */
export interface RoutedRequest extends CallRequest, Choosing {
  readonly service: string;
  readonly timeoutMs: number;
  /** It may run more than once, whatever the server says of its method. */
  readonly idempotent: boolean;
  /** A second server is asked when the first takes longer than most calls do. */
  readonly hedge: boolean;
  /** While no server can be reached it waits, until its deadline. */
  readonly waitForReady: boolean;
  /** How often it is sent at the most. */
  readonly maxAttempts: number;
}

/** Who finds the next server for a call. */
export interface CallRouter {
  /** An attempt has failed; true when the call goes on all the same. */
  again(call: RoutedCall, error: GeeError, metadata: Metadata | undefined): boolean;
  /** A call has settled, with its failure if it has failed. */
  settled(call: RoutedCall, error: GeeError | undefined): void;
}

/** Where a call with a key may have run, and nowhere else. */
export interface OnlyOne {
  readonly backend: Backend;
  /** Another process at the same address does not know the key. */
  readonly instance: string | undefined;
  /** Why nobody can tell whether it has run. */
  readonly failure: GeeError;
}

function notInTime(method: string, cause: GeeError): GeeError {
  const { message, hint } = cause;
  return new GeeError("DEADLINE_EXCEEDED", `${method} was not done in time: ${message}`, {
    executed: "no",
    hint,
    cause,
  });
}

/** What a call remembers that did not get its answer at once from the first server that was asked. */
export class Trail {
  /** Who is not to be asked again in this round. */
  readonly tried: Set<Backend> = new Set();
  /** The failure that says most: the first that is not "unreachable", else the first. */
  failure: GeeError | undefined = undefined;
  /** Why it waits for somebody to come, when nobody has failed. */
  absence: GeeError | undefined = undefined;
  /** The most members that failed in one round. */
  failed = 0;
  /** How often it had been sent when this attempt began. */
  sentBefore = 0;
  /** Number of its wait for a connection: what an earlier one waits for does not concern it. */
  dials = 0;
  /** The list was asked for anew because everybody on it had failed. */
  refreshed = false;
  /** It went to its one other member because the first had too much to do, or not the method. */
  movedOn = false;
  /** It is for one member, as in a broadcast, and goes nowhere else. */
  solo = false;
  /** The process that it was sent to last, by its hello; only known of calls with a key. */
  instance: string | undefined = undefined;
  /** The one that may answer: it may have run there, and knows the call's key. */
  only: OnlyOne | undefined = undefined;
  /** How often everybody was tried, and it waited. */
  rounds = 0;
  /** Since when nobody could be reached. */
  lostSince: number | undefined = undefined;
  /** How often it waited before it was sent again. */
  retries = 0;
  /** What it waits for. */
  timer: Timer | undefined = undefined;
  /** Stands for a second call that may answer this one. */
  hedge: Hedged | undefined = undefined;
}

/** A call, and its way through the members. */
export class RoutedCall extends OutgoingCall {
  // Few fields, as each is written for each call: what most calls do not need is in the trail.
  readonly #router: CallRouter;
  // Declared only: defined a second time, it would be written twice for each call.
  declare readonly request: RoutedRequest;
  /** Those among whom it finds its server. */
  fleet: ServiceFleet | undefined = undefined;
  /** Who is being asked; undefined between two attempts. */
  backend: Backend | undefined = undefined;
  /** When it was sent last. */
  sentAt = 0;
  /** Undefined while it has not waited for anything: then all of its time is left. */
  trail: Trail | undefined = undefined;

  constructor(router: CallRouter, request: RoutedRequest, deadlines: Deadlines) {
    super(request, deadlines);
    this.#router = router;
  }

  protected override again(error: GeeError, metadata: Metadata | undefined): boolean {
    return this.#router.again(this, error, metadata);
  }

  protected override onSettled(error: GeeError | undefined): void {
    this.#router.settled(this, error);
  }

  /** The deadline has passed: what was in the way says more than that. */
  override expired(): void {
    const { trail } = this;
    const { hedge } = trail ?? {};
    if (hedge?.failure !== undefined) {
      hedge.second?.abort();
      hedge.second = undefined;
      this.fail(hedge.failure, hedge.metadata);
      return;
    }
    const inTheWay = this.sends === 0 ? (trail?.failure ?? trail?.absence) : undefined;
    if (inTheWay === undefined) super.expired();
    else this.fail(notInTime(this.request.method, inTheWay));
  }

  /** What it remembers, from now on. */
  get memory(): Trail {
    return (this.trail ??= new Trail());
  }

  /** Whether this attempt was sent. */
  get wasSent(): boolean {
    return this.sends > (this.trail?.sentBefore ?? 0);
  }
}

/** Who was asked last for the answer of a call; undefined before anybody was. */
export function memberOf(call: Promise<unknown>): Member | undefined {
  const routed = ownerOf(call);
  return routed instanceof RoutedCall ? routed.backend?.member : undefined;
}

/** The second attempt beside a call's first. */
export interface Hedged {
  /** When it is to start; undefined while nobody knows how long calls take. */
  readonly timer: Timer | undefined;
  /** Ends it; undefined while none is under way. */
  second: AbortController | undefined;
  /** The first attempt has failed for good; it is for the second one to answer. */
  failure: GeeError | undefined;
  /** What came with it. */
  metadata: Metadata | undefined;
}
