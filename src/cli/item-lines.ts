import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { parseItem } from "./literals.ts";
import { nearFileHint } from "./near-file.ts";
import { usageError } from "./usage.ts";

const newline = 10;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Where `--stream @FILE` and `--stream @-` come from. A file that cannot be opened throws. */
export interface LineSource {
  file(path: string): AsyncIterable<Uint8Array>;
  stdin(): AsyncIterable<Uint8Array>;
}

/** How {@link readItems} reads. */
export interface ItemLinesOptions {
  /** What the lines come from, for errors: `--stream: numbers.txt`. */
  readonly name: string;
  /** Hears of the failure before whoever iterates does. */
  readonly failed: (error: GeeError) => void;
  /** The longest line, in bytes. Default: the largest message, 4 MiB. */
  readonly maxLineBytes?: number | undefined;
}

/** A line that grows from read to read, and its number. */
class Line {
  number = 1;
  readonly #name: string;
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(name: string, maxBytes: number) {
    this.#name = name;
    this.#maxBytes = maxBytes;
  }

  /** @throws GeeError when it is too long */
  add(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) {
      throw usageError(`${this.#name}: line ${this.number} has more than ${this.#maxBytes} bytes`, {
        hint: "a line is one item, and travels as one message: gee help limits",
      });
    }
    this.#parts.push(part);
  }

  /** Its text, without the line's end. From here on it is the next line. @throws GeeError */
  take(): string {
    const [only, ...others] = this.#parts;
    const bytes = others.length === 0 ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.number += 1;
    try {
      return decoder.decode(bytes).replace(/\r$/, "");
    } catch {
      throw usageError(`${this.#name}: line ${this.number - 1} is not UTF-8 text`);
    }
  }
}

/** The lines of what is read, without those that have nothing but space. */
async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  line: Line,
): AsyncGenerator<readonly [text: string, number: number]> {
  const isEmpty = (text: string): boolean => /^[ \t]*$/.test(text);
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      line.add(chunk.subarray(from, end));
      from = end + 1;
      const { number } = line;
      const text = line.take();
      if (!isEmpty(text)) yield [text, number];
    }
    if (from < chunk.length) line.add(chunk.subarray(from));
  }
  // The last line need not end like one.
  const { number } = line;
  const text = line.take();
  if (!isEmpty(text)) yield [text, number];
}

/**
 * The values of a stream argument, one JSON value a line, each as soon as its line is there; the
 * source is read no faster than they are taken. Lines end with `\n` or `\r\n`, the last one need
 * not; empty ones are skipped.
 *
 * Fails with GeeError INVALID_ARGUMENT at a line that is wrong, which it names by its number.
 */
export async function* readItems(
  chunks: AsyncIterable<Uint8Array>,
  { name, failed, maxLineBytes = limits.maxMessageBytes }: ItemLinesOptions,
): AsyncGenerator<unknown> {
  try {
    for await (const [text, number] of readLines(chunks, new Line(name, maxLineBytes))) {
      yield parseItem(text, name, number);
    }
  } catch (thrown) {
    const error =
      thrown instanceof GeeError
        ? thrown
        : usageError(`${name} cannot be read: ${GeeError.from(thrown).message}`);
    failed(error);
    throw error;
  }
}

/**
 * What a file or standard input has, read by read. It is opened at once, so that a file that is not
 * there is found before a call is made.
 *
 * @throws what opening it fails with
 */
export function openChunks(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  const reader = stream.getReader();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
    } finally {
      await reader.cancel();
    }
  }
  return chunks();
}

/**
 * Opens what `--stream` names, `@FILE` or `@-`; standard input is read for `@-` only.
 *
 * @throws GeeError INVALID_ARGUMENT for anything else, and for a file that cannot be opened
 */
export function openItems(
  stream: string,
  failed: (error: GeeError) => void,
  source: LineSource,
): AsyncGenerator<unknown> {
  const path = stream.startsWith("@") ? stream.slice(1) : "";
  if (path === "") {
    throw usageError(`--stream takes @FILE or @-, got ${JSON.stringify(stream)}`, {
      hint: "the file has one JSON value a line; @- is standard input",
    });
  }
  const from = path === "-" ? "standard input" : path;
  let chunks: AsyncIterable<Uint8Array>;
  try {
    chunks = path === "-" ? source.stdin() : source.file(path);
  } catch (thrown) {
    throw usageError(`--stream: cannot read ${from}: ${GeeError.from(thrown).message}`, {
      hint: path === "-" ? undefined : nearFileHint(path),
    });
  }
  return readItems(chunks, { name: `--stream: ${from}`, failed });
}
