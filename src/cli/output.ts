import { fstatSync, writeSync } from "node:fs";
import { codeNumbers, GeeError } from "../base/errors.ts";
import { createLog, printable, type Log, type LogFields, type LogLevel } from "../base/log.ts";
import { sleep, systemClock } from "../base/time.ts";
import { toJson } from "./json.ts";
import { paint, pretty } from "./pretty.ts";
import { frameOf } from "./usage.ts";

/** One end of the process's output. */
export interface Sink {
  /** Whether a person looks at it. */
  readonly terminal: boolean;
  /** The terminal's columns; 80 where there is no terminal. */
  readonly columns: number;
  write(text: string): Promise<void>;
}

/** Where a command speaks: data to stdout, talk and errors to stderr. */
export interface Output {
  /** Whether everything, errors included, is written as JSON. */
  readonly json: boolean;
  /** Whether stdout is a terminal. */
  readonly terminal: boolean;
  /** The terminal's columns. */
  readonly columns: number;
  /** A line, or lines, of data. */
  data(text: string): Promise<void>;
  /** A value as data: pretty on a terminal, one line of JSON in a pipe or with `--json`. */
  value(value: unknown): Promise<void>;
  /** What is going on: `text` for people, an object with `event` and `fields` for programs. */
  talk(event: string, text: string, fields?: LogFields): Promise<void>;
  /** Why a command failed, with its hint. */
  error(error: GeeError): Promise<void>;
  /** A log to hand to the modes; it writes where talk goes. */
  log(level: LogLevel): Log;
}

/** Whether a person looks at a file of the process. */
function isTerminal(fd: 1 | 2): boolean {
  try {
    // The answer for pipes and files, which is most scripts, without loading a module for 2 ms.
    if (!fstatSync(fd).isCharacterDevice()) return false;
  } catch {
    // It was closed before gee started.
    return false;
  }
  return process.getBuiltinModule("node:tty").isatty(fd);
}

function hasErrno(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}

/**
 * A sink over one of the process's own files. It writes with `writeSync`: the streams of `process`
 * cost a millisecond to make and lose their rest at exit. A reader that went away (`| head -1`)
 * ends the output quietly, once and for all; any other failure rejects.
 */
export function fileSink(fd: 1 | 2): Sink {
  const terminal = isTerminal(fd);
  let closed = false;
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  // Runs to its end before it returns unless the pipe is full: a line that was said just before
  // the process ends is not lost.
  async function writeAll(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    let written = 0;
    while (written < bytes.length && !closed) {
      try {
        written += writeSync(fd, bytes, written);
      } catch (thrown) {
        if (hasErrno(thrown, "EPIPE") || hasErrno(thrown, "EBADF")) closed = true;
        // A pipe that somebody else made non-blocking and that is full.
        else if (hasErrno(thrown, "EAGAIN")) await sleep(systemClock, 2);
        else throw thrown;
      }
    }
  }
  return {
    terminal,
    columns: terminal ? ((fd === 1 ? process.stdout : process.stderr).columns ?? 80) : 80,
    write(text) {
      const before = last;
      // A write that waits is not overtaken by the next one.
      last = waiting === 0 ? writeAll(text) : before.catch(() => {}).then(() => writeAll(text));
      waiting += 1;
      const settled = (): void => {
        waiting -= 1;
      };
      last.then(settled, settled);
      return last;
    },
  };
}

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

  const say = (text: string): Promise<void> =>
    // Nothing is left to tell when the place for telling fails.
    stderr.write(`${text}\n`).catch(() => {});

  return {
    json,
    terminal: stdout.terminal,
    columns: stdout.columns,
    data: (text) => stdout.write(`${text}\n`),
    value: (value) =>
      stdout.write(
        json || !stdout.terminal
          ? `${toJson(value)}\n`
          : `${pretty(value, { colours: colours.stdout, width: stdout.columns })}\n`,
      ),
    talk: (event, text, fields = {}) => say(json ? toJson({ event, ...fields }) : lines(text)),
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
