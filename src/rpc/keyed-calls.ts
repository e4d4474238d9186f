import { GeeError } from "../base/errors.ts";
import { faultOf } from "../wire/fault.ts";
import { encodeMessage } from "../wire/message-writer.ts";
import type { FaultMessage, Message, Metadata } from "../wire/message.ts";
import { withContext } from "./context.ts";
import type { HandlerRun } from "./handler-run.ts";
import { discardItems, isItems } from "./handler-streams.ts";
import { digestOf } from "./key-store.ts";
import type { KeyEntry, KeyStore, KeyWaiter } from "./key-store.ts";

/** The answer of a call with a key: a frame, in which only the id is another for each who asks. */
export class KeptAnswer {
  readonly frame: Buffer;

  constructor(frame: Buffer) {
    this.frame = frame;
  }
}

/** What a call with a key asks for. */
export interface KeyedWork {
  /** `Service.Method`. */
  readonly method: string;
  /** Who calls. */
  readonly caller: string;
  readonly key: string;
  readonly args: readonly unknown[];
  readonly maxMessageBytes: number;
  /** What goes with the answer, when the handler has ended. */
  metadata(): Metadata | undefined;
  /** The first call of the key is at work, and this one waits; `giveUp` ends the waiting. */
  waits?(giveUp: () => void): void;
  /** Runs the handler. */
  run(): unknown;
  /** What the caller is told of what the handler threw. */
  errorOf(thrown: unknown): GeeError;
  /** Whether the handler has returned items, which are closed then, in place of a result. */
  isStream(value: unknown): boolean;
}

/** The work of a handler that was called with a key. */
export function workOf(
  run: HandlerRun,
  key: string,
  caller: string,
  maxMessageBytes: number,
  errorOf: (thrown: unknown) => GeeError,
): KeyedWork {
  const { method, args, served } = run;
  return {
    method,
    caller,
    key,
    args,
    maxMessageBytes,
    metadata: () => run.allMetadata,
    waits(giveUp) {
      run.stopWaiting = giveUp;
    },
    run: () => withContext(run, served.invoke, args),
    errorOf,
    isStream(value) {
      if (!isItems(value)) return false;
      void discardItems(run, value);
      return true;
    },
  };
}

/**
 * Does the work once for each key: the first to come runs the handler, and everybody gets its answer,
 * also who comes when the first is long gone. The answer is encoded at once, so that it stays what it
 * was and its size is known.
 *
 * @throws GeeError FAILED_PRECONDITION, reason KEY_REUSED or ANSWER_NOT_KEPT; RESOURCE_EXHAUSTED,
 *   reason KEYS_FULL
 */
export function answerOnce(store: KeyStore, work: KeyedWork): KeptAnswer | Promise<KeptAnswer> {
  const { method, caller, key } = work;
  const begun = store.begin({ method, caller, key, argsDigest: digestOf(work.args) });
  if (begun.kind === "answered") return new KeptAnswer(begun.answer);
  if (begun.kind === "running") return waitFor(begun.entry, work);
  const keep = (message: Message): KeptAnswer => {
    const frame = encoded(message, work.maxMessageBytes);
    store.finish(begun.entry, frame);
    return new KeptAnswer(frame);
  };
  const failed = (thrown: unknown): KeptAnswer => {
    const error = work.errorOf(thrown);
    const message = { ...faultMessage(error), metadata: work.metadata() };
    if (error.executed !== "no") return keep(message);
    // Its arguments did not fit: the key is free for a call with others.
    store.forget(begun.entry);
    return new KeptAnswer(encoded(message, work.maxMessageBytes));
  };
  const succeeded = (value: unknown): KeptAnswer =>
    work.isStream(value)
      ? keep(faultMessage(noStream(method)))
      : keep({ kind: "result", id: 0, value, metadata: work.metadata() });
  let result: unknown;
  try {
    result = work.run();
  } catch (error) {
    return failed(error);
  }
  return Promise.resolve(result).then(succeeded, failed);
}

function waitFor(entry: KeyEntry, work: KeyedWork): Promise<KeptAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<KeptAnswer>();
  const waiter: KeyWaiter = {
    answered(frame) {
      if (frame !== undefined) resolve(new KeptAnswer(frame));
      else reject(notStarted());
    },
  };
  entry.wait(waiter);
  work.waits?.(() => {
    entry.unwait(waiter);
    reject(notStarted());
  });
  return promise;
}

/** Nothing of that key ran, so whoever waited may go elsewhere. */
function notStarted(): GeeError {
  return new GeeError("UNAVAILABLE", "the first call of this key was not started", {
    reason: "NOT_STARTED",
    executed: "no",
  });
}

function noStream(method: string): GeeError {
  return new GeeError("UNIMPLEMENTED", `${method} answers with a stream, which keeps no key`, {
    reason: "UNSUPPORTED_KEY",
    executed: "yes",
  });
}

function faultMessage(error: GeeError): FaultMessage {
  return faultOf(0, error, error.details);
}

/** What cannot travel becomes the fault that says so; of a fault, what it is stays. */
function encoded(message: Message, maxMessageBytes: number): Buffer {
  try {
    return copyOf(message, maxMessageBytes);
  } catch (thrown) {
    if (message.kind === "fault") {
      return copyOf({ ...message, details: undefined, metadata: undefined }, maxMessageBytes);
    }
    const why = GeeError.from(thrown);
    const code = why.code === "RESOURCE_EXHAUSTED" ? why.code : "INTERNAL";
    const fault = new GeeError(code, why.message, { reason: why.reason, executed: "yes" });
    return copyOf(faultOf(0, fault, undefined), maxMessageBytes);
  }
}

/** A copy: what encodes has one buffer for all. */
function copyOf(message: Message, maxMessageBytes: number): Buffer {
  const frame = encodeMessage(message, maxMessageBytes);
  const copy = frame.copy();
  frame.forgetTail();
  return copy;
}
