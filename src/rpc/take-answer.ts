import { errorOf } from "../wire/fault.ts";
import type { Message } from "../wire/message.ts";
import type { OpenCalls } from "./open-calls.ts";

/** What a server sends about a call. */
export type AnswerMessage = Extract<
  Message,
  { readonly kind: "result" | "fault" | "item" | "end" | "credit" | "cancel" }
>;

/**
 * Takes in what a server sends about a call: its answer, or a piece of it. Returns what is wrong with
 * it; undefined when nothing is.
 */
export function takeAnswer(message: AnswerMessage, calls: OpenCalls): string | undefined {
  const { id } = message;
  switch (message.kind) {
    case "result":
      calls.answer(id)?.succeed(message.value, message.metadata);
      return undefined;
    case "fault":
      calls.answer(id)?.fail(errorOf(message), message.metadata);
      return undefined;
    case "item":
      return id !== 0 && calls.item(id, message.value, message.metadata, message.bytes)
        ? undefined
        : `an item of call ${id} without credit`;
    case "end":
      if (id === 0) return "an end of no call";
      calls.answer(id)?.ended(message.metadata);
      return undefined;
    case "credit":
      return id !== 0 && calls.credit(id, message.bytes)
        ? undefined
        : `too much credit for call ${id}`;
    default:
      if (id === 0) return "a cancel of no call";
      calls.stopSending(id);
      return undefined;
  }
}
