import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/time.ts";
import { Channel } from "../wire/channel.ts";
import type { ChannelOwner } from "../wire/channel.ts";
import { errorOf } from "../wire/fault.ts";
import { kinds } from "../wire/frame.ts";
import { protocolVersion } from "../wire/hello.ts";
import type { ServerHello } from "../wire/hello.ts";
import type { Link } from "../wire/link.ts";
import type { FaultMessage, Message } from "../wire/message.ts";
import { ControlBudget, tooManyControls } from "./control-budget.ts";
import { LinkWatch } from "./link-watch.ts";
import { OpenCalls } from "./open-calls.ts";
import type { OpenCallsOwner } from "./open-calls.ts";
import type { OutgoingCall } from "./outgoing-call.ts";
import { helloTimeout, unsupportedKind, wrongInstance } from "./refusals.ts";
import { closingError } from "./start-refusal.ts";

/** What a connection needs beside its link. */
export interface ConnectionOptions {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
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
  /** Settles when the greeting is over; rejects with GeeError, executed no. */
  readonly ready: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #calls: OpenCalls;
  #state: "greeting" | "ready" | "draining" | "closed" = "greeting";
  #hello: ServerHello | undefined;
  #refusal: GeeError | undefined;
  readonly #helloTimer: Timer;
  readonly #watch: LinkWatch;
  #controls: ControlBudget | undefined;
  readonly #greeting: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(link: Link, options: ConnectionOptions) {
    this.#options = options;
    this.ready = this.#greeting.promise;
    // Whoever opened the connection awaits it; one that nobody awaits any more may fail unseen.
    this.ready.catch(() => {});
    this.channel = new Channel(link, this, "server", limits.maxServerHelloBytes);
    this.#calls = new OpenCalls(this.channel, this, options.firstCallId ?? 1);
    this.#watch = new LinkWatch(this.channel, options.clock, options.deadlines);
    this.channel.send({
      kind: "callerHello",
      id: 0,
      hello: {
        version: protocolVersion,
        features: [],
        maxMessageBytes: limits.maxMessageBytes,
        instance: options.instance,
      },
    });
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

  /** Settles when the connection is closed, for whatever reason. */
  get closedPromise(): Promise<void> {
    return this.#closed.promise;
  }

  // -------------------------------------------------------------- calls

  /**
   * Sends a call; it hears of its answer, or of its failure. The connection must be ready. `leftMs` is
   * what is left of its deadline, for those who know without looking at the clock.
   */
  start(call: OutgoingCall, leftMs: number = call.deadlineAt - this.#options.clock.now()): void {
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
      this.#connectionFault(message);
      return;
    }
    if (this.#state === "greeting") {
      if (message.kind === "serverHello") this.#greeted(message.hello);
      else this.#protocolError(`${message.kind} before the server's hello`);
      return;
    }
    switch (message.kind) {
      case "result":
        this.#calls.answer(message.id)?.succeed(message.value);
        break;
      case "fault":
        this.#calls.answer(message.id)?.fail(errorOf(message));
        break;
      case "ping":
        this.#controls ??= new ControlBudget();
        if (this.#controls.spend(this.#options.clock.now())) {
          this.channel.send({ kind: "pong", id: 0, token: message.token });
        } else {
          this.channel.refuse(tooManyControls());
        }
        break;
      case "pong":
        break;
      case "drain":
        if (this.#state === "ready") this.#state = "draining";
        this.#calls.passedOver(message.lastCallId);
        break;
      case "part":
      case "item":
      case "end":
      case "credit":
        this.channel.refuse(unsupportedKind(message.kind));
        break;
      case "call":
      case "cancel":
      case "callerHello":
      case "serverHello":
        this.#protocolError(`${message.kind} from a server`);
        break;
      default:
        message satisfies never;
    }
    this.#drained();
  }

  badBody(kind: number, id: number, why: string): void {
    if (this.#state === "greeting") {
      this.#protocolError("a call's answer before the server's hello");
      return;
    }
    if (kind !== kinds.result && kind !== kinds.fault) {
      this.channel.refuse(unsupportedKind(`kind ${kind}`));
      return;
    }
    this.#calls.unreadable(kind, id, why);
    this.#drained();
  }

  #greeted(hello: ServerHello): void {
    const wanted = this.#options.instance;
    if (wanted !== undefined && hello.instance !== wanted) {
      this.channel.refuse(wrongInstance());
      return;
    }
    if (hello.version !== protocolVersion) {
      this.#protocolError(`version ${hello.version}, which was not offered`);
      return;
    }
    this.#helloTimer.cancel();
    this.#hello = hello;
    this.#state = "ready";
    this.#calls.greeted(hello);
    this.channel.peerMaxMessageBytes = hello.maxMessageBytes;
    this.channel.acceptMessages(limits.maxMessageBytes);
    this.#greeting.resolve();
  }

  #connectionFault(fault: FaultMessage): void {
    this.#refusal = errorOf(fault);
    this.channel.close(this.#refusal);
  }

  #protocolError(what: string): void {
    this.channel.refuse(
      new GeeError("INTERNAL", `protocol error of ${this.channel.link.peer}: ${what}`, {
        reason: "PROTOCOL_ERROR",
      }),
    );
  }

  readEnd(): void {
    this.#watch.read();
  }

  blocked(): void {
    this.#watch.waiting();
  }

  drained(): void {
    this.#watch.waiting();
  }

  /** A calling side always reads, and nobody calls it. */
  paused(): void {}

  resumed(): void {}

  turnsAway(): boolean {
    return false;
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

  /** Closes now; what is in flight fails. */
  close(why: GeeError): void {
    this.channel.close(why);
  }

  closed(why: GeeError): void {
    if (this.#state === "closed") return;
    const wordless = this.#state === "greeting" && why.reason === "CONNECTION_LOST";
    this.#state = "closed";
    this.#helloTimer.cancel();
    this.#watch.closed();
    const reason = this.#refusal ?? why;
    this.#greeting.reject(
      wordless && this.#refusal === undefined
        ? new GeeError("UNAVAILABLE", `${this.channel.link.peer} closed without a hello`, {
            reason: "NO_HELLO",
            executed: "no",
            cause: why,
          })
        : new GeeError("UNAVAILABLE", reason.message, {
            reason: reason.reason,
            executed: "no",
            cause: reason,
          }),
    );
    this.#calls.closed(reason);
    this.#closed.resolve();
  }
}
