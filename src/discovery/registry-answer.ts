import { type Address, parsePeerAddress } from "../base/address.ts";
import { type Code, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { printable } from "../base/log.ts";
import { Fields, flag, integer, number, text } from "../base/fields.ts";
import { instanceId, type Member, memberAt, parseMember, peerField } from "./member.ts";

/** A member that a registry lists no more. */
export interface GoneMember {
  /** Absent for a header-only peer. */
  readonly id?: string | undefined;
  readonly address: Address;
}

/** What a registry answered to a list request: its whole list, or what has changed in it. */
export interface RegistryList {
  /** All of them, or in a delta those that changed, as they are now; those that left among them. */
  readonly members: readonly Member[];
  /** `members` and `gone` are what has changed since the token that the request named. */
  readonly delta: boolean;
  /** In a delta: who is listed no more. */
  readonly gone: readonly GoneMember[];
  /** One life of the registry's table; absent from an old registry, which says nothing of it. */
  readonly epoch?: string | undefined;
  /** Rises with each change in one epoch; -1 for an old registry. */
  readonly index: number;
  /** Of the whole list, as `hashText` writes it; absent from a registry that can tell no changes. */
  readonly hash?: string | undefined;
  /** Lease of members that name none; what an old registry grants is unknown, ours stands in. */
  readonly leaseMs: number;
  /** What the next request names to be told of changes; absent from an old registry. */
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
      "UNAVAILABLE",
    ] as const
  ).map((code) => [code, code]),
);

/** What to do for a registry that asks who asks. */
const tokenHint = "hand in its token: registryToken, or --token-file FILE";

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

function array(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new GeeError("INVALID_ARGUMENT", `${path}: it must be an array`, { executed: "no" });
}

function parseGone(value: unknown, path: string): GoneMember {
  const fields = new Fields(value, path);
  return { id: fields.may("id", instanceId), address: fields.need("address", peerField) };
}

/** A JSON answer to a list request. @throws GeeError INVALID_ARGUMENT when it is none */
export function parseList(value: unknown): RegistryList {
  const fields = new Fields(value, "answer");
  fields.need("protocol", integer(1, Number.MAX_SAFE_INTEGER));
  const delta = fields.may("delta", flag) ?? false;
  const instances = readAll(fields.need("instances", array), (item, index) =>
    parseMember(item, `answer.instances[${index}]`),
  );
  const gone = readAll(delta ? fields.need("gone", array) : [], (item, index) =>
    parseGone(item, `answer.gone[${index}]`),
  );
  return {
    members: instances.good,
    delta,
    gone: gone.good,
    epoch: fields.need("epoch", text(64)),
    index: fields.need("index", integer(0, Number.MAX_SAFE_INTEGER)),
    hash: fields.may("hash", text(16, /^[0-9a-f]{16}$/)),
    leaseMs: fields.need("leaseMs", number(0, Number.MAX_SAFE_INTEGER)),
    token: fields.need("token", text(256)),
    warming: fields.need("warming", flag),
    frozen: fields.need("frozen", flag),
    skipped: [...instances.skipped, ...gone.skipped],
  };
}

/** The list in GeeRPC's header. */
export function parseHeaderList(header: string): RegistryList {
  const written = header.split(",").map((item) => item.trim());
  const { good, skipped } = readAll(
    written.filter((item) => item !== ""),
    (item) => memberAt(parsePeerAddress(String(item))),
  );
  return {
    members: good,
    delta: false,
    gone: [],
    index: -1,
    leaseMs: limits.leaseMs,
    warming: false,
    frozen: false,
    skipped,
  };
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
    const hint = code === "UNAUTHENTICATED" ? tokenHint : undefined;
    return new GeeError(code, `registry ${url}: ${message}`, { executed: "no", hint });
  } catch {
    return undefined;
  }
}
