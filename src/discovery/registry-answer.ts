import { parseAddress } from "../base/address.ts";
import { type Code, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/log.ts";
import { Fields, flag, integer, number, text } from "./fields.ts";
import { type Member, memberAt, parseMember } from "./member.ts";

/** What a registry answered to a list request. */
export interface RegistryList {
  /** Those that left among them; not merged, not sorted. */
  readonly members: readonly Member[];
  /** Lease of members that name none; what an old registry grants is unknown, ours stands in. */
  readonly leaseMs: number;
  /** Epoch and index, opaque; absent from an old registry, which has none. */
  readonly token?: string | undefined;
  /** It started a moment ago and does not know everybody yet. */
  readonly warming: boolean;
  /** It holds removals back, as too many were due at once. */
  readonly frozen: boolean;
  /** What was skipped, in words; empty when all was well. */
  readonly skipped: readonly string[];
}

/** What a registry answered to a registration or a beat. `"old"`: GeeRPC's, which says nothing. */
export type Registration =
  | { readonly kind: "granted"; readonly secret: string; readonly leaseMs: number }
  | { readonly kind: "old" };

/** Codes that a registry may answer with; a registry that names another one is out of order. */
const believed = new Map<string, Code>(
  (
    [
      "INVALID_ARGUMENT",
      "NOT_FOUND",
      "PERMISSION_DENIED",
      "UNAUTHENTICATED",
      "FAILED_PRECONDITION",
      "RESOURCE_EXHAUSTED",
    ] as const
  ).map((code) => [code, code]),
);

/** Reads each value; those that are wrong are skipped, each with a line that says why. */
function readAll<T>(values: readonly unknown[], read: (value: unknown, index: number) => T) {
  const good: T[] = [];
  const skipped: string[] = [];
  for (const [index, value] of values.slice(0, limits.maxInstances).entries()) {
    try {
      good.push(read(value, index));
    } catch (thrown) {
      skipped.push(printable(GeeError.from(thrown).message));
    }
  }
  if (values.length > limits.maxInstances) skipped.push(`all beyond ${limits.maxInstances}`);
  return { good, skipped };
}

/** A JSON answer to a list request. @throws GeeError INVALID_ARGUMENT when it is none */
export function parseList(value: unknown): RegistryList {
  const fields = new Fields(value, "answer");
  fields.need("protocol", integer(1, Number.MAX_SAFE_INTEGER));
  const instances = fields.need("instances", (list, path): readonly unknown[] => {
    if (Array.isArray(list)) return list;
    throw new GeeError("INVALID_ARGUMENT", `${path}: it must be an array`, { executed: "no" });
  });
  const { good, skipped } = readAll(instances, (item, index) =>
    parseMember(item, `answer.instances[${index}]`),
  );
  return {
    members: good,
    leaseMs: fields.need("leaseMs", number(0, Number.MAX_SAFE_INTEGER)),
    token: fields.need("token", text(256)),
    warming: fields.need("warming", flag),
    frozen: fields.need("frozen", flag),
    skipped,
  };
}

/** The list in GeeRPC's header. */
export function parseHeaderList(header: string): RegistryList {
  const written = header.split(",").map((item) => item.trim());
  const { good, skipped } = readAll(
    written.filter((item) => item !== ""),
    (item) => memberAt(parseAddress(String(item))),
  );
  return { members: good, leaseMs: limits.leaseMs, warming: false, frozen: false, skipped };
}

/**
 * A JSON answer to a registration, or to a beat, which does not say the secret again.
 *
 * @throws GeeError INVALID_ARGUMENT when it is none
 */
export function parseGrant(value: unknown, secret: string | undefined): Registration {
  const fields = new Fields(value, "answer");
  return {
    kind: "granted",
    secret: fields.may("secret", text(64)) ?? secret ?? fields.need("secret", text(64)),
    leaseMs: fields.need("leaseMs", number(limits.minLeaseMs, limits.maxLeaseMs)),
  };
}

/** The error in a JSON answer; undefined when there is none that a registry would send. */
export function parseFailure(value: unknown, url: string): GeeError | undefined {
  try {
    const fields = new Fields(value, "answer").need(
      "error",
      (error, path) => new Fields(error, path),
    );
    const code = believed.get(fields.need("code", text(64)));
    if (code === undefined) return undefined;
    const message = printable(fields.need("message", text(4_096, /^/)));
    return new GeeError(code, `registry ${url}: ${message}`, { executed: "no" });
  } catch {
    return undefined;
  }
}
