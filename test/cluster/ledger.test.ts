import { expect, test } from "bun:test";
import { connect, GeeError } from "../../src/index.ts";
import type { CallOptions, Gee } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import { violations } from "../support/call-history.ts";
import type { Attempt, CallKind, LedgerEntry } from "../support/call-history.ts";
import type { ServerProcess } from "../support/cluster.ts";
import { Fleet } from "../support/fleet.ts";
import { seededRandom } from "../wire/random-values.ts";

// Every handler writes the name of its call into a ledger before it does anything else. Afterwards
// the ledger is held against what the callers were told.

const isLong = Bun.env["GEE_LONG"] === "1";
const firstSeed = Number(Bun.env["GEE_SEED"] ?? 1);
/** A deadline is kept to 50 ms on a machine that does nothing else; here twenty times that. */
const lateMs = 1_000;

const plain: Attempt = {
  deed: "a",
  kind: "plain",
  timeoutMs: 100,
  issuedAt: 0,
  settledAt: [50],
  outcome: "result",
  answer: "a",
};
const failed = { ...plain, answer: undefined, why: "X" };

test.each<
  readonly [
    what: string,
    history: readonly Attempt[],
    ledger: LedgerEntry[],
    found: string | RegExp,
  ]
>([
  ["an answer", [plain], [["a", 1]], ""],
  ["a call that never settled", [{ ...plain, settledAt: [] }], [["a", 1]], /never settled/],
  ["one that settled twice", [{ ...plain, settledAt: [1, 2] }], [["a", 1]], /settled 2 times/],
  ["one that settled late", [{ ...plain, settledAt: [161] }], [["a", 1]], /settled after 161/],
  ["an answer of another", [{ ...plain, answer: "b" }], [["a", 1]], /answered with b/],
  ["an answer of nobody", [plain], [], /answered and never begun/],
  [
    "a call that ran twice",
    [plain],
    [
      ["a", 1],
      ["a", 2],
    ],
    /begun 2 times/,
  ],
  ["one that may have run", [{ ...failed, outcome: "maybe" }], [["a", 1]], ""],
  ["one that may have run and has not", [{ ...failed, outcome: "maybe" }], [], ""],
  ["one that has not run", [{ ...failed, outcome: "no" }], [], ""],
  ["a lie that it has not", [{ ...failed, outcome: "no" }], [["a", 1]], /certainly not executed/],
  ["a lie that it has", [{ ...failed, outcome: "yes" }], [], /executed for certain/],
  ["one way, lost", [{ ...plain, kind: "one-way", answer: undefined }], [], ""],
  [
    "a key that was tried again",
    [
      { ...failed, kind: "keyed", outcome: "maybe" },
      { ...failed, kind: "keyed", outcome: "no" },
      { ...plain, kind: "keyed" },
    ],
    [["a", 1]],
    "",
  ],
  [
    "a key that ran twice",
    [
      { ...failed, kind: "keyed", outcome: "maybe" },
      { ...plain, kind: "keyed" },
    ],
    [
      ["a", 1],
      ["a", 1],
    ],
    /begun 2 times/,
  ],
  ["a call of nobody's", [], [["b", 1]], /nobody asked/],
])("the check knows %s", (_what, history, ledger, found) => {
  const all = violations(history, ledger, 60).join("\n");
  if (typeof found === "string") expect(all).toBe(found);
  else expect(all).toMatch(found);
});

/** Makes calls of every kind and writes down what became of them. */
class Callers {
  readonly history: Attempt[] = [];
  readonly #registry: string;
  /** Those that live, as far as the test knows. */
  readonly #servers: readonly ServerProcess[];
  readonly #seed: number;
  readonly #hands: readonly Promise<void>[];
  #gee: Gee;
  #next = 0;
  #stopping = false;

  constructor(registry: string, servers: readonly ServerProcess[], seed: number, hands: number) {
    this.#registry = registry;
    this.#servers = servers;
    this.#seed = seed;
    this.#gee = this.#connect();
    this.#hands = Array.from({ length: hands }, (_, hand) => this.#work(hand));
  }

  #connect(): Gee {
    return connect({ registry: this.#registry, log: silentLog, drainTimeoutMs: 0 });
  }

  /** Breaks all connections with what is in flight on them, and goes on with others. */
  async reconnect(): Promise<void> {
    const old = this.#gee;
    this.#gee = this.#connect();
    await old[Symbol.asyncDispose]();
  }

  async #work(hand: number): Promise<void> {
    const random = seededRandom(this.#seed * 1_000 + hand);
    while (!this.#stopping) {
      const deed = `deed${this.#next++}`;
      const ms = random() < 0.5 ? 0 : Math.floor(random() * 60);
      const kinds: readonly CallKind[] = ["plain", "plain", "plain", "keyed", "keyed", "one-way"];
      const kind = kinds[Math.floor(random() * kinds.length)] ?? "plain";
      const timeoutMs = random() < (kind === "keyed" ? 0.5 : 0.2) ? 30 : 1_000;
      const fails = kind === "plain" && random() < 0.1;
      if (kind === "keyed") await this.#insist(deed, ms, timeoutMs, random);
      else {
        await this.#attempt({ deed, kind, timeoutMs }, fails ? "Stage.Fail" : "Stage.Work", ms, {
          oneWay: kind === "one-way",
        });
      }
      await Bun.sleep(random() * 10);
    }
  }

  /** The same deed on the same instance, until it is known to be done or has failed five times. */
  async #insist(deed: string, ms: number, timeoutMs: number, random: () => number): Promise<void> {
    const to = this.#servers[Math.floor(random() * this.#servers.length)]?.said.id ?? "";
    for (let attempt = 0; attempt < 5 && !this.#stopping; attempt++) {
      const options = { to, idempotencyKey: deed };
      const made = { deed, kind: "keyed", timeoutMs: timeoutMs * (attempt + 1) } as const;
      if (await this.#attempt(made, "Stage.Work", ms, options)) return;
      await Bun.sleep(random() * 50);
    }
  }

  /** Whether it was answered. */
  async #attempt(
    made: Pick<Attempt, "deed" | "kind" | "timeoutMs">,
    method: string,
    ms: number,
    options: CallOptions,
  ): Promise<boolean> {
    const attempt: Attempt = {
      ...made,
      issuedAt: performance.now(),
      settledAt: [],
      outcome: undefined,
    };
    this.history.push(attempt);
    const { deed, timeoutMs } = made;
    try {
      const answer = await this.#gee.call(method, [deed, ms], { ...options, timeoutMs });
      attempt.answer = answer;
      attempt.outcome = "result";
    } catch (error) {
      if (!(error instanceof GeeError)) throw error;
      attempt.outcome = error.executed;
      attempt.why = `${error.code} ${error.reason}: ${error.message}`;
    } finally {
      attempt.settledAt.push(performance.now());
    }
    return attempt.outcome === "result" || attempt.outcome === "yes";
  }

  /** Waits until the last call has settled; one that never does is for the check to find. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.race([Promise.all(this.#hands), Bun.sleep(15_000)]);
    await this.#gee[Symbol.asyncDispose]();
  }
}

/** One thing after the other that happens to servers and connections, for so long. */
async function disturb(
  servers: ServerProcess[],
  start: () => Promise<ServerProcess>,
  callers: Callers,
  random: () => number,
  forMs: number,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const until = performance.now() + forMs;
  const kinds = ["kill", "kill", "stop for a while", "told to stop", "reconnect"] as const;
  while (performance.now() < until) {
    const kind = kinds[Math.floor(random() * kinds.length)] ?? "kill";
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const at = Math.floor(random() * servers.length);
    const server = servers[at];
    if (server === undefined) throw new Error("no server to disturb");
    if (kind === "reconnect") {
      await callers.reconnect();
    } else if (kind === "stop for a while") {
      server.signal("SIGSTOP");
      await Bun.sleep(100 + random() * (isLong ? 2_500 : 600));
      server.signal("SIGCONT");
    } else {
      server.signal(kind === "kill" ? "SIGKILL" : "SIGTERM");
      const code = await server.exited;
      if (kind === "told to stop" && code !== 0) throw new Error(`it ended with ${code}`);
      servers[at] = await start();
    }
    await Bun.sleep(random() * 300);
  }
  return counts;
}

async function run(seed: number, forMs: number): Promise<void> {
  await using fleet = await Fleet.create();
  const { url } = (await fleet.registry()).said;
  const start = (): Promise<ServerProcess> =>
    fleet.server({ registry: url, stages: ["Stage"], lameDuckMs: 100, drainTimeoutMs: 2_000 });
  const servers = await Promise.all([start(), start(), start()]);
  const callers = new Callers(url, servers, seed, 48);
  const disturbed = await disturb(servers, start, callers, seededRandom(seed), forMs);
  await callers.stop();
  // What was sent one way may still begin: only when nobody is left is the ledger complete.
  for (const server of servers) server.signal("SIGTERM");
  for (const server of servers) expect(await server.exited).toBe(0);
  const begun = await fleet.journal("begun");
  const ledger = begun.map(({ call, pid }): LedgerEntry => [call, pid]);
  const { history } = callers;
  const outcomes = Map.groupBy(history, ({ kind, outcome }) => `${kind} ${outcome}`);
  console.log(
    `seed ${seed}: ${history.length} calls, ${ledger.length} begun;`,
    [...outcomes].map(([what, { length }]) => `${what} ${length}`).join(", "),
    [...disturbed].map(([what, count]) => `${what} ${count}`).join(", "),
  );
  expect(violations(history, ledger, lateMs)).toEqual([]);
  // It was no quiet time, and not a dead one either.
  expect(outcomes.get("plain maybe")?.length ?? 0).toBeGreaterThan(0);
  expect(outcomes.get("plain result")?.length ?? 0).toBeGreaterThan(history.length / 8);
}

const seeds = isLong ? Array.from({ length: 6 }, (_, index) => firstSeed + index) : [firstSeed];
const forMs = isLong ? 20_000 : 2_500;

for (const seed of seeds) {
  test(`what callers were told of their calls is true while three servers are killed, stopped and restarted (seed ${seed})`, async () => {
    await run(seed, forMs);
  }, 90_000);
}
