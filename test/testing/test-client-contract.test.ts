import { expect, test } from "bun:test";
import { testClient } from "gee";
import type { ModuleContract, ServiceContract, TestClientOptions } from "gee";
import { silentLog } from "../../src/base/log.ts";
import { method, number, object, service, string } from "../support/contracts.ts";
import { failureOf } from "../support/ends.ts";
import { take } from "../support/loopback.ts";

// What is checked, described and compared, through the whole of both sides.

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }

  Greet(who: { readonly name: string }): string {
    return `hello, ${who.name}`;
  }

  Wrong(): unknown {
    return "no number";
  }

  async Total(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const one of numbers) sum += one;
    return sum;
  }

  // Private as far as the source says.
  Secret(): string {
    return "a secret";
  }
}

const foo: ServiceContract = service([
  method("Sum", { a: number, b: number }, number),
  method("Greet", { who: object({ name: string }) }, string),
  method("Wrong", {}, number),
  method("Total", { "numbers...": number }, number),
]);

/** What would be read of the module. */
const read: ModuleContract = {
  services: [foo],
  hidden: { Foo: ["Secret"] },
  marks: { Foo: ["Secret"] },
  files: [],
};

function open(options: TestClientOptions = {}) {
  return testClient({ Foo: new Foo() }, { contract: read, log: silentLog, ...options });
}

test("arguments are checked before the handler runs", async () => {
  await using client = open();
  expect(await client.call("Foo.Sum", [1, 2])).toBe(3);
  expect(await failureOf(client.call("Foo.Sum", [1, "x"]))).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_ARGUMENT",
    message: "args[1] (b): expected number, got string",
    executed: "no",
  });
  const { message } = await failureOf(client.call("Foo.Greet", [{ name: 7 }]));
  expect(message).toBe("args[0].name: expected string, got number");
  const items = (async function* () {
    yield 1;
    yield "two";
  })();
  expect(await failureOf(client.call("Foo.Total", [items]))).toMatchObject({
    code: "INVALID_ARGUMENT",
  });
});

test("or they are not, and results are when that is asked for", async () => {
  await using unchecked = open({ check: false });
  expect(await unchecked.call("Foo.Sum", [1, "x"])).toBe("1x");
  await using careless = open();
  expect(await careless.call("Foo.Wrong")).toBe("no number");
  await using careful = open({ checkResults: true });
  expect(await failureOf(careful.call("Foo.Wrong"))).toMatchObject({
    code: "INTERNAL",
    reason: "BAD_RESULT",
    message: "result: expected number, got string",
  });
});

test("what the source hides is not served", async () => {
  await using client = open();
  expect(await failureOf(client.call("Foo.Secret"))).toMatchObject({ code: "UNIMPLEMENTED" });
  await using unread = testClient({ Foo: new Foo() });
  expect(await unread.call("Foo.Secret")).toBe("a secret");
});

test("a server tells what it serves, and how it is", async () => {
  await using client = open();
  expect(await client.call("gee.Reflection.Services")).toMatchObject([
    { name: "Foo", methods: ["Sum", "Greet", "Wrong", "Total"] },
  ]);
  expect(await client.call("gee.Health.Check", ["Foo"])).toEqual({ status: "SERVING" });
  const first = await take(client.call("gee.Health.Watch", ["Foo"]), 1);
  expect(first).toEqual([{ status: "SERVING" }]);
});

test("a client that was built against another contract does not call what breaks it", async () => {
  const before = service([
    method("Sum", { a: number, b: string }, number),
    method("Greet", { who: object({ name: string, "age?": number }) }, string),
    method("Gone", {}),
  ]);
  await using client = open({ connect: { contract: before } });
  expect(await failureOf(client.call("Foo.Sum", [1, 2]))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "CONTRACT_MISMATCH",
    executed: "no",
    message:
      "Foo.Sum of test server is not what this client was built against: " +
      "args[1] (b): expected number, was string",
  });
  expect(await failureOf(client.call("Foo.Gone"))).toMatchObject({ reason: "CONTRACT_MISMATCH" });
  expect(await client.service("Foo").Greet({ name: "ada" })).toBe("hello, ada");
  expect(await client.call("gee.Health.Check")).toEqual({ status: "SERVING" });
});

test("and calls what has only more", async () => {
  const before = service([
    method("Sum", { a: number, b: number }, number),
    method("Greet", { who: object({ name: string, more: string }) }, string),
  ]);
  await using client = open({ connect: { contract: [before] } });
  expect(await client.call("Foo.Sum", [1, 2])).toBe(3);
  expect(await client.call("Foo.Greet", [{ name: "ada", more: "" }])).toBe("hello, ada");
});
