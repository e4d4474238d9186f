import type { Address } from "../base/address.ts";
import { parsePeerEndpoint } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { isServiceName } from "../base/names.ts";
import { isToken } from "../base/token.ts";
import { contains, type IpRange, parseIp, parseRange } from "./ip-range.ts";
import { digestOf } from "./secret.ts";

/** What one token allows. Every token may read. */
export interface TokenRule {
  /** SHA-256 of the token, in hex. The token itself is not kept. */
  readonly digest: string;
  /** What stores keep of it, to tell whose an instance is: 16 hex digits that open nothing. */
  readonly owner: string;
  /** How a person finds it: `line 3`. */
  readonly name: string;
  /** Whether it may register, renew and withdraw. */
  readonly writes: boolean;
  /** The services that it may register; undefined: all. */
  readonly services: ReadonlySet<string> | undefined;
  /** Where those may be; undefined: anywhere. */
  readonly ranges: readonly IpRange[] | undefined;
}

function wrong(place: string, why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", `${place}: ${why}`, {
    reason: "BAD_TOKENS",
    executed: "no",
    hint: "lines are TOKEN read, or TOKEN write [services=Foo,Bar] [addresses=10.0.0.0/8]",
  });
}

function entries(written: string, place: string, name: string): readonly string[] {
  const all = written.split(",");
  if (all.includes("")) throw wrong(place, `${name}= has an empty entry`);
  return all;
}

function parseServices(written: string, place: string): ReadonlySet<string> {
  const names = entries(written, place, "services");
  const bad = names.find((name) => !isServiceName(name));
  if (bad !== undefined) throw wrong(place, `${JSON.stringify(bad)} is no name of a service`);
  return new Set(names);
}

function parseRanges(written: string, place: string): readonly IpRange[] {
  return entries(written, place, "addresses").map((text) => {
    const range = parseRange(text);
    if (range !== undefined) return range;
    throw wrong(place, `${JSON.stringify(text)} is no IP address and no range like 10.0.0.0/8`);
  });
}

function parseLine(words: readonly string[], line: number, from: string): TokenRule {
  const [token = "", verb, ...scopes] = words;
  const place = `${from}, line ${line}`;
  // What is wrong may be the token, which no message may show.
  if (!isToken(token)) throw wrong(place, "the first word has characters that no token has");
  if (token.length < limits.minTokenLength) {
    throw wrong(place, `a token has at least ${limits.minTokenLength} characters`);
  }
  if (verb !== "read" && verb !== "write") {
    throw wrong(place, "the second word is neither read nor write");
  }
  let services: ReadonlySet<string> | undefined;
  let ranges: readonly IpRange[] | undefined;
  for (const scope of scopes) {
    const [, name, value = ""] = /^(services|addresses)=(.*)$/.exec(scope) ?? [];
    if (verb === "read") throw wrong(place, "a token that only reads has nothing behind read");
    if (name === "services" && services === undefined) services = parseServices(value, place);
    else if (name === "addresses" && ranges === undefined) ranges = parseRanges(value, place);
    else throw wrong(place, "behind write come services=... and addresses=..., each at most once");
  }
  const digest = digestOf(token);
  const owner = digestOf(digest).slice(0, 16);
  return { digest, owner, name: `line ${line}`, writes: verb === "write", services, ranges };
}

/**
 * The tokens of a registry: a line each, `TOKEN read`, or `TOKEN write` with
 * `services=Foo,Bar` and `addresses=10.0.0.0/8,192.0.2.1` for those that it may register; absent,
 * it may register all. Empty lines, and `#` with what follows it, do not count.
 *
 * @param from how errors call where the text is from
 * @throws GeeError INVALID_ARGUMENT, reason BAD_TOKENS, with the number of the line
 */
export function parseTokens(text: string, from = "tokens"): readonly TokenRule[] {
  const rules = new Map<string, TokenRule>();
  for (const [index, written] of text.split("\n").entries()) {
    const words = written.replace(/(^|\s)#.*/, "").match(/[^\s]+/g) ?? [];
    if (words.length === 0) continue;
    const rule = parseLine(words, index + 1, from);
    const place = `${from}, ${rule.name}`;
    const same = rules.get(rule.digest);
    if (same !== undefined) throw wrong(place, `its token is that of ${same.name}`);
    rules.set(rule.digest, rule);
    if (rules.size > limits.maxTokens) throw wrong(place, `at most ${limits.maxTokens} tokens`);
  }
  if (rules.size === 0) throw wrong(from, "there is none, and so nobody could ask anything");
  return [...rules.values()];
}

function forbidden(message: string): GeeError {
  return new GeeError("PERMISSION_DENIED", message, { reason: "TOKEN_SCOPE", executed: "no" });
}

/**
 * Whether a token may have a registration such as this one.
 *
 * @param services undefined for a header-only peer, which may serve anything
 * @throws GeeError PERMISSION_DENIED, reason TOKEN_SCOPE, naming what the token may not do
 */
export function checkScope(
  rule: TokenRule,
  address: Address,
  services: readonly string[] | undefined,
): void {
  const { services: known, ranges } = rule;
  if (!rule.writes) throw forbidden("this token may read, and register nothing");
  if (known !== undefined && services === undefined) {
    throw forbidden("this token may not register a peer that names no services");
  }
  const others = known && services?.filter((name) => !known.has(name));
  if (others !== undefined && others.length > 0) {
    throw forbidden(`this token may not register ${others.slice(0, 8).join(", ")}`);
  }
  if (ranges === undefined) return;
  const endpoint = parsePeerEndpoint(address);
  // A name can lead anywhere, whatever it leads to now.
  const ip = endpoint.kind === "unix" ? undefined : parseIp(endpoint.host);
  if (ip === undefined || !ranges.some((range) => contains(range, ip))) {
    throw forbidden(`this token may not register at ${address}`);
  }
}
