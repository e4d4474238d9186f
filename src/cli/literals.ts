import { GeeError } from "../base/errors.ts";
import { parseJson, type JsonFault } from "./json.ts";
import { nearFileHint } from "./near-file.ts";
import { usageError } from "./usage.ts";

/** The widest part of a line that is shown around a fault. */
const windowWidth = 72;

/** The line of the fault with a caret below the offending column, cut to a window around it. */
function codeFrame(text: string, offset: number): { frame: string; line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  const line = before.length;
  const left = before.at(-1) ?? "";
  const whole = left + (text.slice(offset).split("\n", 1)[0] ?? "");
  const start = Math.max(0, Math.min(left.length - windowWidth / 2, whole.length - windowWidth));
  // One character for one column, so that the caret stands under the right one.
  const shown = whole.slice(start, start + windowWidth).replace(/[\p{Cc}\u2028\u2029]/gu, " ");
  const caret = Bun.stringWidth(shown.slice(0, left.length - start));
  return { frame: `  ${shown}\n  ${" ".repeat(caret)}^`, line, column: left.length + 1 };
}

/** `inLine`: the text is that line of something longer. */
function notJson(
  what: string,
  text: string,
  fault: JsonFault,
  hint: string,
  inLine?: number,
): GeeError {
  const { frame, line, column } = codeFrame(text, fault.offset);
  const isOneOfMany = inLine !== undefined || text.includes("\n");
  const place = isOneOfMany ? `line ${inLine ?? line}, column ${column}` : `column ${column}`;
  return usageError(`${what} is not JSON: ${fault.message} (${place})`, { hint, frame });
}

/**
 * One argument of a call: JSON where it parses as JSON, else the text itself. A text that starts
 * like JSON (`{`, `[` or `"`) and is not is a mistake and never taken for a string; so is an
 * integer longer than what travels.
 *
 * @throws GeeError INVALID_ARGUMENT with a caret under the offending column
 */
export function parseArgument(text: string, position: number): unknown {
  const reading = parseJson(text);
  if (reading.kind === "value") return reading.value;
  if (!/^[{["]/.test(text) && !/^-?[1-9]\d+$/.test(text)) return text;
  const hint = `to pass it as text, quote it as JSON: '${JSON.stringify(text)}'`;
  throw notJson(`argument ${position}`, text, reading.fault, hint);
}

/**
 * One line of what a stream argument is read from, `what`: one JSON value.
 *
 * @throws GeeError INVALID_ARGUMENT with the line's number and a caret under the offending column
 */
export function parseItem(text: string, what: string, line: number): unknown {
  const reading = parseJson(text);
  if (reading.kind === "value") return reading.value;
  throw notJson(what, text, reading.fault, "--stream takes one JSON value a line", line);
}

/** Where `--data @FILE` and `--data @-` come from. */
export interface DataSource {
  file(path: string): Promise<Uint8Array>;
  stdin(): Promise<Uint8Array>;
}

async function readData(path: string, source: DataSource): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await (path === "-" ? source.stdin() : source.file(path));
  } catch (thrown) {
    throw usageError(`--data: cannot read ${path}: ${GeeError.from(thrown).message}`, {
      hint: path === "-" ? undefined : nearFileHint(path),
    });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw usageError(`--data: ${path} is not UTF-8 text`);
  }
}

/**
 * The value of `--data` as the argument list: an array is the list, anything else the one
 * argument. `@FILE` reads a file; standard input is read for `@-` only, never by guessing.
 */
export async function parseData(data: string, source: DataSource): Promise<readonly unknown[]> {
  const path = data.startsWith("@") ? data.slice(1) : undefined;
  if (path === "") throw usageError("--data: @ needs a file name, or - for standard input");
  const text = path === undefined ? data : await readData(path, source);
  const reading = parseJson(text);
  if (reading.kind === "fault") {
    const what =
      path === undefined ? "--data" : `--data: ${path === "-" ? "standard input" : path}`;
    throw notJson(what, text, reading.fault, "--data takes JSON, @FILE or @-");
  }
  return Array.isArray(reading.value) ? reading.value : [reading.value];
}
