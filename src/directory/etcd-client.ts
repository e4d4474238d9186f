import { isLoopbackHost } from "../base/address.ts";
import { type Code, GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { backoffMs, type Clock, sleep } from "../base/time.ts";
import { Fields } from "../base/fields.ts";
import { readJson } from "../discovery/json-body.ts";
import type { Send } from "../discovery/registry-client.ts";
import { failure, parseRefusal, requestFailure, unavailable } from "./etcd-errors.ts";
import { readJsonLines } from "./etcd-lines.ts";
import { Gate } from "./gate.ts";

/** One try at one member ... */
const attemptMs = 1_000;

/** ... and after one that failed: what was sent to a leader that is gone is answered by nobody. */
const shakyAttemptMs = 400;

/** A try that has less time than this is none. */
const leastMs = 100;

/** All tries of one request; what asks us waits 2 s. */
const totalMs = 1_900;

/** Between two rounds of all members. */
const roundPause = { minMs: 50, maxMs: 400 } as const;

/** Requests at a time. The platform has room for 256 in all, and more would only wait there. */
const maxConcurrent = 64;

/** One line of a stream: etcd cuts what it sends to about 3 MB, which is 4 MB in base64. */
const maxLineBytes = 16_777_216;

/** Settings of an {@link EtcdClient}. */
export interface EtcdClientOptions {
  /** URLs of the members' gateways, as `parseEtcdUrl` gives them. */
  readonly members: readonly string[];
  readonly clock: Clock;
  /** From 0 to 1: with whom to begin, and jitter. */
  readonly random?: (() => number) | undefined;
  readonly fetch?: Send | undefined;
}

/** A stream of JSON values from one member. */
export interface EtcdStream {
  /** Number of the member that it comes from. */
  readonly member: number;
  /** Ends with the stream; throws GeeError when it breaks. Leaving it ends the stream. */
  readonly values: AsyncGenerator<unknown>;
}

/** How a request is made. */
export interface EtcdRequestOptions {
  /** This member and no other; default: one after the other until one answers. */
  readonly member?: number | undefined;
  /** It does not wait behind others. For the few on which everything else rests. */
  readonly urgent?: boolean | undefined;
  /** What one try may take when its answer is large; default: about a second. */
  readonly attemptMs?: number | undefined;
}

/** Another member may do better. */
const passing: readonly Code[] = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN"];

/**
 * Talks to a cluster of etcd through the JSON gateway (v3) that each member has. It stays with one
 * member while that answers, and goes on to the next when it does not; no member is given up for
 * good, and none is chosen for good.
 *
 * Every method rejects with a GeeError: UNAVAILABLE, executed maybe, when nobody answers in time,
 * else the code of etcd's own refusal.
 */
export class EtcdClient implements Disposable {
  readonly members: readonly string[];
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #send: Send;
  readonly #closing = new AbortController();
  /** The next request goes there. */
  #turn: number;
  /** A pooled connection to these may be half open. */
  readonly #failed = new Set<number>();
  /** The last answer was none. */
  #isShaky = false;
  readonly #gate = new Gate(maxConcurrent);

  constructor({ members, clock, random = Math.random, fetch: send = fetch }: EtcdClientOptions) {
    this.members = members;
    this.#clock = clock;
    this.#random = random;
    this.#send = send;
    this.#turn = Math.floor(random() * members.length) % members.length;
  }

  /** One request, one JSON value as its answer. It may reach several members, one by one. */
  async ask(path: string, body: object, options: EtcdRequestOptions = {}): Promise<unknown> {
    const read = (response: Response): Promise<unknown> =>
      readJson(response, limits.maxRegistryAnswerBytes);
    return this.#ask(path, JSON.stringify(body), options, read);
  }

  /** Many requests in one, and all answers to them: urgent. */
  async askMany(path: string, bodies: readonly object[]): Promise<readonly unknown[]> {
    const lines = bodies.map((body) => JSON.stringify(body)).join("\n");
    return this.#ask(path, lines, { urgent: true }, async ({ body }) => {
      const answers: unknown[] = [];
      for await (const answer of readJsonLines(body ?? [], maxLineBytes)) answers.push(answer);
      return answers;
    });
  }

  /** Opens a stream at one member; when that fails the next one opens it at another. */
  async open(path: string, body: object, signal: AbortSignal): Promise<EtcdStream> {
    const member = this.#turn;
    const stop = new AbortController();
    const end = (): void => stop.abort();
    signal.addEventListener("abort", end, { once: true });
    try {
      signal.throwIfAborted();
      const response = await this.#bounded(member, attemptMs, stop, () =>
        this.#exchange(member, path, JSON.stringify(body), stop.signal),
      );
      return { member, values: this.#values(member, response, stop) };
    } catch (thrown) {
      this.passOn(member);
      throw failure(this.#name(member), thrown);
    }
  }

  /** A member turned out not to be well: another one has the next turn. */
  passOn(member: number): void {
    this.#failed.add(member);
    if (this.#turn === member) this.#turn = (member + 1) % this.members.length;
  }

  /** Every request ends, and none begins. */
  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async *#values(member: number, { body }: Response, stop: AbortController) {
    const end = (): void => stop.abort();
    this.#closing.signal.addEventListener("abort", end, { once: true });
    try {
      for await (const value of readJsonLines(body ?? [], maxLineBytes)) {
        if (new Fields(value, "answer").has("error")) throw parseRefusal(this.#name(member), value);
        yield value;
      }
      throw unavailable(this.#name(member), "it ended the stream");
    } catch (thrown) {
      if (!stop.signal.aborted) this.passOn(member);
      throw failure(this.#name(member), thrown);
    } finally {
      this.#closing.signal.removeEventListener("abort", end);
      stop.abort();
    }
  }

  async #ask<T>(
    path: string,
    body: string,
    { member: only, urgent = false, attemptMs: ownMs }: EtcdRequestOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const giveUpAt = this.#clock.now() + totalMs;
    if (!urgent) await this.#gate.enter();
    try {
      for (let failures = 1; ; failures++) {
        const leftMs = giveUpAt - this.#clock.now();
        const member = only ?? this.#turn;
        if (leftMs < leastMs) throw unavailable(this.#name(member), "too many requests wait");
        const stop = new AbortController();
        try {
          const tryMs = ownMs ?? Math.min(this.#isShaky ? shakyAttemptMs : attemptMs, leftMs);
          const answer = await this.#bounded(member, tryMs, stop, async () =>
            read(await this.#exchange(member, path, body, stop.signal)),
          );
          this.#isShaky = false;
          return answer;
        } catch (thrown) {
          const error = requestFailure(this.#name(member), thrown);
          if (!passing.includes(error.code)) throw error;
          this.#isShaky = true;
          this.passOn(member);
          if (only !== undefined) throw error;
          await this.#pause(failures, giveUpAt, error);
        }
      }
    } finally {
      if (!urgent) this.#gate.leave();
    }
  }

  /** After each round of all members a short wait. @throws `error` when there is no time for it */
  async #pause(failures: number, giveUpAt: number, error: GeeError): Promise<void> {
    const { signal } = this.#closing;
    const rounds = failures / this.members.length;
    const pauseMs = Number.isInteger(rounds) ? backoffMs(rounds, roundPause, this.#random) : 0;
    if (signal.aborted || this.#clock.now() + pauseMs + leastMs > giveUpAt) throw error;
    if (pauseMs > 0) {
      await sleep(this.#clock, pauseMs, { signal, background: true }).catch(() => {
        throw error;
      });
    }
  }

  async #exchange(
    member: number,
    path: string,
    body: string,
    signal: AbortSignal,
  ): Promise<Response> {
    const base = this.#name(member);
    const response = await this.#send(base + path, {
      method: "POST",
      // With hasleader a member that has lost its cluster says so, and does not wait.
      headers: { "content-type": "application/json", "grpc-metadata-hasleader": "true" },
      body,
      signal,
      redirect: "error",
      credentials: "omit",
      keepalive: !this.#failed.has(member),
      // Time-outs are our own; a watch may be silent for days.
      timeout: false,
      // A proxy from the environment cannot reach this machine's own loopback.
      ...(isLoopbackHost(new URL(base).hostname.replace(/^\[|\]$/g, "")) ? { proxy: false } : {}),
    });
    if (response.status === 200) {
      this.#failed.delete(member);
      return response;
    }
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    if (isJson) throw parseRefusal(base, await readJson(response, limits.maxRegistryBodyBytes));
    await response.body?.cancel();
    throw unavailable(base, `it answered ${response.status}; is an etcd there?`);
  }

  /** Runs `work` until it ends, the time is over, or this client is. */
  async #bounded<T>(
    member: number,
    timeoutMs: number,
    stop: AbortController,
    work: () => Promise<T>,
  ): Promise<T> {
    const { signal } = this.#closing;
    const stopping = "the registry stops";
    if (signal.aborted) throw unavailable(this.#name(member), stopping);
    const { promise, reject } = Promise.withResolvers<never>();
    const give = (why: string): void => {
      reject(unavailable(this.#name(member), why));
      stop.abort();
    };
    const late = (): void => give(`no answer within ${Math.round(timeoutMs)} ms`);
    const timer = this.#clock.after(timeoutMs, late, { background: true });
    const close = (): void => give(stopping);
    signal.addEventListener("abort", close, { once: true });
    try {
      return await Promise.race([promise, work()]);
    } catch (thrown) {
      throw failure(this.#name(member), thrown);
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", close);
    }
  }

  #name(member: number): string {
    return this.members[member] ?? "";
  }
}
