import { isLoopbackHost } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { splitList } from "../base/names.ts";
import { checkToken } from "../base/token.ts";
import { registryPath } from "./registry-names.ts";

function badUrl(why: string): GeeError {
  return new GeeError("INVALID_ARGUMENT", `malformed registry URL: ${why}`, {
    reason: "BAD_URL",
    executed: "no",
    hint: "write it like http://127.0.0.1:9999",
  });
}

/**
 * A registry's URL from what a person writes: a base URL, or the whole path.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_URL
 */
export function parseRegistryUrl(text: string): string {
  const shown = JSON.stringify(text.replace(/\/\/.*@/, "//...@"));
  if (!/^https?:\/\/[^/]/i.test(text))
    throw badUrl(`${shown} starts with neither http:// nor https://`);
  const url = URL.parse(text);
  if (url === null) throw badUrl(`${shown} is no URL`);
  if (url.username !== "" || url.password !== "") {
    throw badUrl(`${shown} has a user or a password, which would be sent in the clear`);
  }
  if (url.search !== "" || url.hash !== "" || /[?#]/.test(text)) {
    throw badUrl(`${shown} has a query or a fragment`);
  }
  const path = url.pathname.replace(/\/$/, "");
  if (path !== "" && path !== registryPath) {
    throw badUrl(`the path of ${shown} is neither empty nor ${registryPath}`);
  }
  return `${url.origin}${registryPath}`;
}

/** Registries' URLs from a list, or from text with commas between them. @throws GeeError */
export function parseRegistryUrls(value: string | readonly string[]): readonly string[] {
  return splitList(value).map(parseRegistryUrl);
}

/** Whether a registry is on this machine, by its parsed URL. */
export function isLoopbackUrl(url: string): boolean {
  return isLoopbackHost(new URL(url).hostname.replace(/^\[|\]$/g, ""));
}

/** What was said to whom: a server and the client of its handlers have one log. */
const warned = new WeakMap<Log, Set<string>>();

/**
 * Looks at a token before it is sent. One that crosses a network where anybody on the way can read
 * it is worth a warning, once for each log and registry, and no more: the network may be protected
 * by other means.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_TOKEN
 */
export function checkRegistryToken(
  urls: readonly string[],
  token: string | undefined,
  log: Log,
): void {
  if (token === undefined) return;
  checkToken(token);
  const known = warned.get(log) ?? new Set();
  warned.set(log, known);
  for (const url of urls) {
    if (url.startsWith("https:") || isLoopbackUrl(url) || known.has(url)) continue;
    known.add(url);
    log.warn("the registry token is sent in the clear; https would hide it", { url });
  }
}
