import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/time.ts";
import { Channel } from "../wire/channel.ts";
import type { ChannelOwner } from "../wire/channel.ts";
import { errorOf } from "../wire/fault.ts";
import { kinds } from "../wire/frame.ts";
import { agreedFeatures, features } from "../wire/hello.ts";
import type { ServerHello } from "../wire/hello.ts";
import type { Link } from "../wire/link.ts";
import type { Message } from "../wire/message.ts";
import { Controls } from "./control-budget.ts";
import { createCallerHello, refusalOfServer } from "./greeting.ts";
import { Keepalive } from "./keepalive.ts";
import { LinkWatch } from "./link-watch.ts";
import { OpenCalls } from "./open-calls.ts";
import type { OpenCallsOwner } from "./open-calls.ts";
import type { OutgoingCall } from "./outgoing-call.ts";
import { brokenBy, helloTimeout, notGreeted, unsupportedKind } from "./refusals.ts";
import { takeAnswer } from "./take-answer.ts";
import type { AnswerMessage } from "./take-answer.ts";
import { closingError } from "./start-refusal.ts";

/** What a connection needs beside its link. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** The largest message that is accepted. */
  readonly maxMessageBytes: number;
  /** The instance that is meant; undefined when any will do. */
  readonly instance: string | undefined;
  /** Default 1; later ids are for tests of what happens near the last one. */
  readonly firstCallId?: number | undefined;
}

/**
 * The calling end of a connection: its states, and what a message means in each. The calls
 * themselves, from their ids to their answers, are in `OpenCalls`.
 *
 * - greeting: our hello has left, the server's is awaited. No call is sent.
 * - ready: calls go out.
 * - draining: no further calls; those in flight are awaited, then the link closes. Entered when the
 *   server drains, when ids run out, and by `drain`.
 * - closed: everything that was in flight has failed with the first reason.
 */
export class Connection implements ChannelOwner, OpenCallsOwner {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Whether the server has been silent for too long, and still is. */
  isStale = false;
  /** Settles when the greeting is over; rejects with GeeError, executed no. */
  readonly ready: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #calls: OpenCalls;
  #state: "greeting" | "ready" | "draining" | "closed" = "greeting";
  #hello: ServerHello | undefined;
  #refusal: GeeError | undefined;
  readonly #helloTimer: Timer;
  readonly #watch: LinkWatch;
  #controls: Controls | undefined;
  /** Made when the greeting is over. */
  #keepalive: Keepalive | undefined;
  /** The features that both sides know, as bits. */
  #agreed = 0;
  readonly #greeting: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(link: Link, options: ConnectionOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.deadlines = options.deadlines;
    this.ready = this.#greeting.promise;
    // Whoever opened the connection awaits it; one that nobody awaits any more may fail unseen.
    this.ready.catch(() => {});
    this.channel = new Channel(link, this, "server", limits.maxServerHelloBytes);
    this.#calls = new OpenCalls(this.channel, this, options.firstCallId ?? 1);
    this.#watch = new LinkWatch(this.channel, options.clock, options.deadlines);
    this.channel.send({ kind: "callerHello", id: 0, hello: createCallerHello(options) });
    this.#helloTimer = options.clock.after(limits.helloTimeoutMs, () => {
      this.channel.close(helloTimeout(link.peer));
    });
  }

  /** What the server said of itself; undefined while greeting. */
  get hello(): ServerHello | undefined {
    return this.#hello;
  }

  /** Whether it is still greeting or ready: worth keeping. */
  get usable(): boolean {
    return this.#state === "greeting" || this.#state === "ready";
  }

  /** Calls that wait for an answer. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /** Ids that the server holds, those of calls that were given up included; and the next one. */
  get ids(): { readonly held: number; readonly nextId: number } {
    return this.#calls;
  }

  /** Whether it takes a call now, and is not half full of calls yet. */
  get hasRoom(): boolean {
    return this.#state === "ready" && this.#calls.hasRoom;
  }

  /** Settles when the connection is closed, for whatever reason. */
  get closedPromise(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Sends a call; it hears of its answer, or of its failure. `leftMs` is what is left of its deadline,
   * for those who know without looking at the clock.
   */
  start(call: OutgoingCall, leftMs: number = call.deadlineAt - this.clock.now()): void {
    if (this.#state === "ready") this.#calls.start(call, leftMs);
    else call.fail(closingError(this.channel));
  }

  idsRanOut(): void {
    this.drain();
  }

  tooManyStrays(allowed: number): void {
    this.#protocolError(`${allowed} answers to calls that were not open`);
  }

  gaveUp(): void {
    this.#drained();
  }

  // -------------------------------------------------------------- messages

  message(message: Message): void {
    if (message.kind === "fault" && message.id === 0) {
      this.#refusal = errorOf(message);
      this.channel.close(this.#refusal);
      return;
    }
    if (this.#state === "greeting") {
      if (message.kind === "serverHello") this.#greeted(message.hello);
      else this.#protocolError(`${message.kind} before the server's hello`);
      return;
    }
    switch (message.kind) {
      case "ping":
        (this.#controls ??= new Controls(this.channel, this.clock)).answer(message.token);
        break;
      case "pong":
        break;
      case "drain":
        if (this.#state === "ready") this.#state = "draining";
        this.#calls.passedOver(message.lastCallId);
        break;
      case "item":
      case "end":
      case "credit":
      case "cancel":
        if (this.#knows(features.streams)) this.#take(message);
        else this.channel.refuse(unsupportedKind(message.kind));
        break;
      case "result":
      case "fault":
        this.#take(message);
        break;
      default:
        this.#protocolError(`${message.kind} from a server`);
    }
    this.#drained();
  }

  #knows(feature: number): boolean {
    return (this.#agreed & feature) !== 0;
  }

  #take(message: AnswerMessage): void {
    const broken = takeAnswer(message, this.#calls);
    if (broken !== undefined) this.#protocolError(broken);
  }

  badBody(kind: number, id: number, why: string): void {
    if (this.#state === "greeting" || kind === kinds.call) {
      this.#protocolError(`kind ${kind} that cannot be read: ${why}`);
      return;
    }
    const needed = kind === kinds.part ? features.parts : features.streams;
    if (kind !== kinds.result && kind !== kinds.fault && !this.#knows(needed)) {
      this.channel.refuse(unsupportedKind(`kind ${kind}`));
      return;
    }
    this.#calls.unreadable(kind, id, why);
    this.#drained();
  }

  #greeted(hello: ServerHello): void {
    const refused = refusalOfServer(hello, this.#options.instance, this.channel.link.peer);
    if (refused !== undefined) {
      this.channel.refuse(refused);
      return;
    }
    this.#helloTimer.cancel();
    this.#hello = hello;
    this.#state = "ready";
    this.#calls.greeted(hello);
    this.#agreed = agreedFeatures(hello.features);
    const parts = this.#knows(features.parts);
    this.channel.greeted(this.#options.maxMessageBytes, hello.maxMessageBytes, parts);
    this.#keepalive = new Keepalive(this);
    this.#greeting.resolve();
  }

  #protocolError(what: string): void {
    this.channel.refuse(brokenBy(this.channel.link.peer, what));
  }

  readEnd(): void {
    this.#keepalive?.heard();
    this.#watch.read();
  }

  blocked(): void {
    this.#watch.waiting();
  }

  drained(): void {
    this.#calls.look();
    this.#watch.waiting();
  }

  /** A calling side always reads. */
  paused(): void {}
  resumed(): void {}

  turnsAway(kind: number, id: number): boolean {
    if (kind !== kinds.item || id === 0 || !this.#knows(features.streams)) return false;
    return this.#calls.open(id) === undefined;
  }

  takesPart(id: number, first: boolean): boolean {
    const isGreeting = this.#state === "greeting";
    if (!isGreeting && !this.#knows(features.parts)) this.channel.refuse(unsupportedKind("part"));
    else if (isGreeting || id === 0) this.#protocolError("a part of no call");
    else return this.#calls.takesPart(id, first);
    return false;
  }

  send(token: number): void {
    this.channel.send({ kind: "ping", id: 0, token });
  }

  /** The server is silent: others get the further calls, and those in flight have their time. */
  stale(): void {
    this.isStale = true;
    this.drain();
  }

  revived(): void {
    this.isStale = false;
  }
  // -------------------------------------------------------------- ending

  /** Takes no further calls, and closes once those in flight are answered. */
  drain(): void {
    if (this.#state !== "ready") return;
    this.#state = "draining";
    this.#drained();
  }

  #drained(): void {
    if (this.#state !== "draining" || this.#calls.size > 0) return;
    const why = new GeeError("UNAVAILABLE", "drained", { reason: "DRAINED", executed: "no" });
    // What waits unsent now belongs to calls that were given up: nobody waits for a peer to take it.
    this.channel.flush();
    if (this.channel.unsentBytes > 0) this.channel.close(why);
    else this.channel.end(why);
  }

  /** What is in flight fails. */
  close(why: GeeError): void {
    this.channel.close(why);
  }

  closed(why: GeeError): void {
    if (this.#state === "closed") return;
    const isGreeting = this.#state === "greeting";
    this.#state = "closed";
    this.#helloTimer.cancel();
    this.#keepalive?.close();
    this.#watch.closed();
    const reason = this.#refusal ?? why;
    if (isGreeting) this.#greeting.reject(notGreeted(reason, this.channel.link.peer));
    this.#calls.closed(reason);
    this.#closed.resolve();
  }
}
