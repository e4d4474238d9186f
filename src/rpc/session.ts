import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/log.ts";
import type { Log } from "../base/log.ts";
import type { Clock, Timer } from "../base/time.ts";
import type { Turns } from "../base/turns.ts";
import { Channel } from "../wire/channel.ts";
import type { ChannelOwner } from "../wire/channel.ts";
import { kinds } from "../wire/frame.ts";
import { methodFlags, protocolVersion } from "../wire/hello.ts";
import type { CallerHello, ServerHello } from "../wire/hello.ts";
import type { Link } from "../wire/link.ts";
import type { CallMessage, Message } from "../wire/message.ts";
import { withContext } from "./context.ts";
import { HandlerRun } from "./handler-run.ts";
import type { ServedMethod, ServiceTable } from "./service.ts";

/** What every session of one server shares. */
export interface SessionHost {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly turns: Turns;
  readonly log: Log;
  readonly table: ServiceTable;
  readonly hello: ServerHello;
  /** Handlers that run now, in all sessions, given-up ones included. */
  running: number;
  /** New calls are answered UNAVAILABLE. */
  draining: boolean;
  /** Called when a session has come to its end, and when a call of it has. */
  changed(session: Session): void;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === "object" &&
      value !== null &&
      "then" in value &&
      typeof value.then === "function")
  );
}

function refusal(
  code: "UNAVAILABLE" | "RESOURCE_EXHAUSTED" | "UNIMPLEMENTED" | "DEADLINE_EXCEEDED" | "CANCELLED",
  reason: string,
  message: string,
): GeeError {
  return new GeeError(code, message, { reason, executed: "no" });
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
  /** Calls that are being handled and not yet answered. */
  readonly #running: Map<number, HandlerRun> = new Map();
  #state: "greeting" | "open" | "closed" = "greeting";
  #lastId = 0;
  readonly #helloTimer: Timer;

  constructor(link: Link, host: SessionHost) {
    this.#host = host;
    this.channel = new Channel(link, this, "caller", limits.maxCallerHelloBytes);
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
    return this.#running.size;
  }

  /** Whether the connection is over. */
  get closedNow(): boolean {
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
    this.#fault(
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
        refusal("UNIMPLEMENTED", "UNSUPPORTED_VERSION", `version ${hello.version} is not spoken`),
      );
      return;
    }
    if (hello.instance !== undefined && hello.instance !== own.instance) {
      this.channel.refuse(
        refusal("UNAVAILABLE", "WRONG_INSTANCE", "another instance serves this address"),
      );
      return;
    }
    this.#helloTimer.cancel();
    this.#state = "open";
    this.channel.peerMaxMessageBytes = Math.max(hello.maxMessageBytes, limits.maxServerHelloBytes);
    this.channel.send({ kind: "serverHello", id: 0, hello: own });
    this.channel.peerMaxMessageBytes = hello.maxMessageBytes;
    this.channel.acceptMessages(limits.maxMessageBytes);
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
      this.#fault(id, new GeeError(why.code, why.message, { executed: "no" }));
      return;
    }
    this.#giveUp(id, new GeeError(why.code, why.message, { executed: "maybe" }));
  }

  readEnd(): void {
    const calls = this.#arrived;
    if (calls.length === 0) return;
    this.#arrived = [];
    for (const call of calls) {
      if (this.channel.finished) return;
      this.#start(call);
    }
  }

  // -------------------------------------------------------------- handlers

  #refusalOf(call: CallMessage, served: ServedMethod, deadlineAt: number): GeeError | undefined {
    const host = this.#host;
    if (host.draining) return refusal("UNAVAILABLE", "DRAINING", "the server is shutting down");
    if (this.#running.size >= limits.maxInFlight) {
      return refusal(
        "RESOURCE_EXHAUSTED",
        "TOO_MANY_IN_FLIGHT",
        `${limits.maxInFlight} calls are in flight on this connection`,
      );
    }
    if (host.running >= limits.maxRunningHandlers) {
      return refusal(
        "RESOURCE_EXHAUSTED",
        "TOO_MANY_HANDLERS",
        `${limits.maxRunningHandlers} handlers run already`,
      );
    }
    if ((call.flags & 0xff) !== 0) {
      return refusal("UNIMPLEMENTED", "UNSUPPORTED_FLAG", `call flags ${call.flags & 0xff}`);
    }
    if (call.streamArgument !== undefined || (served.flags & methodFlags.answersStream) !== 0) {
      return refusal("UNIMPLEMENTED", "UNSUPPORTED_STREAM", `${served.name} is a stream`);
    }
    if (deadlineAt <= host.clock.now()) {
      return refusal("DEADLINE_EXCEEDED", "EXPIRED", `${served.name} came too late to be started`);
    }
    return undefined;
  }

  #start(call: CallMessage): void {
    const host = this.#host;
    let run: HandlerRun;
    let result: unknown;
    try {
      const served = host.table.find(call.method);
      const allowedMs = Math.min(
        call.timeoutMs ?? Number.POSITIVE_INFINITY,
        served.timeoutMs ?? Number.POSITIVE_INFINITY,
      );
      const deadlineAt = this.#arrivedAt + allowedMs;
      const refused = this.#refusalOf(call, served, deadlineAt);
      if (refused !== undefined) throw refused;
      run = new HandlerRun(call, served, deadlineAt, {
        peer: this.channel.link.peer,
        log: host.log,
        clock: host.clock,
        onExpired: this.#onExpired,
      });
    } catch (error) {
      this.#fault(call.id, GeeError.from(error, "no"));
      return;
    }
    host.running++;
    try {
      result = withContext(run, () => run.served.invoke(call.args));
      if (isThenable(result)) {
        this.#running.set(run.id, run);
        if (run.deadlineAt !== Number.POSITIVE_INFINITY) host.deadlines.add(run);
        result.then(
          (value) => this.#ended(run, () => this.#reply(run, value)),
          (error: unknown) => this.#ended(run, () => this.#thrown(run, error)),
        );
        return;
      }
    } catch (error) {
      host.running--;
      this.#thrown(run, error);
      return;
    }
    host.running--;
    this.#reply(run, result);
  }

  /** A handler is at its end; it answers unless its call was given up. */
  #ended(run: HandlerRun, answer: () => void): void {
    this.#host.running--;
    this.#host.deadlines.remove(run);
    if (this.#running.delete(run.id)) answer();
    this.#host.changed(this);
  }

  readonly #onExpired = (run: HandlerRun): void => {
    this.#giveUp(
      run.id,
      new GeeError("DEADLINE_EXCEEDED", `${run.method} was not done at its deadline`, {
        executed: "maybe",
      }),
    );
  };

  /** Answers a call whose handler still runs, and tells the handler to stop. */
  #giveUp(id: number, why: GeeError): void {
    const run = this.#running.get(id);
    if (run === undefined) return;
    this.#running.delete(id);
    this.#host.deadlines.remove(run);
    this.#fault(id, why);
    run.abort(why);
    this.#host.changed(this);
  }

  #reply(run: HandlerRun, value: unknown): void {
    try {
      this.channel.send({ kind: "result", id: run.id, value, metadata: undefined });
    } catch (error) {
      const why = GeeError.from(error);
      const code = why.code === "RESOURCE_EXHAUSTED" ? why.code : "INTERNAL";
      this.#host.log.warn("result cannot travel", { method: run.method, why: why.message });
      this.#fault(
        run.id,
        new GeeError(code, `${run.method}: ${why.message}`, {
          reason: why.reason,
          executed: "yes",
        }),
      );
    }
  }

  #thrown(run: HandlerRun, error: unknown): void {
    if (error instanceof GeeError) {
      this.#fault(run.id, error.withExecuted("yes"));
      return;
    }
    // What went wrong inside is nobody's business outside; the id joins the two.
    const logId = crypto.randomUUID().slice(0, 8);
    const what = error instanceof Error ? (error.stack ?? error.message) : Bun.inspect(error);
    this.#host.log.error("handler failed", { method: run.method, id: logId, error: what });
    this.#fault(
      run.id,
      new GeeError("INTERNAL", `${run.method} failed; the server's log has it as ${logId}`, {
        reason: "HANDLER_FAILED",
        executed: "yes",
      }),
    );
  }

  #fault(id: number, error: GeeError): void {
    const fault = {
      kind: "fault",
      id,
      code: error.code,
      message: error.message,
      executed: error.executed,
      reason: error.reason,
      retryAfterMs: error.retryAfterMs,
      metadata: undefined,
    } as const;
    try {
      this.channel.send({ ...fault, details: error.details });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#host.log.warn("details of a fault cannot travel", { why });
      this.channel.send({ ...fault, details: undefined });
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
    for (const id of [...this.#running.keys()]) this.#giveUp(id, why);
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
    for (const run of this.#running.values()) {
      this.#host.deadlines.remove(run);
      run.abort(gone);
    }
    this.#running.clear();
    this.#host.changed(this);
  }
}
