import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { isItems } from "../../src/rpc/handler-streams.ts";
import { answerOnce, KeptAnswer } from "../../src/rpc/keyed-calls.ts";
import type { KeyedWork } from "../../src/rpc/keyed-calls.ts";
import { digestOf, KeyStore } from "../../src/rpc/key-store.ts";
import { badArgument, errorForCaller } from "../../src/rpc/thrown.ts";
import { faultMessage, resultMessage } from "../support/calls.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { frameOf } from "../support/scripted-peer.ts";

/** Work of which nothing is special, and how often it was done. */
function workOf(run: () => unknown, changes: Partial<KeyedWork> = {}) {
  const state = { runs: 0 };
  const work: KeyedWork = {
    method: "Shop.Buy",
    caller: "10.0.0.1",
    key: "k",
    args: ["apple", 1],
    maxMessageBytes: 65_536,
    run() {
      state.runs++;
      return run();
    },
    errorOf: (thrown) =>
      thrown instanceof GeeError
        ? thrown.withExecuted("yes")
        : new GeeError("INTERNAL", "failed", { reason: "HANDLER_FAILED", executed: "yes" }),
    isStream: isItems,
    metadata: () => undefined,
    ...changes,
  };
  return { state, work };
}

function store(): KeyStore {
  return new KeyStore(new FakeClock());
}

async function frameFrom(answer: KeptAnswer | Promise<KeptAnswer>): Promise<Buffer> {
  return (await answer).frame;
}

test("the first call runs the handler, and whoever comes later gets its answer at once", async () => {
  const keys = store();
  const { work, state } = workOf(() => Promise.resolve({ id: state.runs }));
  const first = await frameFrom(answerOnce(keys, work));
  expect(first).toEqual(frameOf(resultMessage(0, { id: 1 })));
  const again = answerOnce(keys, { ...work, args: ["apple", 1] });
  expect(again).toBeInstanceOf(KeptAnswer);
  expect(await frameFrom(again)).toEqual(first);
  expect(state.runs).toBe(1);
});

test("whoever comes while the first is at work waits for its answer", async () => {
  const keys = store();
  const gate = Promise.withResolvers<string>();
  const { work, state } = workOf(() => gate.promise);
  const all = [answerOnce(keys, work), answerOnce(keys, work), answerOnce(keys, work)];
  await turn();
  expect(state.runs).toBe(1);
  gate.resolve("bought");
  const frames = await Promise.all(all.map(frameFrom));
  const expected = frameOf(resultMessage(0, "bought"));
  expect(frames).toEqual([expected, expected, expected]);
});

test.each<readonly [string, () => unknown]>([
  [
    "thrown",
    () => {
      throw new GeeError("ABORTED", "no", { reason: "SOLD_OUT", details: { left: 0 } });
    },
  ],
  [
    "rejected",
    () =>
      Promise.reject(new GeeError("ABORTED", "no", { reason: "SOLD_OUT", details: { left: 0 } })),
  ],
])("an error that is %s is the answer, also of later calls", async (_how, run) => {
  const keys = store();
  const { work, state } = workOf(run);
  const fault = frameOf(faultMessage(0, { reason: "SOLD_OUT", details: { left: 0 } }));
  expect(await frameFrom(answerOnce(keys, work))).toEqual(fault);
  expect(await frameFrom(answerOnce(keys, work))).toEqual(fault);
  expect(state.runs).toBe(1);
});

test("the answer stays what it was, whatever becomes of the value", async () => {
  const keys = store();
  const basket = ["apple"];
  const { work } = workOf(() => Promise.resolve(basket));
  await answerOnce(keys, work);
  basket.push("pear");
  expect(await frameFrom(answerOnce(keys, work))).toEqual(frameOf(resultMessage(0, ["apple"])));
});

test("answers have memory of their own", async () => {
  const keys = store();
  const first = await frameFrom(answerOnce(keys, workOf(() => "first", { key: "1" }).work));
  await answerOnce(keys, workOf(() => "second", { key: "2" }).work);
  expect(first).toEqual(frameOf(resultMessage(0, "first")));
});

test("with other arguments a key is refused, and nothing runs", async () => {
  const keys = store();
  const { work, state } = workOf(() => 1);
  await answerOnce(keys, work);
  const error = await failureOf(
    (async () => await answerOnce(keys, { ...work, args: ["pear", 1] }))(),
  );
  expect(error).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "KEY_REUSED",
    executed: "no",
  });
  expect(state.runs).toBe(1);
});

test.each<readonly [string, Partial<KeyedWork>]>([
  ["method", { method: "Shop.Sell" }],
  ["caller", { caller: "10.0.0.2" }],
  ["key", { key: "l" }],
])("another %s is another deed", async (_what, changes) => {
  const keys = store();
  const { work, state } = workOf(() => 1);
  await answerOnce(keys, work);
  await answerOnce(keys, { ...work, ...changes });
  expect(state.runs).toBe(2);
});

test("a stream keeps no key: the handler ran, and everybody hears why", async () => {
  const keys = store();
  const { work, state } = workOf(() => (async function* () {})());
  for (let each = 0; each < 2; each++) {
    expect(await frameFrom(answerOnce(keys, work))).toEqual(
      frameOf(
        faultMessage(0, {
          code: "UNIMPLEMENTED",
          reason: "UNSUPPORTED_KEY",
          message: "Shop.Buy answers with a stream, which keeps no key",
        }),
      ),
    );
  }
  expect(state.runs).toBe(1);
});

test("a result that cannot travel is answered with the path, executed yes", async () => {
  const { work } = workOf(() => ({ when: () => 1 }));
  expect(await frameFrom(answerOnce(store(), work))).toEqual(
    frameOf(
      faultMessage(0, {
        code: "INTERNAL",
        reason: "CANNOT_TRAVEL",
        message: "result.when: a function cannot travel",
      }),
    ),
  );
});

test("a result that the caller would not accept is answered so, executed yes", async () => {
  const keys = store();
  const { work, state } = workOf(() => "x".repeat(100_000));
  const frame = await frameFrom(answerOnce(keys, work));
  expect(frame.toString()).toContain("MESSAGE_TOO_LARGE");
  expect(await frameFrom(answerOnce(keys, work))).toEqual(frame);
  expect(state.runs).toBe(1);
});

test("details that cannot travel are left out, and the error stays what it is", async () => {
  const { work } = workOf(() => {
    throw new GeeError("ABORTED", "no", { reason: "SOLD_OUT", details: { when: () => 1 } });
  });
  expect(await frameFrom(answerOnce(store(), work))).toEqual(
    frameOf(faultMessage(0, { reason: "SOLD_OUT" })),
  );
});

test("metadata are kept with the answer, be it a result or a fault", async () => {
  const metadata = { page: "1" };
  const keys = store();
  const { work } = workOf(() => Promise.resolve(1), { metadata: () => metadata });
  await answerOnce(keys, work);
  expect(await frameFrom(answerOnce(keys, work))).toEqual(
    frameOf({ kind: "result", id: 0, value: 1, metadata }),
  );
  const failing = workOf(() => Promise.reject(new GeeError("ABORTED", "no")), {
    key: "l",
    metadata: () => metadata,
  });
  expect(await frameFrom(answerOnce(keys, failing.work))).toEqual(
    frameOf(faultMessage(0, { metadata })),
  );
});

test("metadata over their limit end in a fault, and so for everybody", async () => {
  const keys = store();
  const { work, state } = workOf(() => 1, { metadata: () => ({ page: "1".repeat(20_000) }) });
  const frame = await frameFrom(answerOnce(keys, work));
  expect(frame.readUInt8(6)).toBe(4);
  expect(await frameFrom(answerOnce(keys, work))).toEqual(frame);
  const failing = workOf(() => Promise.reject(new GeeError("ABORTED", "no")), {
    key: "l",
    metadata: () => ({ page: "1".repeat(20_000) }),
  });
  expect(await frameFrom(answerOnce(keys, failing.work))).toEqual(frameOf(faultMessage(0)));
  expect(state.runs).toBe(1);
});

test("a call whose arguments did not fit keeps no key: it is free for one with others", async () => {
  const keys = store();
  const refused = workOf(() => {
    throw badArgument("args[0]: expected string, got number");
  });
  const errorOf = (thrown: unknown) => errorForCaller(thrown, "Shop.Buy", silentLog, () => "id");
  const fault = frameOf(
    faultMessage(0, {
      code: "INVALID_ARGUMENT",
      reason: "BAD_ARGUMENT",
      message: "args[0]: expected string, got number",
      executed: "no",
    }),
  );
  expect(await frameFrom(answerOnce(keys, { ...refused.work, errorOf }))).toEqual(fault);
  expect([keys.size, keys.bytes]).toEqual([0, 0]);
  const late = workOf(() => Promise.reject(badArgument("args[0]: expected string, got number")));
  const first = answerOnce(keys, { ...late.work, errorOf });
  const waiting = failureOf((async () => await answerOnce(keys, { ...late.work, errorOf }))());
  expect(await frameFrom(first)).toEqual(fault);
  expect(await waiting).toMatchObject({ reason: "NOT_STARTED", executed: "no" });
  const other = workOf(() => 1, { args: ["pear"] });
  expect(await frameFrom(answerOnce(keys, other.work))).toEqual(frameOf(resultMessage(0, 1)));
  expect(keys.size).toBe(1);
});

test("whoever waited for a call that was not started after all may go elsewhere", async () => {
  const keys = store();
  const { work, state } = workOf(() => 1);
  const begun = keys.begin({ ...work, argsDigest: digestOf(work.args) });
  if (begun.kind !== "new") throw new Error("it was not the first");
  const waiting = failureOf((async () => await answerOnce(keys, work))());
  keys.forget(begun.entry);
  expect(await waiting).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  expect(state.runs).toBe(0);
});

test("whoever gives up waiting is done with, and the first goes on", async () => {
  const keys = store();
  const gate = Promise.withResolvers<string>();
  const { work } = workOf(() => gate.promise);
  const first = answerOnce(keys, work);
  let giveUp = (): void => {};
  const waiting = answerOnce(keys, { ...work, waits: (stop) => void (giveUp = stop) });
  giveUp();
  const why: unknown = await Promise.resolve(waiting).catch((error: unknown) => error);
  expect(why).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  gate.resolve("done");
  expect(await frameFrom(first)).toEqual(frameOf(resultMessage(0, "done")));
});
