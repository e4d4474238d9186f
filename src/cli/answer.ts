import { GeeError } from "../base/errors.ts";
import type { Gee } from "../client.ts";
import type { Output } from "./output.ts";

type Call = ReturnType<Gee["call"]>;

/** What became of a call whose answer was to be printed. */
export type Answer =
  | { readonly kind: "result" }
  | { readonly kind: "items"; readonly count: number }
  /** The reader of the items went away before their end. */
  | { readonly kind: "unread" }
  | { readonly kind: "failed"; readonly error: GeeError };

/** What ends a call whose answer is being printed. */
export interface PrintOptions {
  /** Aborts when the command is to end, whether or not all has been read. */
  readonly release: AbortSignal;
  /** Takes the call back. */
  readonly stop: () => void;
}

/**
 * Prints what a call answers with: its single result, or its items one after the other, as fast as
 * they are read. What came before a failure is printed.
 *
 * @throws what writing fails with, other than a reader that went away; the call is taken back then
 */
export async function printAnswer(
  call: Call,
  output: Output,
  { release, stop }: PrintOptions,
): Promise<Answer> {
  const items = output.items({ release, broken: stop });
  let count = 0;
  let error: GeeError | undefined;
  try {
    for await (const item of call) {
      count += 1;
      // Only a reader that is slow has the server wait: there is nothing to await for the others.
      const room = items.write(item);
      if (room !== undefined) await room;
    }
  } catch (thrown) {
    error = GeeError.from(thrown);
    // Nobody says beforehand which of the two it is.
    if (count === 0 && error.reason === "IS_NO_STREAM") return await printResult(call, output);
  }
  await items.flush();
  if (items.closed) return { kind: "unread" };
  return error === undefined ? { kind: "items", count } : { kind: "failed", error };
}

async function printResult(call: Call, output: Output): Promise<Answer> {
  let value: unknown;
  try {
    value = await call;
  } catch (thrown) {
    return { kind: "failed", error: GeeError.from(thrown) };
  }
  await output.value(value);
  return { kind: "result" };
}
