import type { Executed } from "../../src/index.ts";

/** How a call is made: as it is, with an idempotency key, or without an answer. */
export type CallKind = "plain" | "keyed" | "one-way";

/** One attempt of a test at a deed, as its caller saw it. */
export interface Attempt {
  /** What the handler writes into the ledger. Only attempts with a key share one. */
  readonly deed: string;
  readonly kind: CallKind;
  readonly timeoutMs: number;
  readonly issuedAt: number;
  /** When it settled, each time that it did. */
  readonly settledAt: number[];
  /** A result, or what an error said of having been executed. */
  outcome: "result" | Executed | undefined;
  /** With a result: what it was. */
  answer?: unknown;
  /** With an error: its code and reason. */
  why?: string;
}

/** One start of a handler: the deed, and the process that began it. */
export type LedgerEntry = readonly [deed: string, pid: number];

function settlesOnce(attempt: Attempt, lateMs: number): string | undefined {
  const { settledAt, issuedAt, timeoutMs } = attempt;
  const [at, ...more] = settledAt;
  if (at === undefined) return "never settled";
  if (more.length > 0) return `settled ${settledAt.length} times`;
  const tookMs = at - issuedAt;
  return tookMs > timeoutMs + lateMs ? `settled after ${tookMs} of ${timeoutMs} ms` : undefined;
}

/** What the attempts at one deed say about the ledger, and what it says about them. */
function executions(attempts: readonly Attempt[], pids: readonly number[]): string | undefined {
  const says = (outcome: Attempt["outcome"]): boolean =>
    attempts.some((attempt) => attempt.outcome === outcome);
  // What was sent one way has no answer; that it left is no proof that it came.
  const answered = attempts.some(({ kind, outcome }) => kind !== "one-way" && outcome === "result");
  if (pids.length === 0) {
    if (answered) return "answered and never begun";
    return says("yes") ? "executed for certain and never begun" : undefined;
  }
  // Those who share a deed may be refused while the first is at work.
  if (attempts.every(({ outcome }) => outcome === "no")) return "certainly not executed, and begun";
  if (pids.length > 1) return `begun ${pids.length} times`;
  return undefined;
}

/**
 * Where a history and a ledger disagree with what calls promise, a line each; empty when nowhere.
 *
 * - Every attempt settles once, at its deadline and `lateMs` at the latest.
 * - A result is the answer to what was asked, and its deed is in the ledger.
 * - What is said to be not executed is not in the ledger, what is said to be executed is.
 * - No deed is in the ledger twice, whatever the process: those without a key were sent once, and
 *   those with one always to the same instance.
 * - The ledger has nothing that nobody asked for.
 */
export function violations(
  history: readonly Attempt[],
  ledger: readonly LedgerEntry[],
  lateMs: number,
): readonly string[] {
  const found: string[] = [];
  const begunBy = new Map<string, number[]>();
  for (const [deed, pid] of ledger) {
    const pids = begunBy.get(deed);
    if (pids === undefined) begunBy.set(deed, [pid]);
    else pids.push(pid);
  }
  const byDeed = Map.groupBy(history, ({ deed }) => deed);
  for (const [deed, attempts] of byDeed) {
    const say = (why: string): void => {
      const seen = attempts.map(({ kind, outcome, why: cause }) => `${kind} ${outcome} ${cause}`);
      found.push(`${deed}: ${why} (${seen.join("; ")}; begun by ${begunBy.get(deed) ?? "nobody"})`);
    };
    for (const attempt of attempts) {
      const unsettled = settlesOnce(attempt, lateMs);
      if (unsettled !== undefined) say(unsettled);
      if (attempt.outcome === "result" && attempt.kind !== "one-way" && attempt.answer !== deed) {
        say(`answered with ${String(attempt.answer)}`);
      }
    }
    const broken = executions(attempts, begunBy.get(deed) ?? []);
    if (broken !== undefined) say(broken);
  }
  for (const [deed] of begunBy) if (!byDeed.has(deed)) found.push(`${deed}: nobody asked for it`);
  return found;
}
