import { type Address, parseAddress } from "../../src/base/address.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import type { Clock } from "../../src/base/time.ts";
import { type Member, memberAt } from "../../src/discovery/member.ts";
import { hashText, memberHash } from "../../src/discovery/member-hash.ts";
import { createRegistryClient, type RegistryClient } from "../../src/discovery/registry-client.ts";

/** An instance id of one digit, 32 times. */
function idOf(digit: string): string {
  return digit.repeat(32);
}

/** An up member `host-DIGIT:1` with the id of that digit, of class Foo. */
export function member(digit: string, changes: Partial<Member> = {}): Member {
  const address = parseAddress(`tcp@host-${digit}:1`);
  return { ...memberAt(address), id: idOf(digit), services: ["Foo"], revision: 1, ...changes };
}

interface Change {
  readonly index: number;
  readonly key: string;
  readonly id: string | undefined;
  readonly address: Address;
}

/** Answers a list request with what a test set: no leases, no times, no port. */
export class ScriptedRegistry {
  readonly client: RegistryClient;
  /** The query of every list request, in order, those that failed too. */
  readonly requests: string[] = [];
  /** `"old"`: GeeRPC's, which has headers only. */
  kind: "new" | "old" = "new";
  epoch = "epoch1";
  index = 0;
  leaseMs = 9_000;
  warming = false;
  frozen = false;
  /** Refuses connections. */
  down = false;
  /** The code of what it answers instead of a list. */
  refuses: string | undefined;
  /** Answers nothing, for ever. */
  hung = false;
  /** It answers nothing before this resolves. */
  slow: PromiseWithResolvers<void> | undefined;
  /** Holds no watch: answers it at once, as when there are too many. */
  impatient = false;
  /** Says another hash than its list has. */
  lies = false;
  /** Requests that it holds. */
  watchers = 0;
  readonly #clock: Clock;
  #members: Map<string, Member> = new Map();
  #changes: Change[] = [];
  /** Changes before this index are forgotten. */
  #reachesTo = 0;
  #news = Promise.withResolvers<void>();

  constructor(clock: Clock, name = "r1", log: Log = silentLog) {
    this.#clock = clock;
    this.client = createRegistryClient({
      url: `http://${name}.test`,
      log,
      clock,
      fetch: (url, init) => this.#send(new URL(url).search, init.signal),
    });
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  get hash(): string {
    let sum = this.lies ? 1n : 0n;
    for (const known of this.#members.values()) sum ^= memberHash(known);
    return hashText(sum);
  }

  /** Lists members, in place of what it listed of them. */
  put(...members: readonly Member[]): void {
    for (const next of members) {
      const key = next.id ?? next.address;
      this.#members.set(key, next);
      this.#change(key, next);
    }
  }

  /** Lists members no more. */
  remove(...digits: readonly string[]): void {
    for (const digit of digits) {
      const key = idOf(digit);
      const known = this.#members.get(key);
      if (known === undefined) continue;
      this.#members.delete(key);
      this.#change(key, known);
    }
  }

  /** Tells the watchers, though the list is the same: after `warming` or `frozen` was set. */
  wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Starts anew, with these members. */
  restart(members: readonly Member[] = []): void {
    this.epoch += "+";
    this.index = 0;
    this.#changes = [];
    this.#reachesTo = 0;
    this.#members = new Map();
    this.put(...members);
    this.wake();
  }

  /** Forgets which changes there were. */
  forgetChanges(): void {
    this.#changes = [];
    this.#reachesTo = this.index;
  }

  /** What it answers now to `?after=TOKEN`. */
  answer(after: string | undefined): Record<string, unknown> {
    const { epoch, index, leaseMs, warming, frozen, hash } = this;
    const token = `${epoch}-${index}`;
    const state = { protocol: 1, epoch, index, token, leaseMs, warming, frozen, hash };
    const [, from = "-1"] =
      new RegExp(`^${epoch.replaceAll("+", "\\+")}-(\\d+)$`).exec(after ?? "") ?? [];
    const since = Number(from);
    if (since < this.#reachesTo || since > index) return { ...state, instances: this.members };
    const changed = new Map(
      this.#changes.filter((change) => change.index > since).map((change) => [change.key, change]),
    );
    const instances = this.members.filter(({ id, address }) => changed.has(id ?? address));
    const gone = [...changed.values()]
      .filter(({ key }) => !this.#members.has(key))
      .map(({ id, address }) => ({ id, address }));
    return { ...state, delta: true, instances, gone };
  }

  #change(key: string, { id, address }: Member): void {
    this.index += 1;
    this.#changes.push({ index: this.index, key, id, address });
    this.wake();
  }

  async #send(search: string, signal: AbortSignal | null | undefined): Promise<Response> {
    const query = new URLSearchParams(search);
    this.requests.push(decodeURIComponent(search));
    if (this.down) throw Object.assign(new TypeError("down"), { code: "ECONNREFUSED" });
    if (this.hung) return new Promise(() => {});
    if (this.refuses !== undefined) {
      const error = { code: this.refuses, message: "not for you" };
      return Response.json({ error }, { status: 403 });
    }
    await this.slow?.promise;
    if (this.kind === "old") {
      const up = this.members.filter(({ state }) => state === "up");
      const servers = up.map(({ address }) => address).join(",");
      return new Response(null, { headers: { "X-Geerpc-Servers": servers } });
    }
    const after = query.get("after") ?? undefined;
    const waitMs = Number.parseInt(query.get("wait") ?? "0", 10);
    if (waitMs > 0 && !this.impatient && after === `${this.epoch}-${this.index}`) {
      await this.#hold(waitMs, signal);
    }
    return Response.json(this.answer(after));
  }

  /** Until there is news, the time is over, or the connection breaks. */
  async #hold(waitMs: number, signal: AbortSignal | null | undefined): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = this.#clock.after(waitMs, over.resolve);
    signal?.addEventListener("abort", () => over.resolve(), { once: true });
    this.watchers++;
    try {
      await Promise.race([this.#news.promise, over.promise]);
    } finally {
      this.watchers--;
      timer.cancel();
    }
    if (this.down) throw Object.assign(new TypeError("cut"), { code: "ECONNRESET" });
  }
}
