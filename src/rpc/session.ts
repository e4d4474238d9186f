import type { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/log.ts";
import type { Timer } from "../base/time.ts";
import type { Turns } from "../base/turns.ts";
import { Channel } from "../wire/channel.ts";
import type { ChannelOwner } from "../wire/channel.ts";
import { errorOf, faultOf } from "../wire/fault.ts";
import { kinds } from "../wire/frame.ts";
import type { CallerHello, ServerHello } from "../wire/hello.ts";
import type { Link } from "../wire/link.ts";
import type { CallMessage, FaultMessage, Message } from "../wire/message.ts";
import type { Admitted } from "./admission.ts";
import { Answering } from "./answering.ts";
import type { AnsweringHost } from "./answering.ts";
import { Arrivals } from "./arrivals.ts";
import { ControlBudget, tooManyControls } from "./control-budget.ts";
import { awaitHello, refusalOfHello } from "./greeting.ts";
import { LinkWatch } from "./link-watch.ts";
import * as refusals from "./refusals.ts";

/** What every session of one server shares. */
export interface SessionHost extends AnsweringHost {
  readonly turns: Turns;
  readonly hello: ServerHello;
  /** Called when a caller has said its hello. */
  greeted(session: Session): void;
  /** Called when a session has come to its end, and when a call of it has. */
  changed(session: Session): void;
}

/** Made once: whoever sends too much must not be able to make us build an error for each. */
const turnedAway: FaultMessage = faultOf(0, refusals.tooManyInFlight(), undefined);

const streamKinds: ReadonlySet<number> = new Set([kinds.part, kinds.item, kinds.end]);

/**
 * The answering end of a connection.
 *
 * - greeting: the caller's hello is awaited, and nothing else is accepted.
 * - open: calls are gathered while a read is parsed and started at its end, so that a cancel which
 *   came with its call wins. Every call gets exactly one answer, cancelled or not.
 * - closed: what still runs has been told to stop, and nobody hears of its result.
 */
export class Session implements ChannelOwner, Admitted {
  readonly channel: Channel;
  readonly #host: SessionHost;
  readonly #arrivals: Arrivals;
  readonly #answering: Answering;
  #state: "greeting" | "open" | "closed" = "greeting";
  #lastId = 0;
  /** Runs while the hello is awaited. */
  #helloTimer: Timer | undefined;
  readonly #watch: LinkWatch;
  /** Made with the first of them: most callers send none, and an idle connection is to be small. */
  #controls: ControlBudget | undefined;

  constructor(link: Link, host: SessionHost) {
    this.#host = host;
    this.channel = new Channel(link, this, "caller", limits.maxCallerHelloBytes);
    this.#arrivals = new Arrivals(this.channel, host.clock, host.turns);
    this.#answering = new Answering(this.channel, host, () => host.changed(this));
    this.#watch = new LinkWatch(this.channel, host.clock, host.deadlines);
    host.turns.watch();
    this.#helloTimer = awaitHello(this.channel, host.clock);
  }

  /** Calls that were accepted and not yet answered. */
  get inFlight(): number {
    return this.#answering.inFlight + this.#arrivals.size;
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
        this.#arrive(message);
        break;
      case "cancel":
        this.#cancel(message.id, refusals.cancelled(message.code));
        break;
      case "ping":
        if (this.#spendControl()) {
          this.channel.send({ kind: "pong", id: 0, token: message.token });
        }
        break;
      case "pong":
        this.#spendControl();
        break;
      case "drain":
        // The caller opens no further calls; it closes once the last is answered.
        break;
      case "part":
      case "item":
      case "end":
      case "credit":
        this.channel.refuse(refusals.unsupportedKind(message.kind));
        break;
      case "callerHello":
      case "serverHello":
      case "result":
      case "fault":
        this.channel.refuse(refusals.protocolError(`${message.kind} from a caller`));
        break;
      default:
        message satisfies never;
    }
  }

  badBody(kind: number, id: number, why: string): void {
    if (this.#state === "open" && streamKinds.has(kind)) {
      this.channel.refuse(refusals.unsupportedKind(`kind ${kind}`));
      return;
    }
    if (kind !== kinds.call || this.#state !== "open") {
      this.channel.refuse(refusals.badMessage(why));
      return;
    }
    if (this.#opens(id)) this.#answering.fault(id, refusals.badCall(why));
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
    this.channel.peerMaxMessageBytes = hello.maxMessageBytes;
    this.channel.send({ kind: "serverHello", id: 0, hello: own });
    this.channel.acceptMessages(limits.maxMessageBytes);
  }

  /** Whether an id opens a call: ids rise. */
  #opens(id: number): boolean {
    if (id > this.#lastId) {
      this.#lastId = id;
      return true;
    }
    this.channel.refuse(refusals.protocolError(`call id ${id} behind ${this.#lastId}`));
    return false;
  }

  #arrive(call: CallMessage): void {
    if (!this.#opens(call.id)) return;
    this.#arrivals.add(call);
  }

  #spendControl(): boolean {
    this.#controls ??= new ControlBudget();
    if (this.#controls.spend(this.#host.clock.now())) return true;
    this.channel.refuse(tooManyControls());
    return false;
  }

  #cancel(id: number, why: GeeError): void {
    if (id > this.#lastId) {
      this.#spendControl();
      return;
    }
    if (this.#arrivals.cancel(id)) this.#answering.fault(id, why.withExecuted("no"));
    else this.#answering.giveUp(id, why);
  }

  readEnd(): void {
    this.#arrivals.readEnd();
    this.#watch.read();
    this.#startArrived();
  }

  #startArrived(): void {
    this.#arrivals.start((call, at) => this.#answering.start(call, at));
  }

  // -------------------------------------------------------------- ending

  blocked(): void {
    this.#watch.waiting();
  }

  drained(): void {
    this.#watch.waiting();
    this.#startArrived();
    this.#host.changed(this);
  }

  resumed(): void {
    this.#watch.resumed();
  }

  turnsAway(id: number): boolean {
    if (this.inFlight < limits.maxInFlight || this.#state !== "open") return false;
    if (this.#opens(id)) this.channel.send({ ...turnedAway, id });
    return true;
  }

  paused(): void {
    this.#watch.paused();
    this.#arrivals.paused();
  }

  /** Says that no call beyond those which arrived will be accepted. */
  announceDrain(): void {
    if (this.#state !== "open") return;
    this.channel.send({
      kind: "drain",
      id: 0,
      lastCallId: this.#lastId,
      reason: "the server is shutting down",
    });
  }

  /** Answers what still runs, tells it to stop, and ends the connection. */
  end(why: GeeError): void {
    if (this.#state === "greeting") {
      this.channel.refuse(refusals.shuttingDown());
      return;
    }
    for (const { id } of this.#arrivals.takeAll()) {
      this.#answering.fault(id, refusals.shuttingDown());
    }
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
    this.#arrivals.takeAll();
    this.#answering.abandon(refusals.callerGone(why));
    this.#host.changed(this);
  }
}
