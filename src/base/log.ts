/** What a log line may carry. Values are written as JSON where they are not plain words. */
export type LogFields = Readonly<Record<string, unknown>>;

/** How much a line matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Where a part of gee says what it did. A library does not choose the program's logger, so one is
 * handed in; the default writes `level message key=value ...` lines to stderr from `warn` up.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const order: readonly LogLevel[] = ["debug", "info", "warn", "error"];

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
}

function escaped(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Text from elsewhere made fit for a line: control characters escaped, cut to `maxLength`. */
export function printable(text: string, maxLength = 256): string {
  return escaped(cut(text, maxLength));
}

/** An error's stack is worth more room than a name from the wire. */
const maxFieldLength = 2_000;

function field(value: unknown): string {
  if (typeof value === "bigint") return `${value}`;
  if (typeof value === "string" || value instanceof Error) {
    const text = cut(typeof value === "string" ? value : value.message, maxFieldLength);
    return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : escaped(JSON.stringify(text));
  }
  return printable(JSON.stringify(value) ?? String(value), maxFieldLength);
}

/** A log that writes lines of at least `level` to `sink`. */
export function createLog(sink: (line: string) => void, level: LogLevel = "info"): Log {
  const least = order.indexOf(level);
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (order.indexOf(own) < least) return;
      const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
      const tail = pairs.map(([key, value]) => ` ${key}=${field(value)}`).join("");
      sink(`${own} ${printable(message)}${tail}`);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Says nothing. */
export const silentLog: Log = createLog(() => {});

/** What the library uses when the program hands in no log: warnings and errors, to stderr. */
export const stderrLog: Log = createLog((line) => console.error(line), "warn");
