import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Channel } from "../wire/channel.ts";
import { kinds } from "../wire/frame.ts";
import { agreedFeatures, methodFlags } from "../wire/hello.ts";
import type { ServerHello } from "../wire/hello.ts";
import { callFlags } from "../wire/message.ts";
import type { Metadata } from "../wire/message.ts";
import type { IdGiver } from "../wire/sender.ts";
import type { CallCarrier } from "./call-request.ts";
import type { OutgoingCall } from "./outgoing-call.ts";
import { KnownMethods } from "./known-methods.ts";
import { Pending } from "./pending.ts";
import { badAnswer, draining, lost } from "./refusals.ts";
import { closingError, startRefusal, unsupported } from "./start-refusal.ts";

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
  readonly #methods: KnownMethods = new KnownMethods();
  #maxInFlight: number = limits.maxInFlight;
  /** The features that both sides know, as bits. */
  #agreed = 0;
  /** The id of the next call; it rises with each. */
  nextId: number;
  /** The call that is being sent. */
  #starting: OutgoingCall | undefined;
  /** The id of the call that is being sent, once its frame has its place in line. */
  #givenId = 0;
  #strays = 0;
  /** One-way calls that were sent. */
  #oneWays = 0;
  /** One-way calls that have not left, in their order. */
  readonly #leaving: Set<OutgoingCall> = new Set();

  constructor(channel: Channel, owner: OpenCallsOwner, firstCallId: number) {
    this.#channel = channel;
    this.#owner = owner;
    this.nextId = firstCallId;
  }

  /** Calls that wait for an answer, or to leave. */
  get size(): number {
    return this.#pending.size + this.#leaving.size;
  }

  /** Ids that the server holds: of calls that wait, and of those that were given up. */
  get held(): number {
    return this.#pending.size + this.#abandoned.size;
  }

  /** Whether fewer are held than half of what the server takes. */
  get hasRoom(): boolean {
    return this.held * 2 < this.#maxInFlight;
  }

  /** The server has said what it takes: how many calls, and which methods by number. */
  greeted(hello: Pick<ServerHello, "maxInFlight" | "services" | "features">): void {
    this.#agreed = agreedFeatures(hello.features);
    this.#maxInFlight = hello.maxInFlight;
    this.#methods.learn(hello.services);
  }

  // -------------------------------------------------------------- sending

  /** Sends a call, `leftMs` before its deadline; it hears of its answer, or of its failure. */
  start(call: OutgoingCall, leftMs: number): void {
    const refusal =
      startRefusal(this.#channel, this.held, this.#maxInFlight) ??
      unsupported(call.request, this.#agreed);
    if (refusal !== undefined) {
      call.fail(refusal);
      return;
    }
    const { request } = call;
    const { stream, limited, oneWay, idleMs } = request;
    const facts = this.#methods.find(request.method);
    const answersStream = ((facts?.flags ?? 0) & methodFlags.answersStream) !== 0;
    const streams = answersStream || stream !== undefined;
    if (answersStream) call.streams();
    let position: number;
    // What is encoded may start another call, which is over when this one goes on.
    const outer = this.#starting;
    this.#starting = call;
    this.#givenId = 0;
    try {
      position = this.#channel.send(
        {
          kind: "call",
          id: 0,
          method: facts?.number ?? request.method,
          timeoutMs:
            streams && !limited
              ? undefined
              : Math.max(0, Math.min(Math.ceil(leftMs), limits.maxTimeoutMs)),
          args: stream === undefined ? request.args : request.args.with(stream.index, null),
          // Also of a method that is not known as a stream: it may answer with one all the same.
          flags: (oneWay ? callFlags.oneWay : 0) | (limited ? callFlags.wholeStream : 0),
          attempt: call.attempt + request.attempt,
          metadata: request.metadata,
          idempotencyKey: request.idempotencyKey,
          streamArgument: stream?.index,
          idleMs: idleMs === limits.streamIdleMs ? undefined : idleMs,
        },
        this,
      );
    } catch (error) {
      call.fail(GeeError.from(error, "no"));
      return;
    } finally {
      this.#starting = outer;
    }
    // Encoding runs the getters of the arguments, and those may have closed the connection or ended
    // the call: then no id was given and nothing is sent.
    const id = this.#givenId;
    this.#givenId = 0;
    if (id === 0) {
      call.fail(closingError(this.#channel));
      return;
    }
    call.carriedBy(this, id, position);
    if (oneWay) {
      this.#oneWays++;
      this.#leaving.add(call);
      // Behind the flush that takes this one along; that of an earlier one may come before it.
      queueMicrotask(this.look);
    } else {
      this.#pending.add(call);
    }
    if (call.hasStreams) call.openedOn(this.#channel);
    // Only now: the owner drains, and would end at once if the call did not wait yet.
    if (this.nextId > lastCallId) this.#owner.idsRanOut();
  }

  /** For the channel, in the midst of `start`: what is encoded may start calls that leave before. */
  giveId(): number {
    if (this.#starting?.settled === true) return 0;
    this.#givenId = this.nextId++;
    return this.#givenId;
  }

  // -------------------------------------------------------------- settling

  /** The call that an answer is for; undefined when nobody waits for it any more. */
  answer(id: number): OutgoingCall | undefined {
    const call = this.#pending.take(id);
    if (call !== undefined) return call;
    if (!this.#abandoned.delete(id)) this.#stray();
    return undefined;
  }

  /**
   * An answer has come, or a piece of one, whose body cannot be read: it fails its call alone. Behind
   * an item or a part there is an answer still to come.
   */
  unreadable(kind: number, id: number, why: string): void {
    const error = badAnswer(why, kind === kinds.fault || kind === kinds.part ? "maybe" : "yes");
    this.#channel.dropUnfinished(id);
    if (kind !== kinds.item && kind !== kinds.part) {
      this.answer(id)?.fail(error);
      return;
    }
    const call = this.open(id);
    if (call === undefined) return;
    this.#giveUp(call, "CANCELLED", error.message);
    call.fail(error);
  }

  abandon(call: OutgoingCall, code: Code, message: string): "no" | "maybe" {
    if (call.request.oneWay) {
      this.#leaving.delete(call);
      const fate = this.#channel.withdraw(call.position);
      if (fate === "cut") this.#sendCancel(call.id, code, message);
      this.#owner.gaveUp();
      return fate === "sent" ? "maybe" : "no";
    }
    if (this.#pending.find(call.id) !== call) return "maybe";
    return this.#giveUp(call, code, message);
  }

  #giveUp(call: OutgoingCall, code: Code, message: string): "no" | "maybe" {
    const { id, position } = call;
    const channel = this.#channel;
    this.#pending.take(id);
    // Asked first: a frame that is taken back leaves all the same, as one that is skipped.
    const left = channel.hasLeft(position);
    if (channel.withdraw(position) !== "unsent" && !channel.finished) {
      // Of a stream argument, what waits to leave is not wanted any more.
      channel.dropUnsent(id);
      this.#sendCancel(id, code, message);
    }
    this.#owner.gaveUp();
    return left ? "maybe" : "no";
  }

  /** The server will answer all the same. */
  #sendCancel(id: number, code: Code, message: string): void {
    this.#abandoned.add(id);
    this.#channel.send({ kind: "cancel", id, code, message });
  }

  // -------------------------------------------------------------- streams

  /** The call that something is for; undefined when nobody waits for it any more. */
  open(id: number): OutgoingCall | undefined {
    const call = this.#pending.find(id);
    if (call === undefined && !this.#abandoned.has(id)) this.#stray();
    return call;
  }

  /**
   * Whether a part of a message of this id is wanted. It is when the call was given up as well:
   * with its last part an answer frees the id.
   */
  takesPart(id: number, first: boolean): boolean {
    if (this.#abandoned.has(id)) return first || this.#channel.isUnfinished(id);
    return this.open(id) !== undefined;
  }

  /** An item of an answer; false when it breaks the protocol. */
  item(id: number, value: unknown, metadata: Metadata | undefined, bytes: number): boolean {
    return this.#pending.find(id)?.item(this.#channel, value, metadata, bytes) ?? true;
  }

  /** More of an argument's items may be sent; false when that is more than there may be. */
  credit(id: number, bytes: number): boolean {
    return this.#pending.find(id)?.credit(bytes) ?? true;
  }

  /** The server wants no more of an argument's items. */
  stopSending(id: number): void {
    this.#pending.find(id)?.stopSending();
  }

  /** A one-way call that was refused has an answer all the same. */
  #stray(): void {
    if (++this.#strays > maxStrays + this.#oneWays) this.#owner.tooManyStrays(maxStrays);
  }

  /** One-way calls that have left are done. */
  readonly look = (): void => {
    const gone: OutgoingCall[] = [];
    for (const call of this.#leaving) {
      if (!this.#channel.hasLeft(call.position)) break;
      gone.push(call);
    }
    for (const call of gone) {
      this.#leaving.delete(call);
      call.succeed(undefined);
    }
    if (gone.length > 0) this.#owner.gaveUp();
  };

  /** The server drains: what it had not accepted goes elsewhere, and the rest is awaited. */
  passedOver(lastAccepted: number): void {
    for (const call of this.#pending.takeAbove(lastAccepted)) {
      this.#abandoned.add(call.id);
      call.fail(draining(this.#channel.link.peer));
    }
  }

  /** The connection is over: whoever still waits fails with the reason. */
  closed(reason: GeeError): void {
    const leaving = [...this.#leaving];
    this.#leaving.clear();
    for (const call of [...leaving, ...this.#pending.takeAbove(0)]) {
      call.fail(lost(reason, this.#channel.hasLeft(call.position) ? "maybe" : "no"));
    }
  }
}
