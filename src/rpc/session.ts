import type { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/log.ts";
import type { Timer } from "../base/time.ts";
import type { Turns } from "../base/turns.ts";
import { Channel } from "../wire/channel.ts";
import type { ChannelOwner } from "../wire/channel.ts";
import { errorOf } from "../wire/fault.ts";
import { kinds } from "../wire/frame.ts";
import { agreedFeatures, features } from "../wire/hello.ts";
import type { CallerHello, ServerHello } from "../wire/hello.ts";
import type { Link } from "../wire/link.ts";
import type { Message } from "../wire/message.ts";
import type { Admitted } from "./admission.ts";
import { Answering } from "./answering.ts";
import type { AnsweringHost } from "./answering-host.ts";
import { Controls } from "./control-budget.ts";
import { awaitHello, refusalOfHello } from "./greeting.ts";
import { Intake } from "./intake.ts";
import { LinkWatch } from "./link-watch.ts";
import * as refusals from "./refusals.ts";
import { takeIn } from "./take-in.ts";
import type { StreamMessage } from "./take-in.ts";
import type { UpkeepSession } from "./upkeep.ts";

/** What every session of one server shares. */
export interface SessionHost extends AnsweringHost {
  readonly turns: Turns;
  readonly hello: ServerHello;
  /** Called when a caller has said its hello. */
  greeted(session: Session): void;
  /** Called when a session has come to its end, and when a call of it has. */
  changed(session: Session): void;
}

/**
 * The answering end of a connection.
 *
 * - greeting: the caller's hello is awaited, and nothing else is accepted.
 * - open: calls are gathered while a read is parsed and started at its end, so that a cancel which
 *   came with its call wins. Every call gets exactly one answer, cancelled or not.
 * - closed: what still runs has been told to stop, and nobody hears of its result.
 */
export class Session implements ChannelOwner, Admitted, UpkeepSession {
  readonly channel: Channel;
  readonly #host: SessionHost;
  readonly #intake: Intake;
  readonly #answering: Answering;
  readonly bornAt: number;
  #state: "greeting" | "open" | "closed" = "greeting";
  /** Anything was read since the last look. */
  #heard = false;
  /** Runs while the hello is awaited. */
  #helloTimer: Timer | undefined;
  readonly #watch: LinkWatch;
  #controls: Controls | undefined;

  constructor(link: Link, host: SessionHost) {
    this.#host = host;
    this.channel = new Channel(link, this, "caller", limits.maxCallerHelloBytes);
    this.#answering = new Answering(this.channel, host, () => host.changed(this));
    this.#intake = new Intake(this.channel, this.#answering, host);
    this.#watch = new LinkWatch(this.channel, host.clock, host.deadlines);
    this.bornAt = host.clock.now();
    host.turns.watch();
    this.#helloTimer = awaitHello(this.channel, host.clock);
  }

  /** Calls that were accepted and not yet answered. */
  get inFlight(): number {
    return this.#intake.inFlight;
  }

  get link(): Link {
    return this.channel.link;
  }

  drop(why: GeeError): void {
    this.channel.refuse(why);
  }

  /** Whether the connection is over. */
  get isClosed(): boolean {
    return this.#state === "closed";
  }

  // -------------------------------------------------------------- messages

  message(message: Message): void {
    if (message.kind === "fault" && message.id === 0) {
      this.channel.close(errorOf(message));
      return;
    }
    if (this.#state === "greeting") {
      if (message.kind === "callerHello") this.#greet(message.hello);
      else this.channel.refuse(refusals.protocolError(`${message.kind} before hello`));
      return;
    }
    switch (message.kind) {
      case "call":
        this.#intake.arrive(message);
        break;
      case "cancel":
        if (!this.#intake.cancel(message.id, refusals.cancelled(message.code)))
          this.#control().spend();
        break;
      case "ping":
        this.#control().answer(message.token);
        break;
      case "pong":
        this.#control().spend();
        break;
      case "drain":
        // The caller opens no further calls; it closes once the last is answered.
        break;
      case "item":
      case "end":
      case "credit":
      case "fault":
        this.#streamed(message);
        break;
      case "part":
      case "callerHello":
      case "serverHello":
      case "result":
        this.channel.refuse(refusals.protocolError(`${message.kind} from a caller`));
        break;
      default:
        message satisfies never;
    }
  }

  #streamed(message: StreamMessage): void {
    const { id, kind } = message;
    if ((this.#answering.agreed & features.streams) === 0) {
      this.channel.refuse(refusals.unsupportedKind(kind));
      return;
    }
    if (this.#intake.isEnded(id)) return;
    const broken =
      id === 0 || id > this.#intake.lastId
        ? `${kind} of no call`
        : takeIn(message, this.#answering);
    if (broken !== undefined) this.channel.refuse(refusals.protocolError(broken));
  }

  badBody(kind: number, id: number, why: string): void {
    if (this.#state !== "open" || kind === kinds.result) {
      this.channel.refuse(refusals.badMessage(why));
      return;
    }
    if (kind === kinds.call) {
      this.#intake.unreadable(id, refusals.badCall(why));
      return;
    }
    const needed = kind === kinds.part ? features.parts : features.streams;
    if ((this.#answering.agreed & needed) === 0) {
      this.channel.refuse(refusals.unsupportedKind(`kind ${kind}`));
      return;
    }
    if (this.#intake.cancel(id, refusals.badItem(why))) return;
    this.channel.refuse(refusals.protocolError(`kind ${kind} of no call`));
  }

  #greet(hello: CallerHello): void {
    const own = this.#host.hello;
    const refused = refusalOfHello(hello, own.instance, this.#host.draining);
    if (refused !== undefined) {
      this.channel.refuse(refused);
      return;
    }
    this.#helloTimer?.cancel();
    this.#helloTimer = undefined;
    this.#state = "open";
    this.#host.greeted(this);
    const agreed = agreedFeatures(hello.features);
    this.#answering.agreed = agreed;
    const parts = (agreed & features.parts) !== 0;
    this.channel.greeted(own.maxMessageBytes, hello.maxMessageBytes, parts);
    this.channel.send({ kind: "serverHello", id: 0, hello: own });
  }

  #control(): Controls {
    this.#controls ??= new Controls(this.channel, this.#host.clock);
    return this.#controls;
  }

  readEnd(): void {
    this.#heard = true;
    this.#intake.readEnd();
    this.#watch.read();
    this.#intake.start();
    // A call that was refused ends without a handler that would tell.
    if (this.#host.draining) this.#host.changed(this);
  }

  // -------------------------------------------------------------- ending

  blocked(): void {
    this.#watch.waiting();
  }

  drained(): void {
    this.#watch.waiting();
    this.#intake.start();
    this.#host.changed(this);
  }

  resumed(): void {
    this.#watch.resumed();
  }

  turnsAway(kind: number, id: number): boolean {
    if (this.#state !== "open") return false;
    if (kind === kinds.call) return this.#intake.turnsAway(id);
    return (this.#answering.agreed & features.streams) !== 0 && this.#intake.isEnded(id);
  }

  takesPart(id: number, first: boolean): boolean {
    if (this.#state === "open" && (this.#answering.agreed & features.parts) === 0) {
      this.channel.refuse(refusals.unsupportedKind("part"));
      return false;
    }
    if (this.#state !== "open" || id === 0) {
      this.channel.refuse(refusals.protocolError("a part of no call"));
      return false;
    }
    return this.#intake.takesPart(id, first);
  }

  paused(): void {
    this.#watch.paused();
    this.#intake.paused();
  }

  /** Says that no call beyond those which arrived will be accepted. */
  announceDrain(): void {
    if (this.#state !== "open") return;
    this.channel.send({
      kind: "drain",
      id: 0,
      lastCallId: this.#intake.lastId,
      reason: "the server is shutting down",
    });
  }

  // -------------------------------------------------------------- upkeep

  get isOpen(): boolean {
    return this.#state === "open";
  }

  takeHeard(): boolean {
    const heard = this.#heard || this.channel.isPaused;
    this.#heard = false;
    return heard;
  }

  ping(): void {
    this.channel.send({ kind: "ping", id: 0, token: 0 });
  }

  giveUp(): void {
    this.channel.close(refusals.silent(this.channel.link.peer));
  }

  /** Asks the caller for another connection; what still comes on this one is answered. */
  retire(): void {
    const reason = "the connection is old";
    this.channel.send({ kind: "drain", id: 0, lastCallId: 0xffff_ffff, reason });
  }

  /** Answers what still runs, tells it to stop, and ends the connection. */
  end(why: GeeError): void {
    if (this.#state === "greeting") {
      this.channel.refuse(refusals.shuttingDown());
      return;
    }
    this.#intake.refuseAll(refusals.shuttingDown());
    this.#answering.giveUpAll(why);
    this.channel.end(why);
  }

  closed(why: GeeError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#helloTimer?.cancel();
    this.#watch.closed();
    this.#host.turns.unwatch();
    if (why.reason === "NOT_A_FRAME" || why.reason === "PROTOCOL_ERROR") {
      this.#host.log.warn("connection refused", {
        peer: this.channel.link.peer,
        why: printable(why.message),
      });
    }
    this.#intake.clear();
    this.#answering.abandon(refusals.callerGone(why));
    this.#host.changed(this);
  }
}
