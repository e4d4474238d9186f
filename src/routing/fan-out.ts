import { GeeError } from "../base/errors.ts";
import type { Member } from "../discovery/member.ts";

/** What one member was asked, and what it answers. */
export interface MemberCall {
  readonly member: Member;
  readonly answer: Promise<unknown>;
}

/** What one member answered. */
export type Outcome = {
  /** Who answered. */
  readonly member: Member;
} & (
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: GeeError }
);

/** One of the answers when all are there; rejects with the first error. */
export async function everyAnswer(calls: readonly MemberCall[]): Promise<unknown> {
  const values = await Promise.all(calls.map(({ answer }) => answer));
  return values[0];
}

/** What became of each. */
export async function everyOutcome(calls: readonly MemberCall[]): Promise<readonly Outcome[]> {
  return await Promise.all(
    calls.map(({ member, answer }) =>
      answer.then(
        (value): Outcome => ({ member, ok: true, value }),
        (error: unknown): Outcome => ({ member, ok: false, error: GeeError.from(error) }),
      ),
    ),
  );
}

/** The first answer that is no error; when all are, the error that came first. */
export async function firstAnswer(calls: readonly MemberCall[]): Promise<unknown> {
  const [answer] = await firstAnswers(calls, 1);
  return answer;
}

/**
 * How many servers make a quorum, of those that are called and those that are listed: a majority is one
 * of all that are listed, or two halves that do not see each other would each have one.
 *
 * @throws GeeError INVALID_ARGUMENT for what is no number of servers, FAILED_PRECONDITION, reason
 * NO_QUORUM, when there are fewer
 */
export function quorumOf(
  count: number | "majority",
  called: number,
  listed: number = called,
): number {
  const needed = count === "majority" ? Math.floor(listed / 2) + 1 : count;
  if (!Number.isInteger(needed) || needed < 1) {
    throw new GeeError("INVALID_ARGUMENT", `a quorum is a whole number above 0, not ${count}`, {
      reason: "BAD_OPTION",
      executed: "no",
    });
  }
  if (needed <= called) return needed;
  throw new GeeError(
    "FAILED_PRECONDITION",
    `a quorum of ${needed} needs so many servers, and there are ${called}`,
    { reason: "NO_QUORUM", executed: "no" },
  );
}

/**
 * The first `count` answers that are no errors, in the order in which they came. Rejects as soon as
 * there cannot be so many any more, with what the error that came first says; see {@link quorumOf} for
 * fewer calls than that.
 */
export async function firstAnswers(
  calls: readonly MemberCall[],
  count: number,
): Promise<readonly unknown[]> {
  quorumOf(count, calls.length);
  const values: unknown[] = [];
  const errors: GeeError[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>();
  for (const { answer } of calls) {
    answer.then(
      (value) => {
        values.push(value);
        if (values.length === count) resolve([...values]);
      },
      (thrown: unknown) => {
        errors.push(GeeError.from(thrown));
        if (calls.length - errors.length < count) reject(notEnough(errors, calls.length, count));
      },
    );
  }
  return await promise;
}

function notEnough(errors: readonly GeeError[], members: number, count: number): unknown {
  const [first] = errors;
  if (first === undefined || members === 1) return first;
  const { code, message, reason, details, hint } = first;
  const wanted = count === 1 ? "one" : String(count);
  // What one of them has done counts, whatever became of the others.
  const isUntouched =
    errors.length === members && errors.every(({ executed }) => executed === "no");
  return new GeeError(
    code,
    `${wanted} of ${members} servers had to answer, and ${errors.length} failed; the first: ${message}`,
    { reason, details, hint, executed: isUntouched ? "no" : "maybe", cause: first },
  );
}
