import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/time.ts";
import { Channel } from "../wire/channel.ts";
import type { ChannelOwner, IdGiver } from "../wire/channel.ts";
import { errorOf } from "../wire/fault.ts";
import { kinds } from "../wire/frame.ts";
import { protocolVersion } from "../wire/hello.ts";
import type { ServerHello } from "../wire/hello.ts";
import type { Link } from "../wire/link.ts";
import type { FaultMessage, Message } from "../wire/message.ts";
import { ControlBudget, tooManyControls } from "./control-budget.ts";
import { LinkWatch } from "./link-watch.ts";
import type { CallCarrier, OutgoingCall } from "./outgoing-call.ts";
import { Pending } from "./pending.ts";
import { helloTimeout, unsupportedKind, wrongInstance } from "./refusals.ts";
import { closingError, startRefusal } from "./start-refusal.ts";

/** A caller whose next id would pass this opens another connection. */
const lastCallId = 2 ** 32 - 2 ** 16;
/** Answers to calls that were never opened, or were answered before, until the link is cut. */
const maxStrays = 100;

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
 * The calling end of a connection.
 *
 * - greeting: our hello has left, the server's is awaited. No call is sent.
 * - ready: calls go out.
 * - draining: no further calls; those in flight are awaited, then the link closes. Entered when the
 *   server drains, when ids run out, and by `drain`.
 * - closed: everything that was in flight has failed with the first reason.
 */
export class Connection implements ChannelOwner, CallCarrier, IdGiver {
  readonly channel: Channel;
  /** Settles when the greeting is over; rejects with GeeError, executed no. */
  readonly ready: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #pending: Pending<OutgoingCall> = new Pending();
  /** Calls that we gave up and whose answer, which frees their id at the server, is to come. */
  readonly #abandoned: Set<number> = new Set();
  /** Method name to what stands for it on this connection. */
  readonly #methods: Map<string, number | string> = new Map();
  #state: "greeting" | "ready" | "draining" | "closed" = "greeting";
  #hello: ServerHello | undefined;
  #nextId: number;
  /** The id of the call that is being sent, once its frame has its place in line. */
  #givenId = 0;
  #strays = 0;
  #refusal: GeeError | undefined;
  readonly #helloTimer: Timer;
  readonly #watch: LinkWatch;
  #controls: ControlBudget | undefined;
  #becameReady: () => void;
  #failedReady: (error: GeeError) => void;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(link: Link, options: ConnectionOptions) {
    this.#options = options;
    this.#nextId = options.firstCallId ?? 1;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    // Whoever opened the connection awaits it; one that nobody awaits any more may fail unseen.
    promise.catch(() => {});
    this.#becameReady = resolve;
    this.#failedReady = reject;
    this.channel = new Channel(link, this, "server", limits.maxServerHelloBytes);
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
    return this.#pending.size;
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
    const refusal = this.#cannotStart();
    if (refusal !== undefined) {
      call.fail(refusal);
      return;
    }
    const { method, args, metadata } = call.request;
    let position: number;
    this.#givenId = 0;
    try {
      position = this.channel.send(
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
    // Encoding runs the getters of the arguments, and those may have closed this (then no id was
    // given) or ended the call.
    const id = this.#givenId;
    this.#givenId = 0;
    if (id === 0) {
      call.fail(closingError(this.channel));
      return;
    }
    if (call.settled) {
      this.channel.withdraw(position);
      return;
    }
    call.carriedBy(this, id, position);
    this.#pending.add(call);
    if (this.#nextId > lastCallId) this.drain();
  }

  giveId(): number {
    this.#givenId = this.#nextId++;
    return this.#givenId;
  }

  #cannotStart(): GeeError | undefined {
    if (this.#state !== "ready") return closingError(this.channel);
    const inFlight = this.#pending.size + this.#abandoned.size;
    return startRefusal(this.channel, inFlight, this.#hello?.maxInFlight ?? limits.maxInFlight);
  }

  #methodOf(name: string): number | string {
    const dot = name.indexOf(".");
    const service = this.#hello?.services.get(name.slice(0, dot));
    const method = service?.methods.get(name.slice(dot + 1))?.number ?? name;
    // Only what the server listed is remembered, so a caller's own names cannot fill the map.
    if (typeof method === "number") this.#methods.set(name, method);
    return method;
  }

  abandon(call: OutgoingCall, code: Code, message: string): "no" | "maybe" {
    if (this.#pending.take(call.id) === undefined) return "maybe";
    const left = this.channel.hasLeft(call.position);
    if (!this.channel.withdraw(call.position) && !this.channel.finished) {
      this.#abandoned.add(call.id);
      this.channel.send({ kind: "cancel", id: call.id, code, message });
    }
    this.#drained();
    return left ? "maybe" : "no";
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
        this.#answer(message.id)?.succeed(message.value);
        break;
      case "fault":
        this.#answer(message.id)?.fail(errorOf(message));
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
        this.#serverDrains(message.lastCallId);
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
    const executed = kind === kinds.result ? "yes" : "maybe";
    this.#answer(id)?.fail(
      new GeeError("INTERNAL", `an answer that cannot be read: ${why}`, {
        reason: "BAD_BODY",
        executed,
      }),
    );
    this.#drained();
  }

  /** The call that an answer is for; undefined when nobody waits for it any more. */
  #answer(id: number): OutgoingCall | undefined {
    const call = this.#pending.take(id);
    if (call !== undefined) return call;
    if (!this.#abandoned.delete(id) && ++this.#strays > maxStrays) {
      this.#protocolError(`${maxStrays} answers to calls that were not open`);
    }
    return undefined;
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
    this.channel.peerMaxMessageBytes = hello.maxMessageBytes;
    this.channel.acceptMessages(limits.maxMessageBytes);
    this.#becameReady();
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

  /** What the server had not accepted when it began to drain goes elsewhere; the rest is awaited. */
  #serverDrains(lastAccepted: number): void {
    if (this.#state === "ready") this.#state = "draining";
    for (const call of this.#pending.takeAbove(lastAccepted)) {
      this.#abandoned.add(call.id);
      call.fail(
        new GeeError("UNAVAILABLE", `${this.channel.link.peer} is shutting down`, {
          reason: "DRAINING",
          executed: "no",
        }),
      );
    }
  }

  /** Takes no further calls, and closes once those in flight are answered. */
  drain(): void {
    if (this.#state !== "ready") return;
    this.#state = "draining";
    this.#drained();
  }

  #drained(): void {
    if (this.#state !== "draining" || this.#pending.size > 0) return;
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
    this.#failedReady(
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
    for (const call of this.#pending.takeAbove(0)) {
      const executed = this.channel.hasLeft(call.position) ? "maybe" : "no";
      call.fail(
        new GeeError("UNAVAILABLE", reason.message, {
          reason: reason.reason,
          executed,
          cause: reason,
        }),
      );
    }
    this.#closed.resolve();
  }
}
