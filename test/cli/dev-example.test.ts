import { expect, test } from "bun:test";
import { exampleFor } from "../../src/cli/dev-example.ts";
import { serve } from "../../src/index.ts";
import { method, number, service } from "../support/contracts.ts";

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
}

const contract = {
  services: [service([method("Sum", { a: number, b: number }, number)])],
  hidden: { Foo: [] },
  marks: {},
  files: [],
};

test("the call to copy has arguments that the server takes", async () => {
  await using server = await serve({ services: { Foo: new Foo() }, contract });
  expect(await exampleFor(server, [])).toBe("gee call Foo.Sum 1 2");
  expect(await exampleFor(server, ["--registry", "http://127.0.0.1:1"])).toBe(
    "gee call Foo.Sum 1 2 --registry http://127.0.0.1:1",
  );
});

test("where nothing is known of the parameters, or nobody answers, it is bare", async () => {
  await using server = await serve({ services: { Foo: new Foo() } });
  const { address, services } = server;
  expect(await exampleFor({ address, services }, [])).toBe("gee call Foo.Sum");
  await server.stop({ lameDuckMs: 0, drainTimeoutMs: 0 });
  expect(await exampleFor({ address, services }, [])).toBe("gee call Foo.Sum");
});

test("of nothing there is no example", async () => {
  expect(await exampleFor({ address: "tcp@127.0.0.1:1", services: [] }, [])).toBeUndefined();
});
