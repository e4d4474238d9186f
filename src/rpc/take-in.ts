import { errorOf } from "../wire/fault.ts";
import type { Message } from "../wire/message.ts";
import type { CallItems } from "./call-items.ts";

/** What a caller sends about the streams of a call. */
export type StreamMessage = Extract<
  Message,
  { readonly kind: "item" | "end" | "credit" | "fault" }
>;

/** The streams of open calls, by id. */
export interface StreamsOfCalls {
  streamsOf(id: number): CallItems | undefined;
  credit(id: number, bytes: number): boolean;
}

/**
 * Takes in what a caller sends about the streams of a call that is open, or of one that never was
 * (then there are none). Returns what is wrong with it; undefined when nothing is.
 */
export function takeIn(message: StreamMessage, calls: StreamsOfCalls): string | undefined {
  const { id } = message;
  const items = calls.streamsOf(id);
  switch (message.kind) {
    case "item":
      return items?.item(message.value, message.bytes) === true
        ? undefined
        : `an item of call ${id} that is not due, or without credit`;
    case "end":
      return items?.end() === true ? undefined : `an end of call ${id} that is not due`;
    case "fault":
      return items?.end(errorOf(message)) === true
        ? undefined
        : `a fault of call ${id}, of which no item is due`;
    default:
      return calls.credit(id, message.bytes) ? undefined : `too much credit for call ${id}`;
  }
}
