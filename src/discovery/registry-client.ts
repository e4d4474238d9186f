import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { type Log, printable } from "../base/log.ts";
import { type Clock, systemClock } from "../base/time.ts";
import { isJson, readJson } from "./json-body.ts";
import type { Announcement } from "./member.ts";
import {
  parseFailure,
  parseGrant,
  parseHeaderList,
  parseList,
  type Registration,
  type RegistryList,
} from "./registry-answer.ts";
import { serverHeader, serversHeader } from "./registry-names.ts";
import { isLoopbackUrl, parseRegistryUrl } from "./registry-url.ts";

/** How long one request may take, and who may end it earlier. */
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default `limits.registryTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** What a list request asks for beside the list itself. An old registry knows neither. */
export interface ListOptions extends RequestOptions {
  /** The token of an earlier answer: what has changed since then is enough. */
  readonly after?: string | undefined;
  /**
   * How long the registry may hold the request until there is news. The time-out then begins when
   * this and the sixteenth that the registry may add for jitter are over. Default 0.
   */
  readonly waitMs?: number | undefined;
}

/**
 * One registry, ours or GeeRPC's. Every method rejects with a GeeError: UNAVAILABLE, executed no,
 * when the registry cannot be reached or makes no sense, or the code that the registry answered.
 */
export interface RegistryClient {
  /** The whole URL, path included. */
  readonly url: string;
  /** Announces an instance; with the secret of an earlier answer unless it is the first time. */
  register(
    announcement: Announcement,
    options?: RequestOptions & { readonly secret?: string | undefined },
  ): Promise<Registration>;
  /** One beat. @throws GeeError NOT_FOUND when the registry wants the whole announcement again */
  renew(
    announcement: Announcement,
    secret: string,
    options?: RequestOptions,
  ): Promise<Registration>;
  /** Takes an instance back; `announcement.revision` is that of the withdrawal. */
  withdraw(
    announcement: Pick<Announcement, "id" | "revision">,
    secret: string,
    options?: RequestOptions,
  ): Promise<void>;
  /** The members that it lists, or what has changed among them. */
  list(options?: ListOptions): Promise<RegistryList>;
}

/** What sends a request: the platform's own, or a test's. */
export type Send = (url: string, init: BunFetchRequestInit) => Promise<Response>;

const plainWords = new Map<unknown, string>([
  ["ECONNREFUSED", "connection refused"],
  ["ENOTFOUND", "its host name is unknown"],
  ["EAI_AGAIN", "its host name could not be looked up"],
  ["ECONNRESET", "it closed the connection without an answer"],
  ["EHOSTUNREACH", "no route to its host"],
  ["ENETUNREACH", "no route to its network"],
  ["EPROTO", "the TLS handshake failed; is it http and not https?"],
  ["UnexpectedRedirect", "it redirects elsewhere, which is not followed"],
  ["Malformed_HTTP_Response", "what answers there does not speak HTTP"],
]);

function causeInWords(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return plainWords.get(code) ?? printable(message);
}

/** Runs `work` until it ends, the time is over, or the caller gives up, whichever is first. */
async function bounded<T>(
  clock: Clock,
  options: ListOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, timeoutMs = limits.registryTimeoutMs, waitMs = 0 } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (reason: unknown): void => {
    reject(reason);
    controller.abort(reason);
  };
  const onAbort = (): void => stop(signal?.reason);
  const totalMs = waitMs + waitMs / 16 + timeoutMs;
  const late = (): void => stop(new Error(`no answer within ${totalMs} ms`));
  // What keeps the process alive during a long wait is the socket, if anything.
  const timer = clock.after(totalMs, late, { background: waitMs > 0 });
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work(controller.signal), promise]);
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * The calling side of a registry. Starts nothing.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_URL
 */
export function createRegistryClient(options: {
  /** As a person writes it; see {@link parseRegistryUrl}. */
  readonly url: string;
  /** Sent with every request, to this registry alone. As `checkRegistryToken` wants it. */
  readonly token?: string | undefined;
  readonly log: Log;
  readonly clock?: Clock | undefined;
  readonly fetch?: Send | undefined;
}): RegistryClient {
  const url = parseRegistryUrl(options.url);
  const { log, token, clock = systemClock, fetch: send = fetch } = options;
  // A proxy from the environment cannot reach this machine's own loopback.
  const direct = isLoopbackUrl(url) ? { proxy: false as const } : {};
  const credentials = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let lastSkipped = "";
  let failed = false;

  const unavailable = (why: string, cause?: unknown): GeeError =>
    new GeeError("UNAVAILABLE", `registry ${url}: ${why}`, {
      reason: "REGISTRY_UNAVAILABLE",
      executed: "no",
      hint: "is it running there? gee registry starts one",
      cause,
    });

  /** One request, and the whole of its answer read by `read`. */
  const ask = async <T>(
    init: BunFetchRequestInit,
    bounds: ListOptions,
    read: (response: Response) => Promise<T>,
    query = "",
  ): Promise<T> => {
    try {
      const result = await bounded(clock, bounds, async (signal) => {
        // A pooled connection may be half open; after a failure the next request opens its own.
        const wire = { redirect: "error", credentials: "omit", keepalive: !failed } as const;
        const response = await send(url + query, { ...init, ...wire, ...direct, signal });
        if (response.status === 200) return read(response);
        throw await refusal(response);
      });
      failed = false;
      return result;
    } catch (thrown) {
      if (thrown instanceof GeeError) throw thrown;
      failed = true;
      if (bounds.signal?.aborted) throw GeeError.from(bounds.signal.reason, "no");
      throw unavailable(causeInWords(thrown), thrown);
    }
  };

  const json = async (response: Response): Promise<unknown> => {
    try {
      return await readJson(response, limits.maxRegistryAnswerBytes);
    } catch (thrown) {
      throw unavailable(`its answer cannot be read: ${GeeError.from(thrown).message}`, thrown);
    }
  };

  const refusal = async (response: Response): Promise<GeeError> => {
    const { status } = response;
    if (!isJson(response.headers.get("content-type"))) {
      await response.body?.cancel();
      return unavailable(`it answered ${status}; is a registry there?`);
    }
    return parseFailure(await json(response), url) ?? unavailable(`it answered ${status}`);
  };

  const sensible = <T>(parse: () => T): T => {
    try {
      return parse();
    } catch (thrown) {
      throw unavailable(`its answer makes no sense: ${GeeError.from(thrown).message}`, thrown);
    }
  };

  const write = (address: string, body: unknown): BunFetchRequestInit => ({
    method: "POST",
    // The header makes a GeeRPC registry take a body that it does not read.
    headers: { ...credentials, "content-type": "application/json", [serverHeader]: address },
    body: JSON.stringify(body),
  });

  const registration =
    (secret: string | undefined) =>
    async (response: Response): Promise<Registration> => {
      if (isJson(response.headers.get("content-type"))) {
        const answer = await json(response);
        return sensible(() => parseGrant(answer, secret));
      }
      // GeeRPC answers a registration with nothing at all; a page of something else is no registry.
      for await (const chunk of response.body ?? []) {
        if (chunk.byteLength > 0) throw unavailable("what answers there is no registry");
      }
      return { kind: "old" };
    };

  return {
    url,
    register(announcement, { secret, ...bounds } = {}) {
      const init = write(announcement.address, { instance: announcement, secret });
      return ask(init, bounds, registration(undefined));
    },
    renew({ id, address, revision, load, lagMs, weight }, secret, bounds = {}) {
      const beat = { id, secret, revision, load, lagMs, weight };
      return ask(write(address, beat), bounds, registration(secret));
    },
    async withdraw({ id, revision }, secret, bounds = {}) {
      const headers = { ...credentials, "content-type": "application/json" };
      const body = JSON.stringify({ id, secret, revision });
      await ask({ method: "DELETE", headers, body }, bounds, async (response) => {
        await response.body?.cancel();
      });
    },
    list(bounds = {}) {
      const { after, waitMs = 0 } = bounds;
      const query = new URLSearchParams();
      if (after !== undefined) query.set("after", after);
      if (waitMs > 0) query.set("wait", `${waitMs}ms`);
      const init = { headers: { ...credentials, accept: "application/json" } };
      return ask(init, bounds, listed, query.size === 0 ? "" : `?${query}`);
    },
  };

  async function listed(response: Response): Promise<RegistryList> {
    const list = await readList(response);
    // A delta says nothing of those that it does not name.
    if (list.delta && list.skipped.length === 0) return list;
    const skipped = list.skipped.join("; ");
    // The list is read every few seconds; the same fault is worth one line.
    if (skipped !== "" && skipped !== lastSkipped) {
      const count = list.skipped.length;
      log.warn("registry lists members that make no sense", { url, count, skipped });
    }
    lastSkipped = skipped;
    return list;
  }

  async function readList(response: Response): Promise<RegistryList> {
    if (isJson(response.headers.get("content-type"))) {
      const answer = await json(response);
      return sensible(() => parseList(answer));
    }
    const header = response.headers.get(serversHeader);
    await response.body?.cancel();
    if (header === null) throw unavailable("what answers there is no registry");
    return parseHeaderList(header);
  }
}
