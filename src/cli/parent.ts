import { anything, anyText, Fields, integer } from "../base/fields.ts";
import type { Log, LogFields } from "../base/log.ts";
import type { MessageLine } from "../server/remote-beats.ts";
import { createOutput, errorFields, type Output, type OutputOptions } from "./output.ts";

/** What a server is to the process that started it. */
export interface Child {
  /** What it has in common with the others of that process, of whom it is number so-and-so. */
  readonly group?: string | undefined;
  readonly number?: number | undefined;
}

/** The process that started this one, for a server that does its bidding. */
export interface Parent {
  /** For what the command has to say. */
  readonly output: Output;
  readonly group: string | undefined;
  /** To whoever beats for this server there. */
  readonly beats: MessageLine;
  /**
   * Resolves when that process is no more, however it ended. Before somebody asks for it this one
   * then ends at once: it has nothing to finish.
   */
  lost(): Promise<void>;
}

function parseChild(text: string): Child {
  const fields = new Fields(JSON.parse(text), "GEE_CHILD");
  return { group: fields.may("group", anyText), number: fields.may("number", integer(1, 1_000)) };
}

/** What adds a listener to the process. */
const adders = ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const;

/** A module that would speak to whoever started it is not meant, and hears nothing of what is said. */
function hideParent(): void {
  const none = { value: undefined, configurable: true, writable: true };
  Object.defineProperties(process, {
    send: none,
    disconnect: none,
    channel: none,
    connected: { ...none, value: false },
  });
  for (const name of adders) {
    const add = process[name];
    Object.defineProperty(process, name, {
      configurable: true,
      writable: true,
      value: (event: unknown, ...rest: readonly unknown[]): unknown =>
        event === "message" || event === "disconnect"
          ? process
          : Reflect.apply(add, process, [event, ...rest]),
    });
  }
}

/** Lines that say which one of several servers wrote them. */
function numbered(log: Log, worker: number): Log {
  const at =
    (level: keyof Log) =>
    (message: string, fields: LogFields = {}): void =>
      log[level](message, { worker, ...fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/**
 * For a server that another gee has started: what it has to say goes to that process, as messages, so
 * that stdout and stderr are its modules' alone; logs stay on stderr. Undefined when there is none.
 */
export function joinParent(options: OutputOptions): Parent | undefined {
  const { GEE_CHILD = "{}" } = process.env;
  // What a module starts is no such server.
  delete process.env.GEE_CHILD;
  delete process.env.BUN_FEATURE_FLAG_NO_ORPHANS;
  const post = process.send?.bind(process);
  if (post === undefined) return undefined;
  const { group, number } = parseChild(GEE_CHILD);
  const own = createOutput(options);
  const gone = Promise.withResolvers<void>();
  let isGone = false;
  let drains = false;
  /** Who waits for what was sent to have left. */
  const unheard: Set<() => void> = new Set();
  let events: Parameters<MessageLine["listen"]>[0] | undefined;
  // What is sent to a parent that is just going is lost, and nothing calls back then.
  const send = async (message: unknown): Promise<void> => {
    if (isGone) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    unheard.add(resolve);
    try {
      post(message, undefined, undefined, () => resolve());
      await promise;
    } catch {}
    unheard.delete(resolve);
  };

  process.on("message", (message: unknown) => {
    const fields = new Fields(message, "message");
    events?.onMessage(fields.need("message", anything));
  });
  process.on("disconnect", () => {
    isGone = true;
    for (const resolve of unheard) resolve();
    if (!drains) process.exit(1);
    events?.onEnd("the process that started it has ended");
    gone.resolve();
  });
  // The terminal's, and to start again is for the parent to say.
  process.on("SIGHUP", () => {});
  hideParent();

  return {
    group,
    beats: {
      send: (message) => void (isGone ? undefined : send({ kind: "beats", message })),
      listen: (told) => (events = told),
    },
    lost() {
      drains = true;
      return gone.promise;
    },
    output: {
      ...own,
      json: true,
      terminal: false,
      closed: false,
      data: (text) => (isGone ? own.data(text) : send({ kind: "data", text })),
      talk: (event, text, fields = {}) =>
        isGone ? own.talk(event, text, fields) : send({ kind: "talk", event, text, fields }),
      error: (error) =>
        isGone ? own.error(error) : send({ kind: "error", error: errorFields(error) }),
      progress: () => {},
      log: (level) => (number === undefined ? own.log(level) : numbered(own.log(level), number)),
    },
  };
}
