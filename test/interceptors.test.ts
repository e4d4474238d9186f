import { expect, test } from "bun:test";
import type { ClientInterceptor, Metadata, ServerInterceptor } from "../src/index.ts";
import { callContext, GeeError } from "../src/index.ts";
import { turn, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback, Source, take } from "./support/loopback.ts";

class Foo {
  readonly source = new Source();
  runs = 0;

  Sum(a: number, b: number): number {
    this.runs++;
    return a + b;
  }

  Seen(): Metadata {
    return { ...callContext().metadata };
  }

  async *Count(to: number): AsyncGenerator<number> {
    callContext();
    yield* this.source.numbers(to);
  }

  async Total(items: AsyncIterable<number>): Promise<number> {
    let total = 0;
    for await (const item of items) total += item;
    return total;
  }

  Flaky(): string {
    this.runs++;
    if (this.runs < 3) throw new GeeError("ABORTED", "not yet");
    return `run ${this.runs}`;
  }
}

async function open(
  client: readonly ClientInterceptor[],
  server: readonly ServerInterceptor[] = [],
) {
  const loopback = new Loopback();
  const foo = new Foo();
  const pair = await loopback.pair(
    { Foo: foo },
    { interceptors: server },
    { interceptors: client },
  );
  return { loopback, foo, ...pair, remote: pair.gee.service<Foo>("Foo") };
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}

async function* negated(items: AsyncIterable<unknown>): AsyncGenerator<number> {
  for await (const item of items) yield -Number(item);
}

const through: ClientInterceptor = (call, next) => next(call);
const throughServer: ServerInterceptor = ({ args }, next) => next(args);

test("they run around a call in their order: the client's, then the server's", async () => {
  const heard: string[] = [];
  const ofClient =
    (name: string): ClientInterceptor =>
    async (call, next) => {
      heard.push(`${name} ${call.method}(${call.args.join()})`);
      const answer = await next(call);
      heard.push(`${name} ${String(answer)}`);
      return answer;
    };
  const ofServer =
    (name: string): ServerInterceptor =>
    async ({ context, args }, next) => {
      heard.push(`${name} ${context.method}(${args.join()})`);
      const answer = await next(args);
      heard.push(`${name} ${String(answer)}`);
      return answer;
    };
  const { loopback, remote } = await open(
    [ofClient("a"), ofClient("b")],
    [ofServer("c"), ofServer("d")],
  );
  await using _ = loopback;
  expect(await remote.Sum(1, 2)).toBe(3);
  expect(heard).toEqual([
    ...["a", "b", "c", "d"].map((name) => `${name} Foo.Sum(1,2)`),
    ...["d", "c", "b", "a"].map((name) => `${name} 3`),
  ]);
});

test("a client's may add metadata to every call, streams included", async () => {
  const traced: ClientInterceptor = (call, next) =>
    next({ ...call, options: { ...call.options, metadata: { trace: call.method } } });
  const seen: unknown[] = [];
  const watching: ServerInterceptor = ({ context, args }, next) => {
    seen.push(context.metadata["trace"]);
    return next(args);
  };
  const { loopback, gee, remote } = await open([traced], [watching]);
  await using _ = loopback;
  expect(await remote.Seen()).toEqual({ trace: "Foo.Seen" });
  expect(await collect(remote.Count(2))).toEqual([1, 2]);
  expect(await remote.Total(new Source().numbers(3))).toBe(6);
  expect(await gee.broadcast("Foo.Sum", [1, 2])).toBe(3);
  expect(seen).toEqual(["Foo.Seen", "Foo.Count", "Foo.Total", "Foo.Sum"]);
});

test("arguments and answers may be changed at either end", async () => {
  const client: ClientInterceptor = async (call, next) => [
    await next({ ...call, args: call.args.map((arg) => Number(arg) + 10) }),
  ];
  const server: ServerInterceptor = ({ args }, next) =>
    Number(next(args.map((arg) => Number(arg) * 2))) + 0.5;
  const { loopback, gee } = await open([client], [server]);
  await using _ = loopback;
  expect(await gee.call("Foo.Sum", [1, 2])).toEqual([46.5]);
});

test("streams pass through them and may be wrapped, at either end", async () => {
  const client: ClientInterceptor = async (call, next) => {
    const answer = await next(call);
    return isStream(answer) ? negated(answer) : answer;
  };
  const server: ServerInterceptor = ({ args }, next) => {
    const answer = next(args);
    return isStream(answer) ? negated(answer) : answer;
  };
  for (const [ofClient, ofServer, sign] of [
    [through, throughServer, 1],
    [client, throughServer, -1],
    [through, server, -1],
    [client, server, 1],
  ] as const) {
    const { loopback, foo, remote, gee } = await open([ofClient], [ofServer]);
    await using _ = loopback;
    expect(await collect(remote.Count(3))).toEqual([1, 2, 3].map((number) => sign * number));
    expect(await take(remote.Count(1e9), 2)).toEqual([sign, 2 * sign]);
    await until(() => foo.source.left === 2, "the generator's end");
    expect(await remote.Sum(1, 2)).toBe(3);
    expect(await failureOf(gee.call("Foo.Count", [3]))).toMatchObject({ reason: "IS_A_STREAM" });
    expect(await failureOf(collect(gee.call("Foo.Sum", [1, 2])))).toMatchObject({
      reason: "IS_NO_STREAM",
    });
  }
});

test("an argument that is a stream may be wrapped by a client's", async () => {
  const wrapped: ClientInterceptor = (call, next) =>
    next({ ...call, args: call.args.map((arg) => (isStream(arg) ? negated(arg) : arg)) });
  const { loopback, remote } = await open([wrapped]);
  await using _ = loopback;
  const source = new Source();
  expect(await remote.Total(source.numbers(4))).toBe(-10);
  expect(source.left).toBe(1);
});

test("next may be called again: each is a call of its own", async () => {
  const again: ClientInterceptor = async (call, next) => {
    for (;;) {
      try {
        return await next(call);
      } catch (error) {
        if (!(error instanceof GeeError) || error.code !== "ABORTED") throw error;
      }
    }
  };
  const { loopback, foo, remote } = await open([again]);
  await using _ = loopback;
  expect(await remote.Flaky()).toBe("run 3");
  expect(foo.runs).toBe(3);
});

test("a server's may refuse, with or without an await, and the handler does not run", async () => {
  const refused = new GeeError("PERMISSION_DENIED", "not you", { reason: "NOT_YOU" });
  const sync: ServerInterceptor = () => {
    throw refused;
  };
  const later: ServerInterceptor = async () => {
    await turn();
    throw refused;
  };
  for (const interceptor of [sync, later]) {
    const { loopback, foo, remote } = await open([], [throughServer, interceptor]);
    await using _ = loopback;
    const denied = { code: "PERMISSION_DENIED", reason: "NOT_YOU", executed: "yes" };
    expect(await failureOf(remote.Sum(1, 2))).toMatchObject(denied);
    expect(await failureOf(collect(remote.Count(3)))).toMatchObject(denied);
    expect(await failureOf(remote.Total(new Source().numbers()))).toMatchObject(denied);
    expect(foo.runs).toBe(0);
  }
});

test("a server's that has awaited something still gives the handler its context", async () => {
  const slow: ServerInterceptor = async ({ args }, next) => {
    await turn();
    return next(args);
  };
  const { loopback, remote } = await open([], [slow, slow]);
  await using _ = loopback;
  expect(await remote.Seen()).toEqual({});
  expect(await collect(remote.Count(2))).toEqual([1, 2]);
});

test("a server's may answer with a value of its own; who iterates a stream hears that it is none", async () => {
  const cached: ServerInterceptor = () => "cached";
  const { loopback, gee } = await open([], [cached]);
  await using _ = loopback;
  expect(await gee.call("Foo.Sum", [1, 2])).toBe("cached");
  const error = await failureOf(collect(gee.call("Foo.Count", [3])));
  expect(error).toMatchObject({ code: "FAILED_PRECONDITION", reason: "IS_NO_STREAM" });
});
