import { codeFromNumber, GeeError } from "../base/errors.ts";
import { printable } from "../base/log.ts";
import { Fields, integer } from "../base/fields.ts";

const plainWords = new Map<unknown, string>([
  ["ECONNREFUSED", "connection refused"],
  ["ENOTFOUND", "its host name is unknown"],
  ["ECONNRESET", "it closed the connection without an answer"],
]);

function inWords(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return plainWords.get(code) ?? printable(thrown instanceof Error ? thrown.message : `${thrown}`);
}

/** That a member of etcd cannot be reached, or does not answer as one. */
export function unavailable(member: string, why: string, cause?: unknown): GeeError {
  return new GeeError("UNAVAILABLE", `etcd at ${member}: ${why}`, {
    reason: "ETCD_UNAVAILABLE",
    cause,
  });
}

/** What was thrown while a member was talked to: a GeeError as it is, else {@link unavailable}. */
export function failure(member: string, thrown: unknown): GeeError {
  return thrown instanceof GeeError ? thrown : unavailable(member, inWords(thrown), thrown);
}

/** Of an answer that is no JSON, be it that it broke off. */
const senseless: readonly (string | undefined)[] = ["BAD_JSON", "UNSUPPORTED_MEDIA_TYPE"];

/** What a request failed with. An answer that makes no sense is none: {@link unavailable}. */
export function requestFailure(member: string, thrown: unknown): GeeError {
  const error = failure(member, thrown);
  if (!senseless.includes(error.reason)) return error;
  return unavailable(member, `${error.message}; is an etcd there?`, error);
}

function words(value: unknown): string {
  return typeof value === "string" ? printable(value) : "";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/**
 * What etcd answers in place of a result: `{error, code}` to a request, `{error: {message,
 * grpc_code}}` within a stream; the numbers are gRPC's. Reason ETCD_REFUSED.
 *
 * @throws GeeError INVALID_ARGUMENT when it is neither
 */
export function parseRefusal(member: string, value: unknown): GeeError {
  const outer = new Fields(value, "answer");
  const inner = outer.may("error", isObject) === true;
  const fields = inner ? outer.need("error", (error, path) => new Fields(error, path)) : outer;
  const number = fields.may(inner ? "grpc_code" : "code", integer(0, 1_000)) ?? 2;
  const message = fields.may(inner ? "message" : "error", words) ?? "it gives no reason";
  return new GeeError(codeFromNumber(number), `etcd at ${member}: ${message}`, {
    reason: "ETCD_REFUSED",
  });
}
