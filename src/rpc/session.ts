import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/log.ts";
import type { Timer } from "../base/time.ts";
import type { Turns } from "../base/turns.ts";
import { Channel } from "../wire/channel.ts";
import type { ChannelOwner } from "../wire/channel.ts";
import { kinds } from "../wire/frame.ts";
import { protocolVersion } from "../wire/hello.ts";
import type { CallerHello, ServerHello } from "../wire/hello.ts";
import type { Link } from "../wire/link.ts";
import type { CallMessage, Message } from "../wire/message.ts";
import { Answering } from "./answering.ts";
import type { AnsweringHost } from "./answering.ts";

/** What every session of one server shares. */
export interface SessionHost extends AnsweringHost {
  readonly turns: Turns;
  readonly hello: ServerHello;
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
export class Session implements ChannelOwner {
  readonly channel: Channel;
  readonly #host: SessionHost;
  /** The calls of this read, in their order. */
  #arrived: CallMessage[] = [];
  #arrivedAt = 0;
  readonly #answering: Answering;
  #state: "greeting" | "open" | "closed" = "greeting";
  #lastId = 0;
  /** Nothing is read until the replies that wait have gone down. */
  readonly #helloTimer: Timer;

  constructor(link: Link, host: SessionHost) {
    this.#host = host;
    this.channel = new Channel(link, this, "caller", limits.maxCallerHelloBytes);
    this.#answering = new Answering(this.channel, host, () => host.changed(this));
    host.turns.watch();
    this.#helloTimer = host.clock.after(
      limits.helloTimeoutMs,
      () => {
        this.channel.refuse(
          new GeeError("INVALID_ARGUMENT", "no hello in time", { reason: "HELLO_TIMEOUT" }),
        );
      },
      { background: true },
    );
  }

  /** Calls that were accepted and not yet answered. */
  get inFlight(): number {
    return this.#answering.inFlight;
  }

  /** Whether the connection is over. */
  get isClosed(): boolean {
    return this.#state === "closed";
  }

  // -------------------------------------------------------------- messages

  message(message: Message): void {
    if (message.kind === "fault" && message.id === 0) {
      this.channel.close(new GeeError(message.code, message.message, { reason: message.reason }));
      return;
    }
    if (this.#state === "greeting") {
      if (message.kind === "callerHello") this.#greet(message.hello);
      else this.#protocolError(`${message.kind} before hello`);
      return;
    }
    switch (message.kind) {
      case "call":
        this.#arrive(message);
        break;
      case "cancel":
        this.#cancel(message.id, message.code === "DEADLINE_EXCEEDED");
        break;
      case "ping":
        this.channel.send({ kind: "pong", id: 0, token: message.token });
        break;
      case "pong":
        break;
      case "drain":
        // The caller opens no further calls; it closes once the last is answered.
        break;
      case "part":
      case "item":
      case "end":
      case "credit":
        this.channel.refuse(
          new GeeError("UNIMPLEMENTED", `${message.kind} needs a feature that was not agreed on`, {
            reason: "UNSUPPORTED_KIND",
          }),
        );
        break;
      case "callerHello":
      case "serverHello":
      case "result":
      case "fault":
        this.#protocolError(`${message.kind} from a caller`);
        break;
      default:
        message satisfies never;
    }
  }

  badBody(kind: number, id: number, why: string): void {
    if (kind !== kinds.call || this.#state !== "open") {
      this.channel.refuse(new GeeError("INVALID_ARGUMENT", why, { reason: "BAD_MESSAGE" }));
      return;
    }
    if (!this.#opens(id)) return;
    this.#answering.fault(
      id,
      new GeeError("INVALID_ARGUMENT", `a call that cannot be read: ${why}`, {
        reason: "BAD_BODY",
        executed: "no",
      }),
    );
  }

  #protocolError(what: string): void {
    this.channel.refuse(new GeeError("INVALID_ARGUMENT", what, { reason: "PROTOCOL_ERROR" }));
  }

  #greet(hello: CallerHello): void {
    const own = this.#host.hello;
    if (hello.version < protocolVersion) {
      this.channel.refuse(
        new GeeError("UNIMPLEMENTED", `version ${hello.version} is not spoken`, {
          reason: "UNSUPPORTED_VERSION",
          executed: "no",
        }),
      );
      return;
    }
    if (hello.instance !== undefined && hello.instance !== own.instance) {
      this.channel.refuse(
        new GeeError("UNAVAILABLE", "another instance serves this address", {
          reason: "WRONG_INSTANCE",
          executed: "no",
        }),
      );
      return;
    }
    this.#helloTimer.cancel();
    this.#state = "open";
    this.channel.peerMaxMessageBytes = hello.maxMessageBytes;
    this.channel.send({ kind: "serverHello", id: 0, hello: own });
    this.channel.acceptMessages(limits.maxMessageBytes);
    if (this.#host.draining) this.announceDrain();
  }

  /** Whether an id opens a call: ids rise. */
  #opens(id: number): boolean {
    if (id > this.#lastId) {
      this.#lastId = id;
      return true;
    }
    this.#protocolError(`call id ${id} behind ${this.#lastId}`);
    return false;
  }

  #arrive(call: CallMessage): void {
    if (!this.#opens(call.id)) return;
    if (this.#arrived.length === 0) {
      this.#arrivedAt = this.#host.turns.arrivalOf(this.#host.clock.now());
    }
    this.#arrived.push(call);
  }

  #cancel(id: number, deadlinePassed: boolean): void {
    const why = deadlinePassed
      ? { code: "DEADLINE_EXCEEDED" as const, message: "the deadline passed" }
      : { code: "CANCELLED" as const, message: "the caller cancelled" };
    const waiting = this.#arrived.findIndex((call) => call.id === id);
    if (waiting >= 0) {
      this.#arrived.splice(waiting, 1);
      this.#answering.fault(id, new GeeError(why.code, why.message, { executed: "no" }));
      return;
    }
    this.#answering.giveUp(id, new GeeError(why.code, why.message, { executed: "maybe" }));
  }

  readEnd(): void {
    const calls = this.#arrived;
    if (calls.length === 0) return;
    this.#arrived = [];
    for (const call of calls) {
      if (this.channel.finished) return;
      this.#answering.start(call, this.#arrivedAt);
    }
  }

  // -------------------------------------------------------------- ending

  drained(): void {
    this.#host.changed(this);
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
    this.#answering.giveUpAll(why);
    this.channel.end(why);
  }

  closed(why: GeeError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#helloTimer.cancel();
    this.#host.turns.unwatch();
    if (why.reason === "NOT_A_FRAME" || why.reason === "PROTOCOL_ERROR") {
      this.#host.log.warn("connection refused", {
        peer: this.channel.link.peer,
        why: printable(why.message),
      });
    }
    const gone = new GeeError("CANCELLED", "the caller is gone", {
      reason: "CALLER_GONE",
      executed: "maybe",
      cause: why,
    });
    this.#answering.abandon(gone);
    this.#host.changed(this);
  }
}
