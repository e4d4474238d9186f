import { expect, test } from "bun:test";
import { callContext, GeeError, testClient } from "gee";
import type { Gee, Remote, TestClient, TestClientOptions } from "gee";
import { silentLog } from "../../src/base/log.ts";
import { collect, take } from "../support/loopback.ts";
import { memoryLog } from "../support/memory-log.ts";
import { holds, type Equal } from "../support/types.ts";

/** A service that notes what it is told. */
class Foo {
  readonly notes: string[] = [];

  Sum(a: number, b: number): number {
    return a + b;
  }

  /** What is left of its time; it ends when it is told to. */
  Hold(): Promise<number> {
    const { remainingMs = Number.NaN, signal } = callContext();
    this.notes.push(`held with ${remainingMs} ms`);
    const held = Promise.withResolvers<number>();
    signal.addEventListener("abort", () => {
      this.notes.push(`told: ${signal.reason.code}`);
      held.reject(signal.reason);
    });
    return held.promise;
  }

  /** Never ends, whatever it is told. */
  Stubborn(): Promise<void> {
    this.notes.push("stubborn");
    return new Promise(() => {});
  }

  SoldOut(): never {
    throw new GeeError("FAILED_PRECONDITION", "sold out", {
      reason: "SOLD_OUT",
      details: { left: 0 },
    });
  }

  Broken(): never {
    throw new TypeError("a secret");
  }

  async *Count(to: number): AsyncGenerator<number> {
    try {
      for (let n = 1; n <= to; n++) yield n;
    } finally {
      this.notes.push("counted");
    }
  }

  async Total(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const number of numbers) sum += number;
    return sum;
  }

  Size(bytes: Uint8Array): number {
    return bytes.length;
  }

  Said(): Record<string, string> {
    const context = callContext();
    context.setMetadata({ heard: "yes" });
    return { ...context.metadata, peer: context.peer, method: context.method };
  }

  [Symbol.dispose](): void {
    this.notes.push("disposed");
  }
}

class Bar {
  async Twice(n: number): Promise<number> {
    return 2 * (await callContext().service<Foo>("Foo").Sum(n, 0));
  }

  async HoldFoo(): Promise<number> {
    return await callContext().service<Foo>("Foo", { timeoutMs: 60_000 }).Hold();
  }
}

/** What a call came to: its value, or its failure. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return error;
  }
}

function open(options: TestClientOptions = {}) {
  const foo = new Foo();
  const client = testClient({ Foo: foo, Bar: new Bar() }, { log: silentLog, ...options });
  return { foo, client };
}

test("a call is answered, and time has not moved", async () => {
  const { client } = open();
  await using _ = client;
  const startedAt = client.clock.now();
  expect(await client.service("Foo").Sum(1, 2)).toBe(3);
  expect(await client.call("Foo.Sum", [3, 4])).toBe(7);
  expect(await client.broadcast("Foo.Sum", [5, 6])).toBe(11);
  await client.ready("Foo");
  expect(client.clock.now()).toBe(startedAt);
});

test("values travel as they do between processes", async () => {
  const given = { deep: { when: new Date(0) }, bytes: new Uint8Array([1, 2]) };
  class Echo {
    kept: unknown;
    Take(value: object): object {
      this.kept = value;
      return value;
    }
  }
  const echo = new Echo();
  await using client = testClient({ Echo: echo });
  const answered = await client.service("Echo").Take(given);
  expect(answered).toEqual(given);
  expect(answered).not.toBe(given);
  expect(echo.kept).not.toBe(given);
  const error = await outcome(client.service("Echo").Take({ where: new URL("http://a/") }));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "CANNOT_TRAVEL" });
});

test("the deadline is on the clock, reaches the handler, and ends both sides", async () => {
  const { client, foo } = open();
  await using _ = client;
  const late = outcome(client.service("Foo", { timeoutMs: 3_000 }).Hold());
  await client.clock.advance(2_999);
  expect(foo.notes).toEqual(["held with 3000 ms"]);
  await client.clock.advance(1);
  expect(await late).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
  expect(foo.notes).toEqual(["held with 3000 ms", "told: DEADLINE_EXCEEDED"]);
  const byDefault = outcome(client.service("Foo").Hold());
  await client.clock.advance(10_000);
  expect(await byDefault).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(foo.notes).toContain("held with 10000 ms");
});

test("cancelling reaches the handler's signal", async () => {
  const { client, foo } = open();
  await using _ = client;
  const controller = new AbortController();
  const cancelled = outcome(client.service("Foo", { signal: controller.signal }).Hold());
  await client.clock.advance(0);
  controller.abort();
  expect(await cancelled).toMatchObject({ code: "CANCELLED" });
  await client.clock.advance(0);
  expect(foo.notes).toEqual(["held with 10000 ms", "told: CANCELLED"]);
});

test("errors are those of a server: declared ones as they are, others without their words", async () => {
  const { log, lines } = memoryLog();
  const { client } = open({ log });
  await using _ = client;
  expect(await outcome(client.service("Foo").SoldOut())).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "SOLD_OUT",
    details: { left: 0 },
    executed: "yes",
  });
  const broken = await outcome(client.service("Foo").Broken());
  expect(broken).toMatchObject({ code: "INTERNAL", executed: "yes" });
  expect(String(broken)).not.toContain("a secret");
  expect(lines.join("\n")).toContain("a secret");
  expect(await outcome(client.call("Foo.Sun", [1, 2]))).toMatchObject({
    code: "UNIMPLEMENTED",
    hint: "did you mean Foo.Sum?",
  });
  expect(await outcome(client.call("Fooo.Sum"))).toMatchObject({ code: "UNIMPLEMENTED" });
});

test("streams go both ways, and end where their reader leaves", async () => {
  const { client, foo } = open();
  await using _ = client;
  const stub = client.service("Foo");
  expect(await collect(stub.Count(3))).toEqual([1, 2, 3]);
  expect(await stub.Total(stub.Count(1_000))).toBe(500_500);
  foo.notes.length = 0;
  expect(await take(stub.Count(1e9), 3)).toEqual([1, 2, 3]);
  await client.clock.advance(0);
  expect(foo.notes).toEqual(["counted"]);
});

test("a stream without end leaves everything else its turn", async () => {
  const { client, foo } = open();
  await using _ = client;
  let taken = 0;
  const reading = (async () => {
    for await (const n of client.service("Foo", { timeoutMs: 1_000 }).Count(1e12)) taken = n;
  })();
  const over = outcome(reading);
  await client.clock.advance(1_000);
  expect(await over).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(taken).toBeGreaterThan(0);
  expect(foo.notes).toEqual(["counted"]);
});

test("what is large travels in parts", async () => {
  const { client } = open();
  await using _ = client;
  expect(await client.service("Foo").Size(new Uint8Array(3_000_000))).toBe(3_000_000);
  const over = await outcome(client.service("Foo").Size(new Uint8Array(5_000_000)));
  expect(over).toMatchObject({ reason: "MESSAGE_TOO_LARGE" });
});

test("metadata go along, either way", async () => {
  const { client } = open();
  await using _ = client;
  const heard: unknown[] = [];
  const stub = client.service("Foo", {
    metadata: { user: "ada" },
    onMetadata: (metadata, when) => heard.push([metadata, when]),
  });
  expect(await stub.Said()).toEqual({ user: "ada", peer: "test client", method: "Foo.Said" });
  expect(heard).toEqual([[{ heard: "yes" }, "response"]]);
});

test("what handlers call is found among the same services, with what is left of the time", async () => {
  const { client, foo } = open();
  await using _ = client;
  expect(await client.service("Bar").Twice(21)).toBe(42);
  const late = outcome(client.service("Bar", { timeoutMs: 500 }).HoldFoo());
  await client.clock.advance(500);
  expect(await late).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(foo.notes).toEqual(["held with 500 ms", "told: DEADLINE_EXCEEDED"]);
});

test("or by the client that is given for it", async () => {
  const asked: unknown[] = [];
  await using elsewhere = testClient({ Foo: new Foo() });
  const { client } = open({
    client: {
      call(method, args, options) {
        asked.push(method);
        return elsewhere.call(method, args, options);
      },
    },
  });
  await using _ = client;
  expect(await client.service("Bar").Twice(4)).toBe(8);
  expect(asked).toEqual(["Foo.Sum"]);
});

test("two may share a clock", async () => {
  await using one = testClient({ Foo: new Foo() });
  await using two = testClient({ Foo: new Foo() }, { clock: one.clock });
  const both = [one, two].map((client) => outcome(client.service("Foo", { timeoutMs: 10 }).Hold()));
  await one.clock.advance(10);
  expect(await Promise.all(both)).toMatchObject([
    { code: "DEADLINE_EXCEEDED" },
    { code: "DEADLINE_EXCEEDED" },
  ]);
});

test("settings of either side are in force", async () => {
  const order: string[] = [];
  const { client } = open({
    methods: { Foo: { Hold: { timeoutMs: 100 } } },
    interceptors: [
      ({ args }, next) => {
        order.push("server");
        return next(args);
      },
    ],
    maxMessageBytes: 65_536,
    connect: {
      timeoutMs: 700,
      interceptors: [
        (call, next) => {
          order.push("client");
          return next(call);
        },
      ],
    },
  });
  await using _ = client;
  expect(await client.service("Foo").Sum(1, 2)).toBe(3);
  expect(order).toEqual(["client", "server"]);
  const tooLarge = await outcome(client.service("Foo").Size(new Uint8Array(70_000)));
  expect(tooLarge).toMatchObject({ reason: "MESSAGE_TOO_LARGE" });
  const late = outcome(client.service("Foo").Hold());
  await client.clock.advance(100);
  expect(await late).toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

test("a key has a call executed once", async () => {
  let runs = 0;
  class Once {
    Run(): number {
      return ++runs;
    }
  }
  await using client = testClient({ Once: new Once() });
  const keyed = client.service("Once", { idempotencyKey: "order 7" });
  expect([await keyed.Run(), await keyed.Run(), runs]).toEqual([1, 1, 1]);
  expect(await client.service("Once").Run()).toBe(2);
});

test("disposing ends what is in flight, disposes the services, and leaves nothing", async () => {
  const { client, foo } = open();
  const { clock } = client;
  const calls = [client.service("Foo").Hold(), client.service("Foo").Stubborn()].map(outcome);
  await clock.advance(0);
  await client[Symbol.asyncDispose]();
  expect(await Promise.all(calls)).toMatchObject([
    { code: "UNAVAILABLE", reason: "CLOSED" },
    { code: "UNAVAILABLE", reason: "CLOSED" },
  ]);
  expect(foo.notes).toEqual([
    "held with 10000 ms",
    "stubborn",
    expect.stringMatching(/^told: /),
    "disposed",
  ]);
  expect(clock.pending("foreground")).toBe(0);
  expect(await outcome(client.call("Foo.Sum", [1, 2]))).toMatchObject({ reason: "CLOSED" });
  // A second time does nothing.
  await client[Symbol.asyncDispose]();
  expect(foo.notes.filter((note) => note === "disposed")).toHaveLength(1);
  const pendingBefore = clock.pending();
  await clock.advance(3_600_000);
  expect(clock.pending()).toBeLessThanOrEqual(pendingBefore);
});

test("an hour passes in a moment, and the connection is alive", async () => {
  const { client } = open();
  await using _ = client;
  expect(await client.service("Foo").Sum(1, 2)).toBe(3);
  await client.clock.advance(3_600_000);
  expect(await client.service("Foo").Sum(3, 4)).toBe(7);
}, 20_000);

test("what cannot be right is said at once, as a server and a client say it", () => {
  const reasonOf = (act: () => unknown): unknown => {
    try {
      act();
    } catch (error) {
      return error instanceof GeeError ? error.reason : error;
    }
    return "nothing";
  };
  expect(reasonOf(() => testClient({}))).toBe("NOTHING_TO_SERVE");
  expect(reasonOf(() => testClient({ "no name": new Foo() }))).toBe("BAD_SERVICE");
  expect(reasonOf(() => testClient({ Foo: new Foo() }, { maxInFlight: 0 }))).toBe("BAD_OPTION");
  expect(reasonOf(() => testClient({ Foo: new Foo() }, { connect: { timeoutMs: -1 } }))).toBe(
    "BAD_OPTION",
  );
});

// Checked by the compiler.
function types(client: TestClient<{ Foo: Foo; Bar: Bar }>): void {
  const foo = client.service("Foo");
  holds<Equal<typeof foo, Remote<Foo>>>();
  const other = client.service<Bar>("Other", { timeoutMs: 5 });
  holds<Equal<typeof other, Remote<Bar>>>();
  const unknown = client.service("Fo");
  holds<Equal<typeof unknown, Remote<unknown>>>();
  // What is tested takes a client like any other.
  const app = (gee: Gee): unknown => gee.service<Foo>("Foo");
  app(client);
  // @ts-expect-error an argument of another type
  void foo.Sum("1", 2);
  // @ts-expect-error where its servers are is known
  testClient({ Foo: new Foo() }, { connect: { address: "tcp@127.0.0.1:1" } });
  // @ts-expect-error there is no port
  testClient({ Foo: new Foo() }, { listen: "tcp@127.0.0.1:0" });
}

test("the types are those of the services that were given", () => {
  expect(types).toBeFunction();
});
