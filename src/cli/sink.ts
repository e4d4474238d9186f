import { fstatSync, write, writeSync } from "node:fs";
import { sleep, systemClock } from "../base/time.ts";

/** One end of the process's output. */
export interface Sink {
  /** Whether a person looks at it. */
  readonly terminal: boolean;
  /** The terminal's columns; 80 where there is no terminal. */
  readonly columns: number;
  /** Whether the reader has gone away: what is written then is lost, without an error. */
  readonly closed: boolean;
  /** Writes behind all that was written before. A slow reader holds up the whole process. */
  write(text: string): Promise<void>;
  /** The same, and the process goes on meanwhile: signals are heard, pings answered. */
  pour(text: string): Promise<void>;
}

/** Whether a person looks at a file of the process; not when the terminal has gone away. */
export function isTerminal(fd: number): boolean {
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

/** Writes some of the bytes, at least one, and says how many. */
type Put = (bytes: Uint8Array, from: number) => number | Promise<number>;

/**
 * A sink over one of the process's own files. It writes with `writeSync`, and pours with `write`,
 * which blocks a thread beside the loop: the streams of `process` cost a millisecond to make, lose
 * their rest at exit, and make the pipe non-blocking for everybody who has it. A reader that went
 * away (`| head -1`) ends the output quietly, once and for all; any other failure rejects.
 */
export function fileSink(fd: number): Sink {
  const terminal = isTerminal(fd);
  let closed = false;
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  const putNow: Put = (bytes, from) => writeSync(fd, bytes, from);
  const putAside: Put = (bytes, from) =>
    new Promise((resolve, reject) => {
      write(fd, bytes, from, bytes.length - from, null, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });

  // With `putNow` it runs to its end before it returns unless the pipe is full: a line that was said
  // just before the process ends is not lost.
  async function writeAll(text: string, put: Put): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    let written = 0;
    while (written < bytes.length && !closed) {
      try {
        const count = put(bytes, written);
        written += typeof count === "number" ? count : await count;
      } catch (thrown) {
        if (hasErrno(thrown, "EPIPE") || hasErrno(thrown, "EBADF")) closed = true;
        // A pipe that somebody else made non-blocking and that is full.
        else if (hasErrno(thrown, "EAGAIN")) await sleep(systemClock, 2);
        else throw thrown;
      }
    }
  }

  function inLine(text: string, put: Put): Promise<void> {
    const before = last;
    // A write that waits is not overtaken by the next one.
    last =
      waiting === 0 ? writeAll(text, put) : before.catch(() => {}).then(() => writeAll(text, put));
    waiting += 1;
    const settled = (): void => {
      waiting -= 1;
    };
    last.then(settled, settled);
    return last;
  }

  return {
    terminal,
    columns: terminal ? (fd === 2 ? process.stderr : process.stdout).columns || 80 : 80,
    get closed() {
      return closed;
    },
    write: (text) => inLine(text, putNow),
    pour: (text) => inLine(text, putAside),
  };
}
