import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import type { Executed } from "../../src/base/errors.ts";
import { memberAt } from "../../src/discovery/member.ts";
import {
  everyAnswer,
  everyOutcome,
  firstAnswer,
  firstAnswers,
  quorumOf,
} from "../../src/routing/fan-out.ts";
import type { MemberCall } from "../../src/routing/fan-out.ts";
import { turn } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";

type Open = PromiseWithResolvers<unknown>;

/** So many calls, to be answered by hand. */
function calls(count: number): { readonly list: readonly MemberCall[]; readonly open: Open[] } {
  const open = Array.from({ length: count }, () => Promise.withResolvers<unknown>());
  const list = open.map(({ promise }, index) => ({
    member: memberAt(parseAddress(`tcp@127.0.0.1:${index + 1}`)),
    answer: promise,
  }));
  return { list, open };
}

function no(name: string, executed: Executed = "yes"): GeeError {
  return new GeeError("ABORTED", name, { executed, reason: `REASON_${name}`, details: [name] });
}

const pending = Symbol("pending");

/** What it has come to by now. */
async function now(work: Promise<unknown>): Promise<unknown> {
  await turn();
  return await Promise.race([work, Promise.resolve(pending)]);
}

describe("every answer", () => {
  test("comes when all are there, and is the first member's", async () => {
    const { list, open } = calls(3);
    const all = everyAnswer(list);
    open[2]?.resolve(3);
    open[1]?.resolve(2);
    expect(await now(all)).toBe(pending);
    open[0]?.resolve(1);
    expect(await all).toBe(1);
  });

  test("fails with the first error, at once", async () => {
    const { list, open } = calls(3);
    const failed = failureOf(everyAnswer(list));
    open[1]?.reject(no("b"));
    open[0]?.reject(no("a"));
    expect((await failed).message).toBe("b");
  });
});

test("every outcome says who has answered what, in the order of the members", async () => {
  const { list, open } = calls(3);
  const all = everyOutcome(list);
  open[2]?.resolve("c");
  open[1]?.reject(new TypeError("no error of ours"));
  expect(await now(all)).toBe(pending);
  open[0]?.reject(no("a"));
  expect(await all).toMatchObject([
    { member: list[0]?.member, ok: false, error: { code: "ABORTED" } },
    { member: list[1]?.member, ok: false, error: { code: "UNKNOWN", message: "no error of ours" } },
    { member: list[2]?.member, ok: true, value: "c" },
  ]);
});

describe("the first answer", () => {
  test("wins over errors before it and whatever comes behind it", async () => {
    const { list, open } = calls(3);
    const first = firstAnswer(list);
    open[0]?.reject(no("a"));
    expect(await now(first)).toBe(pending);
    open[2]?.resolve("c");
    open[1]?.resolve("b");
    expect(await first).toBe("c");
  });

  test("of undefined is one", async () => {
    const { list, open } = calls(2);
    const first = firstAnswer(list);
    open[1]?.resolve(undefined);
    expect(await now(first)).toBeUndefined();
  });

  test("is the first error when all fail, with what it says", async () => {
    const { list, open } = calls(2);
    const failed = failureOf(firstAnswer(list));
    open[1]?.reject(no("b"));
    open[0]?.reject(no("a"));
    expect(await failed).toMatchObject({
      code: "ABORTED",
      reason: "REASON_b",
      details: ["b"],
      message: "one of 2 servers had to answer, and 2 failed; the first: b",
    });
  });

  test("of one member fails as it did", async () => {
    const { list, open } = calls(1);
    const failed = failureOf(firstAnswer(list));
    const error = no("a");
    open[0]?.reject(error);
    expect(await failed).toBe(error);
  });
});

describe("a quorum", () => {
  test.each([
    ["majority", 1, 1],
    ["majority", 2, 2],
    ["majority", 3, 2],
    ["majority", 4, 3],
    ["majority", 5, 3],
    [1, 3, 1],
    [3, 3, 3],
  ] as const)("of %p of %i is %i", (count, members, needed) => {
    expect(quorumOf(count, members)).toBe(needed);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("of %p is none", (count) => {
    expect(() => quorumOf(count, 3)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", reason: "BAD_OPTION", executed: "no" }),
    );
  });

  test.each([
    [4, 3],
    [1, 0],
    ["majority", 0],
  ] as const)("of %p needs more members than %i", (count, members) => {
    expect(() => quorumOf(count, members)).toThrow(
      expect.objectContaining({
        code: "FAILED_PRECONDITION",
        reason: "NO_QUORUM",
        executed: "no",
      }),
    );
  });

  test("has its answers in the order in which they came, and no more of them", async () => {
    const { list, open } = calls(4);
    const quorum = firstAnswers(list, 2);
    open[3]?.resolve("d");
    open[0]?.reject(no("a"));
    expect(await now(quorum)).toBe(pending);
    open[1]?.resolve("b");
    const values = await quorum;
    open[2]?.resolve("c");
    await turn();
    expect(values).toEqual(["d", "b"]);
  });

  test("fails as soon as it cannot be reached, and not before", async () => {
    const { list, open } = calls(4);
    const quorum = firstAnswers(list, 3);
    open[2]?.reject(no("c"));
    expect(await now(quorum)).toBe(pending);
    open[0]?.reject(no("a"));
    expect(await failureOf(quorum)).toMatchObject({
      message: "3 of 4 servers had to answer, and 2 failed; the first: c",
    });
  });
});

test.each([
  [["no", "no", "no"], 1, "no"],
  [["no", "yes", "no"], 1, "maybe"],
  [["no", "maybe", "no"], 1, "maybe"],
  [["yes", "yes", "yes"], 1, "maybe"],
  // Somebody has not failed, and may have done it.
  [["no", "no"], 2, "maybe"],
] satisfies readonly (readonly [readonly Executed[], number, Executed])[])(
  "when members say %p of whether they did it, and %i had to answer, it is %p",
  async (said, count, executed) => {
    const { list, open } = calls(3);
    const failed = failureOf(firstAnswers(list, count));
    for (const [index, word] of said.entries()) open[index]?.reject(no(String(index), word));
    expect((await failed).executed).toBe(executed);
  },
);
