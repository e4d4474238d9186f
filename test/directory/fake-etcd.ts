import type { Send } from "../../src/discovery/registry-client.ts";
import { FakeClock } from "../support/clock.ts";

/** A key as the fake has it. */
export interface FakeKey {
  readonly value: string;
  readonly revision: number;
  readonly lease: string;
}

interface FakeLease {
  readonly seconds: number;
  endsAt: number;
}

interface Change {
  readonly key: string;
  readonly revision: number;
  /** Undefined when it vanished. */
  readonly now: FakeKey | undefined;
}

interface Watch {
  readonly member: string;
  readonly end: string;
  readonly from: string;
  send(result: object): void;
  close(): void;
}

type Body = Readonly<Record<string, unknown>>;

function isBody(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bodyOf(value: unknown): Body {
  return isBody(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function decode(value: unknown): string {
  return Buffer.from(String(value ?? ""), "base64").toString("latin1");
}

function encode(plain: string): string {
  return Buffer.from(plain, "latin1").toString("base64");
}

/** A refusal with the number of gRPC. */
class Refusal extends Error {
  readonly number: number;
  constructor(number: number, message: string) {
    super(message);
    this.number = number;
  }
}

/** The shortest lease that etcd grants, in seconds. */
const leastSeconds = 2;

/**
 * A cluster of etcd as its JSON gateways show it, in memory, and in a test's own time. It answers
 * what a registry asks, to the field; faults are set from outside.
 */
export class FakeEtcd {
  cluster = 4_242n;
  revision = 1;
  term = 2;
  /** Refuse connections. */
  readonly down: Set<string> = new Set();
  /** Take requests and answer nothing, for ever. */
  readonly hung: Set<string> = new Set();
  /** There is no leader: everything fails, watches end. */
  headless = false;
  /** Writes are done and their answers lost. */
  losesAnswers = false;
  /** Nothing is sent on watches. */
  mute = false;
  /** `MEMBER PATH` of each request. */
  readonly asked: string[] = [];
  readonly keys: Map<string, FakeKey> = new Map();
  readonly leases: Map<string, FakeLease> = new Map();
  readonly #clock: FakeClock;
  readonly #history: Change[] = [];
  readonly #watches = new Set<Watch>();
  #compactedTo = 0;
  #nextLease = 7_587_870_000_000_000_001n;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Requests to a path, so far. */
  count(path: string): number {
    return this.asked.filter((line) => line.endsWith(path)).length;
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** The member of each watch. */
  get watched(): readonly string[] {
    return [...this.#watches].map(({ member }) => member);
  }

  readonly fetch: Send = async (url, init) => {
    const { host: member, pathname } = new URL(url);
    this.asked.push(`${member} ${pathname}`);
    if (this.down.has(member)) throw Object.assign(new TypeError("down"), { code: "ECONNREFUSED" });
    if (this.hung.has(member)) {
      const { promise, reject } = Promise.withResolvers<never>();
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      return promise;
    }
    // The answer comes in a later turn, as from a socket.
    await new Promise((resolve) => setImmediate(resolve));
    init.signal?.throwIfAborted();
    try {
      if (this.headless) throw new Refusal(14, "etcdserver: no leader");
      const lines = String(init.body).split("\n");
      const [first = ""] = lines;
      if (pathname === "/v3/watch") return this.#watch(member, JSON.parse(first), init.signal);
      if (pathname === "/v3/lease/keepalive") {
        const answers = lines.map((text) => this.#keepAlive(bodyOf(JSON.parse(text))));
        return new Response(answers.map((result) => JSON.stringify({ result })).join("\n"));
      }
      const answer = this.#answer(pathname, bodyOf(JSON.parse(first)));
      if (this.losesAnswers) throw new TypeError("the connection was lost");
      return Response.json(answer);
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      const { message, number: code } = thrown;
      return Response.json({ error: message, message, code }, { status: code === 5 ? 404 : 400 });
    }
  };

  /** Writes a key as another program would. */
  put(key: string, value: string, lease = "0"): void {
    if (lease !== "0" && !this.leases.has(lease)) {
      throw new Refusal(5, "etcdserver: requested lease not found");
    }
    this.revision += 1;
    const now = { value, revision: this.revision, lease };
    this.keys.set(key, now);
    this.#tell([{ key, revision: this.revision, now }]);
  }

  /** Removes keys in one revision. */
  remove(...keys: readonly string[]): void {
    const there = keys.filter((key) => this.keys.delete(key));
    if (there.length === 0) return;
    this.revision += 1;
    const { revision } = this;
    this.#tell(there.map((key) => ({ key, revision, now: undefined })));
  }

  /** A lease of its own. */
  grant(seconds: number): string {
    const lease = `${this.#nextLease++}`;
    const granted = Math.max(seconds, leastSeconds);
    this.leases.set(lease, { seconds: granted, endsAt: this.#clock.now() + granted * 1_000 });
    this.#plan(lease);
    return lease;
  }

  /** Ends a lease, and the keys under it. */
  revoke(lease: string): void {
    if (!this.leases.delete(lease)) return;
    this.remove(...[...this.keys].filter(([, key]) => key.lease === lease).map(([key]) => key));
  }

  /** Forgets all older revisions; watches that are behind are told so when they come back. */
  compact(): void {
    this.#compactedTo = this.revision;
    this.#history.length = 0;
  }

  /** Ends all watches, without a word. */
  cut(): void {
    for (const watch of this.#watches) watch.close();
  }

  /** Another leader: it starts all leases anew. */
  elect(): void {
    this.term += 1;
    for (const lease of this.leases.values()) {
      lease.endsAt = this.#clock.now() + lease.seconds * 1_000;
    }
  }

  /** Loses everything, and starts as a cluster of the same name. */
  wipe(): void {
    this.cut();
    this.keys.clear();
    this.leases.clear();
    this.#history.length = 0;
    this.#compactedTo = 0;
    this.revision = 1;
  }

  /** A message on all watches. */
  say(result: object): void {
    for (const watch of this.#watches) watch.send(result);
  }

  #plan(lease: string): void {
    const state = this.leases.get(lease);
    if (state === undefined) return;
    const left = state.endsAt - this.#clock.now();
    if (left <= 0) return this.revoke(lease);
    this.#clock.elsewhere().after(left, () => this.#plan(lease));
  }

  get #header(): object {
    const { cluster, revision, term } = this;
    const header = { cluster_id: `${cluster}`, member_id: "1", revision: `${revision}` };
    return { ...header, raft_term: `${term}` };
  }

  #show(key: string, { value, revision, lease }: FakeKey): object {
    const shown = { key: encode(key), mod_revision: `${revision}`, version: "1" };
    const under = lease === "0" ? {} : { lease };
    return { ...shown, ...under, ...(value === "" ? {} : { value: encode(value) }) };
  }

  #answer(path: string, body: Body): object {
    const header = this.#header;
    if (path === "/v3/kv/range") return { header, ...this.#range(body) };
    if (path === "/v3/kv/txn") return this.#txn(body);
    if (path === "/v3/lease/grant") {
      const lease = this.grant(Number(body["TTL"]));
      return { header, ID: lease, TTL: `${this.leases.get(lease)?.seconds}` };
    }
    if (path === "/v3/lease/timetolive") {
      const lease = this.leases.get(String(body["ID"]));
      if (lease === undefined) return { header, ID: body["ID"], TTL: "-1" };
      const left = Math.floor((lease.endsAt - this.#clock.now()) / 1_000);
      const ttl = left === 0 ? {} : { TTL: `${left}` };
      return { header, ID: body["ID"], ...ttl, grantedTTL: `${lease.seconds}` };
    }
    throw new Error(`the fake does not know ${path}`);
  }

  #range(body: Body): object {
    const at = Number(body["revision"] ?? 0);
    if (at > 0 && at < this.#compactedTo) {
      throw new Refusal(11, "etcdserver: mvcc: required revision has been compacted");
    }
    const from = decode(body["key"]);
    const end = body["range_end"] === undefined ? `${from}\0` : decode(body["range_end"]);
    const found = [...this.keys]
      .filter(([key]) => key >= from && key < end)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const limit = Number(body["limit"] ?? 0) || found.length;
    const count = { count: `${found.length}` };
    if (body["count_only"] === true) return count;
    const kvs = found.slice(0, limit).map(([key, state]) => this.#show(key, state));
    const more = found.length > limit ? { more: true } : {};
    return kvs.length === 0 ? {} : { kvs, ...count, ...more };
  }

  #txn(body: Body): object {
    const compare = bodyOf(listOf(body["compare"])[0]);
    const key = decode(compare["key"]);
    const isSame = Number(compare["mod_revision"]) === (this.keys.get(key)?.revision ?? 0);
    if (!isSame) {
      const responses = [{ response_range: { header: {}, ...this.#range({ key: encode(key) }) } }];
      return { header: this.#header, responses };
    }
    const change = bodyOf(listOf(body["success"])[0]);
    const put = bodyOf(change["request_put"]);
    if ("request_put" in change) this.put(key, decode(put["value"]), String(put["lease"]));
    else this.remove(key);
    return { header: this.#header, succeeded: true, responses: [{ response_put: {} }] };
  }

  #keepAlive(body: Body): object {
    const lease = this.leases.get(String(body["ID"]));
    const answer = { header: this.#header, ID: body["ID"] };
    if (lease === undefined) return answer;
    lease.endsAt = this.#clock.now() + lease.seconds * 1_000;
    this.#plan(String(body["ID"]));
    return { ...answer, TTL: `${lease.seconds}` };
  }

  #watch(member: string, body: unknown, signal: AbortSignal | null | undefined): Response {
    const create = bodyOf(bodyOf(body)["create_request"]);
    const start = Number(create["start_revision"]);
    const watches = this.#watches;
    const text = new TextEncoder();
    let watch: Watch | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const own: Watch = {
          member,
          from: decode(create["key"]),
          end: decode(create["range_end"]),
          send: (result) => {
            const header = this.#header;
            const line = JSON.stringify({ result: { header, ...result } });
            controller.enqueue(text.encode(`${line}\n`));
          },
          close() {
            if (watches.delete(own)) controller.error(new TypeError("the connection was lost"));
          },
        };
        watch = own;
        watches.add(own);
        signal?.addEventListener("abort", () => own.close());
        own.send({ created: true });
        if (start < this.#compactedTo) {
          own.send({ canceled: true, compact_revision: `${this.#compactedTo}` });
          return;
        }
        this.#send(
          own,
          this.#history.filter(({ revision }) => revision >= start),
        );
      },
      cancel: () => watch?.close(),
    });
    return new Response(stream);
  }

  #tell(changes: readonly Change[]): void {
    this.#history.push(...changes);
    if (this.mute) return;
    for (const watch of this.#watches) this.#send(watch, changes);
  }

  #send(watch: Watch, changes: readonly Change[]): void {
    const events = changes
      .filter(({ key }) => key >= watch.from && key < watch.end)
      .map(({ key, revision, now }) => {
        if (now !== undefined) return { kv: this.#show(key, now) };
        return { type: "DELETE", kv: { key: encode(key), mod_revision: `${revision}` } };
      });
    if (events.length > 0) watch.send({ events });
  }
}
