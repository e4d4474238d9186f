import { GeeError } from "../base/errors.ts";

/** Where JSON is read from: a request at the registry, an answer at its client. */
export interface BodySource {
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Whether a content type says JSON, whatever its parameters. */
export function isJson(contentType: string | null): boolean {
  return (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() === "application/json";
}

function tooLarge(maxBytes: number): GeeError {
  return new GeeError("RESOURCE_EXHAUSTED", `the body has more than ${maxBytes} bytes`, {
    reason: "BODY_TOO_LARGE",
    executed: "no",
  });
}

/**
 * Reads a body as JSON. The length is checked before and while reading, as a body can be longer
 * than its head says, or say nothing.
 *
 * @throws GeeError RESOURCE_EXHAUSTED, reason BODY_TOO_LARGE; INVALID_ARGUMENT, reason
 * UNSUPPORTED_MEDIA_TYPE for other encodings than plain UTF-8, reason BAD_JSON for the rest
 */
export async function readJson(source: BodySource, maxBytes: number): Promise<unknown> {
  const { headers, body } = source;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(headers.get("content-type") ?? "")?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new GeeError("INVALID_ARGUMENT", "the body must be JSON in UTF-8", {
      reason: "UNSUPPORTED_MEDIA_TYPE",
      executed: "no",
    });
  }
  const announced = Number(headers.get("content-length") ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  try {
    // The server holds a request to the length in its head, so that a beat can be read in one go.
    if (announced > 0 && source instanceof Request) {
      const whole = await source.bytes();
      if (whole.byteLength > maxBytes) throw tooLarge(maxBytes);
      return JSON.parse(decoder.decode(whole));
    }
    for await (const chunk of body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      text += decoder.decode(chunk, { stream: true });
    }
    return JSON.parse(text + decoder.decode());
  } catch (thrown) {
    if (thrown instanceof GeeError) throw thrown;
    throw new GeeError("INVALID_ARGUMENT", "the body is no JSON text in UTF-8", {
      reason: "BAD_JSON",
      executed: "no",
      cause: thrown,
    });
  }
}
