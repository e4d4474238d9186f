import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Channel, IdGiver } from "../wire/channel.ts";
import { kinds } from "../wire/frame.ts";
import type { ServerHello } from "../wire/hello.ts";
import type { CallCarrier, OutgoingCall } from "./outgoing-call.ts";
import { Pending } from "./pending.ts";
import { closingError, startRefusal } from "./start-refusal.ts";

/** A caller whose next id would pass this opens another connection. */
const lastCallId = 2 ** 32 - 2 ** 16;
/** Answers to calls that were never opened, or were answered before, until the link is cut. */
const maxStrays = 100;

/** What the open calls tell the connection that they are open on. */
export interface OpenCallsOwner {
  /** The last id is given, to a call that is open now; no further call is to be started. */
  idsRanOut(): void;
  /** The server has answered more than `allowed` calls that were not open. */
  tooManyStrays(allowed: number): void;
  /** A call was given up, maybe the last that waited for an answer. */
  gaveUp(): void;
}

/**
 * The calls that are open on one connection, from the moment when the frame of one has its place in
 * line. A call is in one of two tables:
 *
 * - pending: it waits for its answer. Whoever takes it out settles it.
 * - abandoned: nobody waits any more, and the server has its id until it answers.
 *
 * Whether calls may be started at all and when the connection ends is its owner's to say: `greeted`
 * comes first, then `start` until it drains, and `closed` last. The owner hears of what these calls
 * find out about the connection, and only when their tables are in order again.
 */
export class OpenCalls implements CallCarrier, IdGiver {
  readonly #channel: Channel;
  readonly #owner: OpenCallsOwner;
  readonly #pending: Pending<OutgoingCall> = new Pending();
  /** Calls that we gave up and whose answer, which frees their id at the server, is to come. */
  readonly #abandoned: Set<number> = new Set();
  /** Method name to what stands for it on this connection. */
  readonly #methods: Map<string, number> = new Map();
  #services: ServerHello["services"] = new Map();
  #maxInFlight: number = limits.maxInFlight;
  #nextId: number;
  /** The id of the call that is being sent, once its frame has its place in line. */
  #givenId = 0;
  #strays = 0;

  constructor(channel: Channel, owner: OpenCallsOwner, firstCallId: number) {
    this.#channel = channel;
    this.#owner = owner;
    this.#nextId = firstCallId;
  }

  /** Calls that wait for an answer. */
  get size(): number {
    return this.#pending.size;
  }

  /** The server has said what it takes: how many calls, and which methods by number. */
  greeted(hello: Pick<ServerHello, "maxInFlight" | "services">): void {
    this.#maxInFlight = hello.maxInFlight;
    this.#services = hello.services;
  }

  // -------------------------------------------------------------- sending

  /** Sends a call, `leftMs` before its deadline; it hears of its answer, or of its failure. */
  start(call: OutgoingCall, leftMs: number): void {
    const inFlight = this.#pending.size + this.#abandoned.size;
    const refusal = startRefusal(this.#channel, inFlight, this.#maxInFlight);
    if (refusal !== undefined) {
      call.fail(refusal);
      return;
    }
    const { method, args, metadata } = call.request;
    let position: number;
    this.#givenId = 0;
    try {
      position = this.#channel.send(
        {
          kind: "call",
          id: 0,
          method: this.#methods.get(method) ?? this.#methodOf(method),
          timeoutMs: Math.max(0, Math.min(Math.ceil(leftMs), limits.maxTimeoutMs)),
          args,
          flags: 0,
          attempt: call.attempt,
          metadata,
          idempotencyKey: undefined,
          streamArgument: undefined,
        },
        this,
      );
    } catch (error) {
      call.fail(GeeError.from(error, "no"));
      return;
    }
    // Encoding runs the getters of the arguments, and those may have closed the connection (then no
    // id was given) or ended the call.
    const id = this.#givenId;
    this.#givenId = 0;
    if (id === 0) {
      call.fail(closingError(this.#channel));
      return;
    }
    if (call.settled) {
      this.#channel.withdraw(position);
      return;
    }
    call.carriedBy(this, id, position);
    this.#pending.add(call);
    // Only now: the owner drains, and would end at once if the call did not wait yet.
    if (this.#nextId > lastCallId) this.#owner.idsRanOut();
  }

  /** For the channel, in the midst of `start`: what is encoded may start calls that leave before. */
  giveId(): number {
    this.#givenId = this.#nextId++;
    return this.#givenId;
  }

  #methodOf(name: string): number | string {
    const dot = name.indexOf(".");
    const service = this.#services.get(name.slice(0, dot));
    const method = service?.methods.get(name.slice(dot + 1))?.number ?? name;
    // Only what the server listed is remembered, so a caller's own names cannot fill the map.
    if (typeof method === "number") this.#methods.set(name, method);
    return method;
  }

  // -------------------------------------------------------------- settling

  /** The call that an answer is for; undefined when nobody waits for it any more. */
  answer(id: number): OutgoingCall | undefined {
    const call = this.#pending.take(id);
    if (call !== undefined) return call;
    if (!this.#abandoned.delete(id) && ++this.#strays > maxStrays) {
      this.#owner.tooManyStrays(maxStrays);
    }
    return undefined;
  }

  /** An answer has come, a result or a fault, whose body cannot be read: it fails its call alone. */
  unreadable(kind: number, id: number, why: string): void {
    const executed = kind === kinds.result ? "yes" : "maybe";
    this.answer(id)?.fail(
      new GeeError("INTERNAL", `an answer that cannot be read: ${why}`, {
        reason: "BAD_BODY",
        executed,
      }),
    );
  }

  abandon(call: OutgoingCall, code: Code, message: string): "no" | "maybe" {
    if (this.#pending.take(call.id) === undefined) return "maybe";
    // Asked first: a frame that is taken back leaves all the same, as one that is skipped.
    const left = this.#channel.hasLeft(call.position);
    if (!this.#channel.withdraw(call.position) && !this.#channel.finished) {
      this.#abandoned.add(call.id);
      this.#channel.send({ kind: "cancel", id: call.id, code, message });
    }
    this.#owner.gaveUp();
    return left ? "maybe" : "no";
  }

  /** The server drains: what it had not accepted goes elsewhere, and the rest is awaited. */
  passedOver(lastAccepted: number): void {
    for (const call of this.#pending.takeAbove(lastAccepted)) {
      this.#abandoned.add(call.id);
      call.fail(
        new GeeError("UNAVAILABLE", `${this.#channel.link.peer} is shutting down`, {
          reason: "DRAINING",
          executed: "no",
        }),
      );
    }
  }

  /** The connection is over: whoever still waits fails with the reason. */
  closed(reason: GeeError): void {
    for (const call of this.#pending.takeAbove(0)) {
      const executed = this.#channel.hasLeft(call.position) ? "maybe" : "no";
      call.fail(
        new GeeError("UNAVAILABLE", reason.message, {
          reason: reason.reason,
          executed,
          cause: reason,
        }),
      );
    }
  }
}
