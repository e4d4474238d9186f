import { expect, test } from "bun:test";
import { type Answer, printAnswer } from "../../src/cli/answer.ts";
import { GeeError } from "../../src/index.ts";
import { keptOutput } from "../support/output.ts";
import { limitedReader } from "./calling.ts";

type Call = Parameters<typeof printAnswer>[0];

function refused(reason: string): GeeError {
  return new GeeError("FAILED_PRECONDITION", "the other form", { reason });
}

/** A call that answers with a single result. */
function resultOf(answer: Promise<unknown>): Call {
  const next = async (): Promise<never> => {
    await answer.catch(() => {});
    throw refused("IS_NO_STREAM");
  };
  return Object.assign(answer, { [Symbol.asyncIterator]: () => ({ next }) });
}

/** A call that answers with items. */
function itemsOf(items: AsyncIterable<unknown>): Call {
  const answer = Promise.reject(refused("IS_A_STREAM"));
  answer.catch(() => {});
  return Object.assign(answer, { [Symbol.asyncIterator]: () => items[Symbol.asyncIterator]() });
}

interface Printed {
  readonly answer: Answer;
  readonly stdout: string;
}

const noRelease = new AbortController().signal;

async function print(call: Call): Promise<Printed> {
  const { output, stdout } = keptOutput();
  const answer = await printAnswer(call, output, { release: noRelease, stop: () => {} });
  return { answer, stdout: stdout() };
}

async function* upTo(count: number, error?: unknown): AsyncGenerator<number> {
  for (let i = 1; i <= count; i++) yield i;
  if (error !== undefined) throw error;
}

test("a single result is printed as one, an item as an item", async () => {
  expect(await print(resultOf(Promise.resolve([1])))).toEqual({
    answer: { kind: "result" },
    stdout: "[1]\n",
  });
  expect(await print(itemsOf(upTo(2)))).toEqual({
    answer: { kind: "items", count: 2 },
    stdout: "1\n2\n",
  });
  expect(await print(itemsOf(upTo(0)))).toEqual({
    answer: { kind: "items", count: 0 },
    stdout: "",
  });
});

test("a failure comes behind what was printed", async () => {
  const error = new GeeError("NOT_FOUND", "lost");
  expect(await print(itemsOf(upTo(2, error)))).toEqual({
    answer: { kind: "failed", error },
    stdout: "1\n2\n",
  });
  expect(await print(resultOf(Promise.reject(error)))).toEqual({
    answer: { kind: "failed", error },
    stdout: "",
  });
});

test("an error behind an item is one, whatever its reason", async () => {
  const error = refused("IS_NO_STREAM");
  expect(await print(itemsOf(upTo(1, error)))).toEqual({
    answer: { kind: "failed", error },
    stdout: "1\n",
  });
});

test("a reader that went away has the call taken back, and the items no one reads are no failure", async () => {
  const { output, taken } = limitedReader(4, "leaves");
  const stopped = Promise.withResolvers<void>();
  async function* twoAndNoMore(): AsyncGenerator<number> {
    yield* upTo(2);
    await stopped.promise;
    throw new GeeError("CANCELLED", "taken back");
  }
  const answer = await printAnswer(itemsOf(twoAndNoMore()), output, {
    release: noRelease,
    stop: stopped.resolve,
  });
  expect([answer, taken()]).toEqual([{ kind: "unread" }, "1\n2\n"]);
});
