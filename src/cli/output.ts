import { codeNumbers, GeeError } from "../base/errors.ts";
import { createLog, printable, type Log, type LogFields, type LogLevel } from "../base/log.ts";
import { ItemWriter, type ItemWriterOptions } from "./item-writer.ts";
import { toJson } from "./json.ts";
import { paint, pretty } from "./pretty.ts";
import { fileSink, type Sink } from "./sink.ts";
import { frameOf } from "./usage.ts";

/** Where a command speaks: data to stdout, talk and errors to stderr. */
export interface Output {
  /** Whether everything, errors included, is written as JSON. */
  readonly json: boolean;
  /** Whether stdout is a terminal. */
  readonly terminal: boolean;
  /** The terminal's columns. */
  readonly columns: number;
  /** Whether the reader of stdout has gone away: what is written then is lost, without an error. */
  readonly closed: boolean;
  /** A line, or lines, of data. */
  data(text: string): Promise<void>;
  /** A value as data: pretty on a terminal, one line of JSON in a pipe or with `--json`. */
  value(value: unknown): Promise<void>;
  /** Writes values that come one after the other, each as `value` does. */
  items(options: Omit<ItemWriterOptions, "format">): ItemWriter;
  /** What is going on: `text` for people, an object with `event` and `fields` for programs. */
  talk(event: string, text: string, fields?: LogFields): Promise<void>;
  /**
   * One line on stderr that stands for the next one, on a terminal and for people only; empty takes it
   * away. What is said meanwhile takes its place.
   */
  progress(line: string): void;
  /** Why a command failed, with its hint. */
  error(error: GeeError): Promise<void>;
  /** A log to hand to the modes; it writes where talk goes. */
  log(level: LogLevel): Log;
}

/** Back to the line's start, and nothing on it any more. */
const eraseLine = "\r\u001b[K";

/** Control characters of text from elsewhere made visible, line breaks kept. */
function lines(text: string): string {
  return text
    .split("\n")
    .map((line) => printable(line.replaceAll("\t", "  "), Number.POSITIVE_INFINITY))
    .join("\n");
}

/** What programs get of an error; what is undefined is left out. */
export function errorFields(error: GeeError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    reason: error.reason,
    executed: error.executed,
    retryAfterMs: error.retryAfterMs,
    hint: error.hint,
    details: error.details,
  };
}

/** The exit code of a call that failed: 64 + the number of its status. */
export function callExitCode(error: GeeError): number {
  return 64 + codeNumbers[error.code];
}

/** The exit code of a command that could not do its work: 2 for wrong usage, else 1. */
export function startExitCode(error: GeeError): number {
  return error.code === "INVALID_ARGUMENT" || error.reason === "INSECURE_BIND" ? 2 : 1;
}

/** What {@link createOutput} needs to know. */
export interface OutputOptions {
  readonly json: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout?: Sink;
  readonly stderr?: Sink;
}

/** The output of one command. */
export function createOutput(options: OutputOptions): Output {
  const { json, env, stdout = fileSink(1), stderr = fileSink(2) } = options;
  const plain = (env.NO_COLOR ?? "") !== "" || env.TERM === "dumb";
  const colours = { stdout: stdout.terminal && !plain, stderr: stderr.terminal && !plain };

  let shown = "";
  // Nothing is left to tell when the place for telling fails.
  const put = (text: string): Promise<void> => stderr.write(text).catch(() => {});
  const say = (text: string): Promise<void> => {
    const before = shown === "" ? "" : eraseLine;
    shown = "";
    return put(`${before}${text}\n`);
  };

  const format = (value: unknown): string =>
    json || !stdout.terminal
      ? toJson(value)
      : pretty(value, { colours: colours.stdout, width: stdout.columns });

  return {
    json,
    terminal: stdout.terminal,
    columns: stdout.columns,
    get closed() {
      return stdout.closed;
    },
    data: (text) => stdout.write(`${text}\n`),
    value: (value) => stdout.write(`${format(value)}\n`),
    items: (own) => new ItemWriter(stdout, { ...own, format }),
    talk: (event, text, fields = {}) => say(json ? toJson({ event, ...fields }) : lines(text)),
    progress(line) {
      if (json || !stderr.terminal || line === shown) return;
      shown = line;
      // One column stays free: some terminals go on to the next line behind the last one.
      void put(`${eraseLine}${Bun.sliceAnsi(lines(line), 0, stderr.columns - 1)}`);
    },
    error(error) {
      if (json) return say(toJson({ error: errorFields(error) }));
      const head = `${paint("error:", "red", colours.stderr)} ${error.code}  ${lines(error.message)}`;
      const frame = frameOf(error);
      const hint = `${paint("hint:", "cyan", colours.stderr)} ${lines(error.hint ?? "")}`;
      return say(
        [head, ...(frame === undefined ? [] : [lines(frame)]), ...(error.hint ? [hint] : [])].join(
          "\n",
        ),
      );
    },
    log(level) {
      if (!json) return createLog((line) => void say(line), level);
      const at = (own: LogLevel) => (message: string, fields?: LogFields) =>
        void say(toJson({ level: own, message, ...plainFields(fields) }));
      const silent = createLog(() => {}, level);
      const from = (own: LogLevel) =>
        order.indexOf(own) < order.indexOf(level) ? silent[own] : at(own);
      return { debug: from("debug"), info: from("info"), warn: from("warn"), error: from("error") };
    },
  };
}

const order: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Log fields as JSON holds them: an error is its message. */
function plainFields(fields: LogFields = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? value.message : value,
    ]),
  );
}
