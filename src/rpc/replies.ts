import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Channel } from "../wire/channel.ts";
import { faultOf } from "../wire/fault.ts";
import type { Metadata } from "../wire/message.ts";
import type { HandlerRun } from "./handler-run.ts";
import { KeptAnswer } from "./keyed-calls.ts";
import { repliesUnread } from "./refusals.ts";
import { untravelled } from "./thrown.ts";

/** Sends the one answer of each call, whatever it is made of. */
export class Replies {
  readonly #channel: Channel;
  readonly #log: Log;

  constructor(channel: Channel, log: Log) {
    this.#channel = channel;
    this.#log = log;
  }

  /** What a handler has returned; one that cannot travel becomes a fault. */
  result(run: HandlerRun, value: unknown): void {
    const { id } = run;
    const channel = this.#channel;
    if (run.isOneWay) return;
    if (channel.pressureBytes > limits.maxUnsentReplyBytes) {
      this.fault(id, repliesUnread(channel.link.peer));
      return;
    }
    try {
      if (value instanceof KeptAnswer) channel.sendEncoded(value.frame, id);
      else channel.send({ kind: "result", id, value, metadata: run.allMetadata });
    } catch (error) {
      this.fault(id, untravelled(error, run.method, this.#log));
    }
  }

  /** The end of a stream; metadata that cannot travel make it a fault. */
  end(run: HandlerRun, metadata: Metadata | undefined): void {
    const { id } = run;
    try {
      this.#channel.send({ kind: "end", id, metadata });
    } catch (error) {
      const why = GeeError.from(error);
      this.#log.warn("metadata cannot travel", { method: run.method, why: why.message });
      this.fault(
        id,
        new GeeError("INTERNAL", why.message, { reason: why.reason, executed: "yes" }),
      );
    }
  }

  /** Why there is no result. */
  fault(id: number, error: GeeError, metadata?: Metadata): void {
    try {
      this.#channel.send(
        metadata === undefined
          ? faultOf(id, error, error.details)
          : { ...faultOf(id, error, error.details), metadata },
      );
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#log.warn("details or metadata of a fault cannot travel", { why });
      this.#channel.send(faultOf(id, error, undefined));
    }
  }
}
