import { GeeError } from "../base/errors.ts";

const newline = 10;

function broken(reason: string, message: string, cause?: unknown): GeeError {
  const code = reason === "LINE_TOO_LONG" ? "RESOURCE_EXHAUSTED" : "INVALID_ARGUMENT";
  return new GeeError(code, message, { reason, cause });
}

/**
 * Reads a body that is one JSON value a line, without an end, as values. An empty line is none.
 *
 * @throws GeeError RESOURCE_EXHAUSTED, reason LINE_TOO_LONG, as soon as a line is; INVALID_ARGUMENT,
 * reason BAD_JSON, for a line that is no JSON in UTF-8; what the body throws as it is
 */
export async function* readJsonLines(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<unknown> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const take = (part: Uint8Array): void => {
    bytes += part.byteLength;
    if (bytes > maxLineBytes) {
      throw broken("LINE_TOO_LONG", `a line has more than ${maxLineBytes} bytes`);
    }
    parts.push(part);
  };
  const parse = (): unknown => {
    const line = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    parts = [];
    bytes = 0;
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
    } catch (thrown) {
      throw broken("BAD_JSON", "a line is no JSON text in UTF-8", thrown);
    }
  };
  for await (const chunk of body) {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      if (bytes > 0) yield parse();
      else parts = [];
    }
    if (from < chunk.byteLength) take(chunk.subarray(from));
  }
  if (bytes > 0) yield parse();
}
