import type { Code, GeeError } from "../base/errors.ts";

const statuses = new Map<Code, number>([
  ["INVALID_ARGUMENT", 400],
  ["DEADLINE_EXCEEDED", 408],
  ["UNAUTHENTICATED", 401],
  ["PERMISSION_DENIED", 403],
  ["NOT_FOUND", 404],
  ["UNIMPLEMENTED", 405],
  ["FAILED_PRECONDITION", 409],
  ["RESOURCE_EXHAUSTED", 429],
  ["UNAVAILABLE", 503],
]);

function statusOf(error: GeeError): number {
  if (error.reason === "BODY_TOO_LARGE") return 413;
  if (error.reason === "UNSUPPORTED_MEDIA_TYPE") return 415;
  if (error.reason === "WRONG_HOST") return 421;
  return statuses.get(error.code) ?? 500;
}

/** What HTTP wants a status to say. No answer ever has a header of CORS: pages may not read them. */
function headersOf(status: number): Record<string, string> {
  if (status === 401) return { "www-authenticate": "Bearer" };
  if (status === 405) return { allow: "GET, POST, DELETE" };
  // The rest of a request that was not waited for would be taken for the next one.
  if (status === 408) return { connection: "close" };
  return {};
}

/** A value as JSON. */
export function jsonAnswer(status: number, value: unknown): Response {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  const all = { ...headers, ...headersOf(status) };
  return new Response(JSON.stringify(value), { status, headers: all });
}

/** One line of text. */
export function line(status: number, words: string): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", ...headersOf(status) };
  return new Response(`${words}\n`, { status, headers });
}

/** An error as the peer can read it: JSON for one that speaks JSON, else one line. */
export function failure(json: boolean, error: GeeError): Response {
  const { code, message } = error;
  if (json) return jsonAnswer(statusOf(error), { error: { code, message } });
  return line(statusOf(error), `${code} ${message}`);
}
