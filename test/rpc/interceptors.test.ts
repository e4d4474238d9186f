import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { callContext, withContext } from "../../src/rpc/context.ts";
import { HandlerRun } from "../../src/rpc/handler-run.ts";
import { interceptCalls, interceptHandler, interceptWork } from "../../src/rpc/interceptors.ts";
import type {
  ClientInterceptor,
  Invocation,
  ServerInterceptor,
} from "../../src/rpc/interceptors.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { itIsAStream, itIsNoStream } from "../../src/rpc/refusals.ts";
import type { Call } from "../../src/rpc/remote.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";

const ignore = (): void => {};

/** A call as a client makes it that answers with one result, or fails. */
function answering(result: Promise<unknown>): Call {
  return Object.assign(result, {
    [Symbol.asyncIterator]: () => ({
      async next(): Promise<IteratorResult<unknown, undefined>> {
        await result;
        throw itIsNoStream("Foo.Sum");
      },
    }),
  });
}

/** A call that answers with these items. `left` counts who did not take all. */
function streaming(values: readonly unknown[]): {
  readonly call: Call;
  readonly state: { left: number };
} {
  const state = { left: 0 };
  const failed = Promise.reject(itIsAStream("Foo.Count"));
  failed.catch(ignore);
  let at = 0;
  const call = Object.assign(failed, {
    [Symbol.asyncIterator]: () => ({
      next: () =>
        Promise.resolve(
          at < values.length
            ? { done: false as const, value: values[at++] }
            : { done: true as const, value: undefined },
        ),
      return() {
        state.left++;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  });
  return { call, state };
}

/** What makes calls in these tests: it keeps what it was asked for. */
function maker(answer: (call: Invocation) => Call) {
  const made: Invocation[] = [];
  const make = (method: string, args: readonly unknown[], options: object): Call => {
    made.push({ method, args, options });
    return answer({ method, args, options });
  };
  return { made, make };
}

async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const taken: unknown[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}

async function* doubledItems(items: AsyncIterable<unknown>): AsyncGenerator<number> {
  for await (const item of items) yield Number(item) * 2;
}

const through: ClientInterceptor = (call, next) => next(call);

// ---------------------------------------------------------------- of a client

test("without interceptors nothing is paid", () => {
  const { make } = maker(() => answering(Promise.resolve(1)));
  expect(interceptCalls(make, [])).toBe(make);
});

test("the first is outermost, on the way there and on the way back", async () => {
  const heard: string[] = [];
  const named =
    (name: string): ClientInterceptor =>
    async (call, next) => {
      heard.push(`${name} ${call.method}`);
      const value = await next(call);
      heard.push(`${name} back`);
      return value;
    };
  const { make } = maker(() => {
    heard.push("made");
    return answering(Promise.resolve(3));
  });
  const call = interceptCalls(make, [named("a"), named("b")]);
  expect(await call("Foo.Sum", [1, 2], {})).toBe(3);
  expect(heard).toEqual(["a Foo.Sum", "b Foo.Sum", "made", "b back", "a back"]);
});

test("method, arguments and options may be changed, and so may the result", async () => {
  const { make, made } = maker(() => answering(Promise.resolve(3)));
  const change: ClientInterceptor = async (call, next) => [
    await next({
      method: "Foo.Product",
      args: [...call.args, 9],
      options: { ...call.options, metadata: { trace: "1" } },
    }),
  ];
  const call = interceptCalls(make, [change]);
  expect(await call("Foo.Sum", [1], { timeoutMs: 5 })).toEqual([3]);
  const options = { timeoutMs: 5, metadata: { trace: "1" }, signal: expect.any(AbortSignal) };
  expect(made).toEqual([{ method: "Foo.Product", args: [1, 9], options }]);
});

test("next makes a call each time that it is called, and need not be called", async () => {
  let failures = 2;
  const { make, made } = maker(() =>
    answering(
      failures-- > 0 ? Promise.reject(new GeeError("UNAVAILABLE", "gone")) : Promise.resolve("ok"),
    ),
  );
  const again: ClientInterceptor = async (call, next) => {
    for (;;) {
      try {
        return await next(call);
      } catch (error) {
        if (!(error instanceof GeeError) || error.code !== "UNAVAILABLE") throw error;
      }
    }
  };
  expect(await interceptCalls(make, [again])("Foo.Sum", [], {})).toBe("ok");
  expect(made.length).toBe(3);
  const cached: ClientInterceptor = () => Promise.resolve("cached");
  expect(await interceptCalls(make, [cached])("Foo.Sum", [], {})).toBe("cached");
  expect(made.length).toBe(3);
});

test("what one throws, at once or later, is what the call rejects with", async () => {
  const { make } = maker(() => answering(Promise.resolve(1)));
  const why = new GeeError("PERMISSION_DENIED", "not you");
  const sync: ClientInterceptor = () => {
    throw why;
  };
  const later: ClientInterceptor = async (call, next) => {
    await next(call);
    throw why;
  };
  for (const interceptor of [sync, later]) {
    const call = interceptCalls(make, [through, interceptor, through]);
    expect(await failureOf(call("Foo.Sum", [], {}))).toBe(why);
    expect(await failureOf(collect(call("Foo.Sum", [], {})))).toBe(why);
  }
});

test("a stream goes through, and awaiting it names the right form", async () => {
  const { make } = maker(() => streaming([1, 2, 3]).call);
  const call = interceptCalls(make, [through, through]);
  expect(await collect(call("Foo.Count", [3], {}))).toEqual([1, 2, 3]);
  expect(await failureOf(call("Foo.Count", [3], {}))).toMatchObject({ reason: "IS_A_STREAM" });
});

test("iterating a single result names the right form", async () => {
  const { make } = maker(() => answering(Promise.resolve(3)));
  const call = interceptCalls(make, [through]);
  const made = call("Foo.Sum", [1, 2], {});
  expect(await failureOf(collect(made))).toMatchObject({ reason: "IS_NO_STREAM" });
  expect(await made).toBe(3);
});

test("an interceptor may wrap the items", async () => {
  const { make } = maker(() => streaming([1, 2]).call);
  const doubled: ClientInterceptor = async (call, next) => {
    const answer = await next(call);
    return isStream(answer) ? doubledItems(answer) : answer;
  };
  expect(await collect(interceptCalls(make, [doubled])("Foo.Count", [], {}))).toEqual([2, 4]);
});

test("a stream that is iterated late rejects unseen", async () => {
  const { make } = maker(() => streaming([1, 2]).call);
  const call = interceptCalls(make, [through]);
  const first = call("Foo.Count", [], {});
  const second = call("Foo.Count", [], {});
  // The test fails of an unhandled rejection.
  for (let each = 0; each < 5; each++) await turn();
  expect(await collect(second)).toEqual([1, 2]);
  expect(await collect(first)).toEqual([1, 2]);
});

test("whoever leaves the items leaves those of the call, also before the first", async () => {
  for (const taken of [0, 1]) {
    const { call, state } = streaming([1, 2, 3]);
    const items = interceptCalls(maker(() => call).make, [through])("Foo.Count", [], {});
    const iterator = items[Symbol.asyncIterator]();
    for (let each = 0; each < taken; each++) await iterator.next();
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    await until(() => state.left === 1, "the call's items to be left");
  }
});

test("other work for a call runs within the same chain", async () => {
  const heard: Invocation[] = [];
  const noted: ClientInterceptor = async (call, next) => {
    heard.push(call);
    return [await next({ ...call, args: [2] })];
  };
  const invocation = { method: "Foo.Sum", args: [1], options: {} };
  const work = (call: Invocation): Promise<unknown> => Promise.resolve(call.args);
  expect(await interceptWork([noted], invocation, work)).toEqual([[2]]);
  expect(await interceptWork([], invocation, work)).toEqual([1]);
  expect(heard).toEqual([invocation]);
});

// ---------------------------------------------------------------- of a server

const served = createServiceTable({ Foo: { Sum: () => 1 } }).find("Foo.Sum");
const run = new HandlerRun(callMessage(7), served, Number.POSITIVE_INFINITY, {
  peer: "127.0.0.1:9",
  log: silentLog,
  clock: new FakeClock(),
  nested: new NestedCalls(undefined),
  onExpired() {},
});

/** Runs a handler as a server does. */
function serve(
  handler: (args: readonly unknown[]) => unknown,
  ...chain: ServerInterceptor[]
): unknown {
  return withContext(run, interceptHandler(handler, chain, callContext), [1, 2]);
}

test("a handler without interceptors is itself", () => {
  const handler = (): number => 1;
  expect(interceptHandler(handler, [], callContext)).toBe(handler);
});

test("around a handler the first is outermost, and what returns at once still does", () => {
  const heard: string[] = [];
  const named =
    (name: string): ServerInterceptor =>
    ({ args, context }, next) => {
      heard.push(`${name} ${context.method} ${args.join()}`);
      const value = next([...args, name]);
      heard.push(`${name} back`);
      return value;
    };
  const handler = (args: readonly unknown[]): unknown => args;
  expect(serve(handler, named("a"), named("b"))).toEqual([1, 2, "a", "b"]);
  expect(heard).toEqual(["a Foo.Sum 1,2", "b Foo.Sum 1,2,a", "b back", "a back"]);
});

test("the context is the call's in each interceptor and in the handler, also behind an await", async () => {
  const seen: unknown[] = [];
  const slow: ServerInterceptor = async ({ context, args }, next) => {
    seen.push(callContext(), context);
    await turn();
    return next(args);
  };
  const fast: ServerInterceptor = ({ context, args }, next) => {
    seen.push(callContext(), context);
    return next(args);
  };
  const handler = (): unknown => seen.push(callContext());
  await serve(handler, slow, fast);
  expect(seen).toEqual([run, run, run, run, run]);
  expect(() => callContext()).toThrow("callContext()");
});

test("a server's interceptor may answer itself, refuse, and turn a failure into an answer", () => {
  const handler = (): never => {
    throw new GeeError("NOT_FOUND", "no");
  };
  const why = new GeeError("PERMISSION_DENIED", "not you");
  expect(serve(handler, () => "cached")).toBe("cached");
  expect(() =>
    serve(handler, () => {
      throw why;
    }),
  ).toThrow(why);
  const forgiving: ServerInterceptor = ({ args }, next) => {
    try {
      return next(args);
    } catch {
      return "none";
    }
  };
  expect(serve(handler, forgiving)).toBe("none");
});

test("next runs the handler each time that it is called", () => {
  let runs = 0;
  const twice: ServerInterceptor = ({ args }, next) => [next(args), next(args)];
  expect(serve(() => ++runs, twice)).toEqual([1, 2]);
});
