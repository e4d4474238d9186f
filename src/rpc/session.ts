import type { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
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
export class Session implements ChannelOwner, UpkeepSession {
  readonly channel: Channel;
  readonly #host: SessionHost;
  /** Made with the first call, as most of what follows is when it is needed: many never call. */
  #intake: Intake | undefined;
  /** What was agreed with the caller's hello. */
  #agreed = 0;
  retireAt: number = Number.POSITIVE_INFINITY;
  #state: "greeting" | "open" | "closed" = "greeting";
  /** Anything was read since the last look. */
  #heard = false;
  /** A ping was sent and not answered yet. */
  #asked = false;
  /** Runs while the hello is awaited. */
  #helloTimer: Timer | undefined;
  #watch: LinkWatch | undefined;
  #controls: Controls | undefined;

  constructor(link: Link, host: SessionHost) {
    this.#host = host;
    this.channel = new Channel(link, this, "caller", limits.maxCallerHelloBytes);
    host.turns.watch();
    this.#helloTimer = awaitHello(this.channel, host.clock);
  }

  /** Calls that were accepted and not yet answered. */
  get inFlight(): number {
    return this.#intake?.inFlight ?? 0;
  }

  #calls(): Intake {
    this.#intake ??= Intake.of(this.channel, this.#host, this, this.#agreed);
    return this.#intake;
  }

  #watching(): LinkWatch {
    this.#watch ??= new LinkWatch(this.channel, this.#host.clock, this.#host.deadlines);
    return this.#watch;
  }

  /** A call has ended, but not at once. */
  ended(): void {
    this.#host.changed(this);
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
        this.#calls().arrive(message);
        break;
      case "cancel":
        if (this.#intake?.cancel(message.id, refusals.cancelled(message.code)) !== true) {
          this.#control().spend();
        }
        break;
      case "ping":
        this.#control().answer(message.token);
        break;
      case "pong":
        // One that was asked for costs nothing, and no budget is made for it.
        if (this.#asked) this.#asked = false;
        else this.#control().spend();
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
    if (this.#lacks(features.streams, kind)) return;
    const intake = this.#intake;
    if (intake?.isEnded(id) === true) return;
    const broken =
      intake === undefined || id === 0 || id > intake.lastId
        ? `${kind} of no call`
        : takeIn(message, intake.answering);
    if (broken !== undefined) this.channel.refuse(refusals.protocolError(broken));
  }

  badBody(kind: number, id: number, why: string): void {
    if (this.#state !== "open" || kind === kinds.result) {
      this.channel.refuse(refusals.badMessage(why));
      return;
    }
    if (kind === kinds.call) {
      this.#calls().unreadable(id, refusals.badCall(why));
      return;
    }
    const needed = kind === kinds.part ? features.parts : features.streams;
    if (this.#lacks(needed, `kind ${kind}`)) return;
    if (this.#intake?.cancel(id, refusals.badItem(why)) === true) return;
    this.channel.refuse(refusals.protocolError(`kind ${kind} of no call`));
  }

  /** Ends a connection on which something was said that is not agreed. */
  #lacks(feature: number, said: string): boolean {
    if ((this.#agreed & feature) !== 0) return false;
    this.channel.refuse(refusals.unsupportedKind(said));
    return true;
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
    this.#agreed = agreedFeatures(hello.features);
    const parts = (this.#agreed & features.parts) !== 0;
    this.channel.greeted(own.maxMessageBytes, hello.maxMessageBytes, parts);
    this.channel.send({ kind: "serverHello", id: 0, hello: own });
  }

  #control(): Controls {
    this.#controls ??= new Controls(this.channel, this.#host.clock);
    return this.#controls;
  }

  readEnd(): void {
    this.#heard = true;
    this.#intake?.readEnd();
    if (this.channel.isIncomplete) this.#watching();
    this.#watch?.read();
    this.#intake?.start();
    // A call that was refused ends without a handler that would tell.
    if (this.#host.draining) this.#host.changed(this);
  }

  // -------------------------------------------------------------- ending

  blocked(): void {
    this.#watching().waiting();
  }

  drained(): void {
    this.#watch?.waiting();
    this.#intake?.start();
    this.#host.changed(this);
  }

  resumed(): void {
    this.#watch?.resumed();
  }

  turnsAway(kind: number, id: number): boolean {
    if (this.#state !== "open") return false;
    if (kind === kinds.call) return this.#calls().turnsAway(id);
    return (this.#agreed & features.streams) !== 0 && this.#intake?.isEnded(id) === true;
  }

  takesPart(id: number, first: boolean): boolean {
    if (this.#state === "open" && this.#lacks(features.parts, "part")) return false;
    if (this.#state !== "open" || id === 0) {
      this.channel.refuse(refusals.protocolError("a part of no call"));
      return false;
    }
    return this.#calls().takesPart(id, first);
  }

  paused(): void {
    this.#watching().paused();
    this.#calls().paused();
  }

  /** Says that no call beyond those which arrived will be accepted. */
  announceDrain(): void {
    const lastCallId = this.#intake?.lastId ?? 0;
    if (this.isOpen) this.#drain(lastCallId, "the server is shutting down");
  }

  #drain(lastCallId: number, reason: string): void {
    this.channel.send({ kind: "drain", id: 0, lastCallId, reason });
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  takeHeard(): boolean {
    const heard = this.#heard || this.channel.isPaused;
    this.#heard = false;
    return heard;
  }

  ping(): void {
    this.#asked = true;
    this.channel.send({ kind: "ping", id: 0, token: 0 });
  }

  giveUp(): void {
    this.channel.close(refusals.silent(this.channel.link.peer));
  }

  /** Asks the caller for another connection; what still comes on this one is answered. */
  retire(): void {
    this.#drain(0xffff_ffff, "the connection is old");
  }

  /** Answers what still runs, tells it to stop, and ends the connection. */
  end(why: GeeError): void {
    if (this.#state === "greeting") {
      this.channel.refuse(refusals.shuttingDown());
      return;
    }
    this.#intake?.refuseAll(refusals.shuttingDown());
    this.#intake?.answering.giveUpAll(why);
    this.channel.end(why);
  }

  closed(why: GeeError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#helloTimer?.cancel();
    if (this.channel.unsentBytes > 0) this.#watching();
    this.#watch?.closed();
    this.#host.turns.unwatch();
    refusals.logged(why, this.#host.log, this.channel.link);
    this.#intake?.clear();
    this.#intake?.answering.abandon(refusals.callerGone(why));
    this.#host.changed(this);
  }
}
