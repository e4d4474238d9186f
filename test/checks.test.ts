import { expect, test } from "bun:test";
import { GeeError } from "../src/base/errors.ts";
import { callContext, isFault } from "../src/index.ts";
import type { ServeOptions, ServerInterceptor } from "../src/index.ts";
import { until } from "./support/clock.ts";
import {
  date,
  list,
  method,
  moduleOf,
  number,
  object,
  service,
  string,
  unknown,
} from "./support/contracts.ts";
import { failureOf } from "./support/ends.ts";
import { collect, Loopback } from "./support/loopback.ts";
import { standardSchema } from "./support/schemas.ts";

// What a real server does with calls that do not fit what its source says.

class Foo {
  runs = 0;
  /** How long a stream argument was taken. */
  taken: number[] = [];
  failures: unknown[] = [];
  answer: unknown = 1;

  Sum(a: number, b = 2): number {
    this.runs++;
    return a + b;
  }
  Get(): unknown {
    return this.answer;
  }
  async Later(): Promise<unknown> {
    await Promise.resolve();
    return this.answer;
  }
  async *Count(to: number): AsyncGenerator<unknown> {
    for (let i = 1; i <= to; i++) yield i === 3 ? this.answer : i;
  }
  async Total(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    try {
      for await (const one of numbers) {
        this.taken.push(one);
        sum += one;
      }
    } catch (error) {
      this.failures.push(error);
      throw error;
    }
    return sum;
  }
  async Lenient(numbers: AsyncIterable<number>): Promise<number> {
    let count = 0;
    try {
      for await (const _ of numbers) count++;
    } catch {}
    return count;
  }
  Any(value: unknown): unknown {
    return value;
  }
  Address(value: unknown): unknown {
    return value;
  }
  secret(): string {
    return "secret";
  }
}

const contract = moduleOf(
  [
    service([
      method("Sum", { a: number, "b?": number }, number),
      method("Get", {}, object({ items: list(number) })),
      method("Later", {}, object({ items: list(number) })),
      method("Count", { to: number }, number, "stream"),
      method("Total", { "numbers...": number }, number),
      method("Lenient", { "numbers...": number }, number),
      method("Any", { value: unknown }, unknown),
      method("Address", { value: object({ zip: string, "since?": date }) }, unknown),
    ]),
  ],
  { Foo: ["secret"] },
);

async function open(options: Partial<ServeOptions> = {}) {
  const loopback = new Loopback();
  const foo = new Foo();
  const { gee, server } = await loopback.pair({ Foo: foo }, { contract, ...options });
  return { loopback, foo, gee, server };
}

async function* items(...values: readonly unknown[]): AsyncGenerator<unknown> {
  yield* values;
}

const badArgument = { code: "INVALID_ARGUMENT", reason: "BAD_ARGUMENT", executed: "no" };

test("a call whose arguments do not fit is refused before its method runs, with the place", async () => {
  const { loopback, foo, gee } = await open();
  await using _ = loopback;
  expect(await gee.call("Foo.Sum", [1])).toBe(3);
  for (const [name, args, message] of [
    ["Foo.Sum", [1, "x"], "args[1] (b): expected number, got string"],
    ["Foo.Sum", [], "args[0] (a): expected number, got nothing"],
    ["Foo.Sum", [null, 1], "args[0] (a): expected number, got null"],
    ["Foo.Address", [{ zip: 5 }], "args[0].zip: expected string, got number"],
    ["Foo.Address", [{ zip: "", since: 1 }], "args[0].since: expected Date, got number"],
    ["Foo.Total", [[1, 2]], "args[0] (numbers): expected a stream, got array"],
  ] as const) {
    const error = await failureOf(gee.call(name, args));
    expect(error).toMatchObject({ ...badArgument, message });
    expect(isFault(error)).toBe(false);
  }
  expect(await failureOf(collect(gee.call("Foo.Count", ["3"])))).toMatchObject(badArgument);
  expect(foo.runs).toBe(1);
  // Nobody's failure: nothing is in the log.
  expect(loopback.lines).toEqual([]);
});

test("what is beyond the contract is kept, and what is not known is not looked at", async () => {
  const { loopback, gee } = await open();
  await using _ = loopback;
  const address = { zip: "1", more: [Number.NaN, "x".repeat(1_000_000)] };
  expect(await gee.call("Foo.Address", [address, "more"])).toEqual(address);
  expect(await gee.call("Foo.Sum", [Number.NaN, undefined])).toBeNaN();
  for (const value of [1, null, "x", { a: 1 }]) {
    expect(await gee.call("Foo.Any", [value])).toEqual(value);
  }
});

test("nothing is checked when that is turned off, and private methods stay private", async () => {
  const { loopback, gee } = await open({ check: false });
  await using _ = loopback;
  expect(await gee.call("Foo.Sum", ["1", "2"])).toBe("12");
  expect(await gee.call("Foo.Lenient", [items(1, "two")])).toBe(2);
  expect(await failureOf(gee.call("Foo.secret"))).toMatchObject({
    code: "UNIMPLEMENTED",
    reason: "NO_SUCH_METHOD",
    message: "Foo has no method secret",
  });
});

test("a refused call is not sent again, and says nothing against its server", async () => {
  const loopback = new Loopback();
  await using _ = loopback;
  const foos = [new Foo(), new Foo()];
  const servers = await Promise.all(
    foos.map((Foo_) => loopback.serve({ Foo: Foo_ }, { contract })),
  );
  let arrivals = 0;
  const gee = loopback.connect(servers, { policy: "round-robin" });
  for (let call = 0; call < 60; call++) {
    const error = await failureOf(gee.call("Foo.Sum", ["x"], { idempotent: true }));
    expect(error).toMatchObject(badArgument);
    arrivals++;
  }
  expect(arrivals).toBe(60);
  // Neither is out: both get their turn.
  await Promise.all(Array.from({ length: 10 }, () => gee.call("Foo.Sum", [1])));
  expect(foos.map(({ runs }) => runs)).toEqual([5, 5]);
  expect(loopback.lines).toEqual([]);
});

test("interceptors run around the checks, and may mend what does not fit", async () => {
  const seen: unknown[] = [];
  const mend: ServerInterceptor = ({ args, context }, next) => {
    seen.push([context.method, args]);
    return next(args.map((one) => (one === "one" ? 1 : one)));
  };
  const { loopback, gee } = await open({ interceptors: [mend] });
  await using _ = loopback;
  expect(await gee.call("Foo.Sum", ["one", 5])).toBe(6);
  expect(await failureOf(gee.call("Foo.Sum", ["two"]))).toMatchObject(badArgument);
  expect(await gee.call("gee.Health.Check")).toEqual({ status: "SERVING" });
  expect(seen).toEqual([
    ["Foo.Sum", ["one", 5]],
    ["Foo.Sum", ["two"]],
    ["gee.Health.Check", []],
  ]);
});

test("a refused call with a key leaves the key free", async () => {
  const { loopback, foo, gee } = await open();
  await using _ = loopback;
  const options = { idempotencyKey: "one" };
  for (let call = 0; call < 2; call++) {
    expect(await failureOf(gee.call("Foo.Sum", ["x"], options))).toMatchObject(badArgument);
  }
  expect(await gee.call("Foo.Sum", [1], options)).toBe(3);
  expect(await gee.call("Foo.Sum", [1], options)).toBe(3);
  expect(foo.runs).toBe(1);
});

test("a one-way call that does not fit does not run", async () => {
  const { loopback, foo, gee } = await open();
  await using _ = loopback;
  await gee.call("Foo.Sum", ["x"], { oneWay: true });
  await gee.call("Foo.Sum", [1], { oneWay: true });
  await until(() => foo.runs === 1, "the call that fits");
  expect(await gee.call("Foo.Sum", [1])).toBe(3);
  expect(foo.runs).toBe(2);
});

test("an item that does not fit reaches the method as an error, the caller as its answer, and ends the source", async () => {
  const { loopback, foo, gee } = await open();
  await using _ = loopback;
  expect(await gee.call("Foo.Total", [items(1, 2, 3)])).toBe(6);
  foo.taken = [];
  const state = { left: false };
  async function* endless(): AsyncGenerator<unknown> {
    try {
      yield 1;
      yield 2;
      for (;;) yield "three";
    } finally {
      state.left = true;
    }
  }
  const error = await failureOf(gee.call("Foo.Total", [endless()]));
  const message = "args[0] (numbers), item 3: expected number, got string";
  expect(error).toMatchObject({ ...badArgument, executed: "yes", message });
  expect(isFault(error)).toBe(false);
  expect(foo.taken).toEqual([1, 2]);
  expect(foo.failures).toMatchObject([{ message }]);
  await until(() => state.left, "the end of the source");
  // Who goes on without it has the last word.
  expect(await gee.call("Foo.Lenient", [items(1, "two", 3)])).toBe(1);
  expect(loopback.lines).toEqual([]);
});

test("a stream argument that is cancelled reaches the method through the check", async () => {
  const { loopback, foo, gee } = await open();
  await using _ = loopback;
  const leaving = new AbortController();
  async function* slow(): AsyncGenerator<number> {
    yield 1;
    await new Promise(() => {});
  }
  const call = failureOf(gee.call("Foo.Total", [slow()], { signal: leaving.signal }));
  await until(() => foo.taken.length === 1, "the first item");
  leaving.abort();
  expect((await call).code).toBe("CANCELLED");
  await until(() => foo.failures.length === 1, "the method's end");
  expect(GeeError.from(foo.failures[0]).code).toBe("CANCELLED");
});

test("answers are checked when that is asked for, and told in the log", async () => {
  const { loopback, foo, gee } = await open({ checkResults: true });
  await using _ = loopback;
  const bad = { code: "INTERNAL", reason: "BAD_RESULT", executed: "yes" };
  foo.answer = { items: [1] };
  expect(await gee.call("Foo.Get")).toEqual(foo.answer);
  expect(await gee.call("Foo.Later")).toEqual(foo.answer);
  foo.answer = { items: [1, 2, null] };
  const message = "result.items[2]: expected number, got null";
  for (const name of ["Foo.Get", "Foo.Later"]) {
    expect(await failureOf(gee.call(name))).toMatchObject({ ...bad, message });
  }
  expect(loopback.lines).toHaveLength(2);
  expect(loopback.lines[0]).toContain(message);
  expect(await collect(gee.call("Foo.Count", [2]))).toEqual([1, 2]);
  foo.answer = "three";
  const taken: unknown[] = [];
  const error = await failureOf(
    (async () => {
      for await (const item of gee.call("Foo.Count", [4])) taken.push(item);
    })(),
  );
  expect(error).toMatchObject({ ...bad, message: "result: expected number, got string" });
  expect(taken).toEqual([1, 2]);
  expect(await gee.call("Foo.Sum", [1])).toBe(3);
});

test("answers are not checked by default", async () => {
  const { loopback, foo, gee } = await open();
  await using _ = loopback;
  foo.answer = "anything";
  expect(await gee.call("Foo.Get")).toBe("anything");
});

test("a schema is asked in place of the contract, at once or later, and the method sees its context", async () => {
  const slow = standardSchema(async (value) => {
    await Promise.resolve();
    return typeof value === "string"
      ? { value: value.length }
      : { issues: [{ message: "Expected a text", path: [] }] };
  });
  const seen: string[] = [];
  class Bar {
    Length(length: number): number {
      seen.push(callContext().method);
      return length;
    }
  }
  const loopback = new Loopback();
  await using _ = loopback;
  const text = service([method("Length", { text: number }, number)], {}, "Bar");
  const { gee } = await loopback.pair(
    { Bar: new Bar() },
    { contract: moduleOf([text]), methods: { Bar: { Length: { schema: slow } } } },
  );
  expect(await gee.call("Bar.Length", ["four"])).toBe(4);
  expect(await failureOf(gee.call("Bar.Length", [4]))).toMatchObject({
    ...badArgument,
    message: "args[0] (text): Expected a text",
  });
  expect(seen).toEqual(["Bar.Length"]);
  expect(loopback.lines).toEqual([]);
});

test("a schema that throws is a failure of the method's, told in the log alone", async () => {
  const broken = standardSchema(() => {
    throw new Error("the secret is 42");
  });
  const { loopback, gee } = await open({ methods: { Foo: { Sum: { schema: broken } } } });
  await using _ = loopback;
  const error = await failureOf(gee.call("Foo.Sum", [1]));
  expect(error).toMatchObject({ code: "INTERNAL", reason: "HANDLER_FAILED" });
  expect(error.message).not.toContain("42");
  expect(loopback.lines.join("\n")).toContain("the secret is 42");
});
