import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import type { NestedCaller } from "../../src/rpc/context.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import type { Call } from "../../src/rpc/remote.ts";

/** A client that keeps what it is asked for. */
function client() {
  const asked: unknown[] = [];
  const state = { opened: 0, disposed: 0 };
  const call = (method: string, args: readonly unknown[], options: object): Call => {
    asked.push([method, args, options]);
    return Object.assign(Promise.resolve(42), {
      async *[Symbol.asyncIterator]() {},
    });
  };
  const opened: NestedCaller & AsyncDisposable = {
    call,
    [Symbol.asyncDispose]() {
      state.disposed++;
      return Promise.resolve();
    },
  };
  const nested = new NestedCalls(() => {
    state.opened++;
    return opened;
  });
  return { asked, state, nested };
}

test("the client is opened with the first call, once, and disposed of with the server", async () => {
  const { nested, state, asked } = client();
  expect(state).toEqual({ opened: 0, disposed: 0 });
  expect(await nested.call("Bar.Twice", [21], { timeoutMs: 5 })).toBe(42);
  expect(await nested.call("Bar.Twice", [3], { timeoutMs: 7 })).toBe(42);
  expect(asked).toEqual([
    ["Bar.Twice", [21], { timeoutMs: 5 }],
    ["Bar.Twice", [3], { timeoutMs: 7 }],
  ]);
  expect(state).toEqual({ opened: 1, disposed: 0 });
  await nested[Symbol.asyncDispose]();
  expect(state).toEqual({ opened: 1, disposed: 1 });
});

test("a server whose handlers call nobody opens none", async () => {
  const { nested, state } = client();
  await nested[Symbol.asyncDispose]();
  expect(state).toEqual({ opened: 0, disposed: 0 });
});

test("without a registry a call says what is missing", async () => {
  const nested = new NestedCalls(undefined);
  let thrown: unknown;
  try {
    void nested.call("Bar.Twice", [1], {});
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(GeeError);
  expect(thrown).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "NO_CLIENT",
    executed: "no",
    hint: "give serve a registry, or a client",
  });
  await nested[Symbol.asyncDispose]();
});
