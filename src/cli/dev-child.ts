import { createOutput, errorFields, type Output, type OutputOptions } from "./output.ts";

/** Takes a message to the process that started this one; kept when it has left. */
type Send = (message: unknown) => Promise<void>;

/** The way to the process that started this one; undefined when there is none. */
function parent(): Send | undefined {
  const send = process.send?.bind(process);
  if (send === undefined) return undefined;
  // A module that would speak to whoever started it is not meant.
  delete process.send;
  // What is sent to a parent that has gone is lost, as this process is.
  return (message) =>
    new Promise((resolve) => send(message, undefined, undefined, () => resolve()));
}

/**
 * The output of a server that `gee dev` has started: what it has to say goes to that process, as
 * messages, so that stdout and stderr are its modules' alone; logs stay on stderr. It ends at once when
 * that process does, however that ends.
 */
export function outputToParent(options: OutputOptions): Output {
  const own = createOutput(options);
  // What a module starts is not such a server.
  delete process.env.GEE_DEV_CHILD;
  delete process.env.BUN_FEATURE_FLAG_NO_ORPHANS;
  const send = parent();
  if (send === undefined) return own;
  process.on("disconnect", () => process.exit(1));
  return {
    ...own,
    json: true,
    terminal: false,
    closed: false,
    data: (text) => send({ kind: "data", text }),
    talk: (event, text, fields = {}) => send({ kind: "talk", event, text, fields }),
    error: (error) => send({ kind: "error", error: errorFields(error) }),
    progress: () => {},
  };
}
