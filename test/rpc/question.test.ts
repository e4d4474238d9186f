import { expect, test } from "bun:test";
import { Deadlines } from "../../src/base/deadlines.ts";
import { GeeError } from "../../src/base/errors.ts";
import { callContext } from "../../src/rpc/context.ts";
import { askOn } from "../../src/rpc/question.ts";
import { failureOf, openEnds, wires } from "../support/ends.ts";

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }

  Left(): number | undefined {
    return callContext().remainingMs;
  }

  Full(): never {
    throw new GeeError("RESOURCE_EXHAUSTED", "full", { executed: "no" });
  }

  Never(): Promise<void> {
    return new Promise(() => {});
  }
}

async function open() {
  const ends = await openEnds(wires[0], { Foo: new Foo() });
  const deadlines = new Deadlines(ends.clock);
  const ask = (method: string, ...args: unknown[]): Promise<unknown> =>
    askOn(ends.connection, deadlines, { method, args, timeoutMs: 500 });
  return { ends, ask };
}

test("it is answered on the connection that it is for, in its time", async () => {
  const { ends, ask } = await open();
  await using _ = ends;
  expect(await ask("Foo.Sum", 1, 2)).toBe(3);
  expect(await ask("Foo.Left")).toBe(500);
  const late = failureOf(ask("Foo.Never"));
  await ends.clock.advance(500);
  expect(await late).toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

test("what would send another call elsewhere fails it", async () => {
  const { ends, ask } = await open();
  await using _ = ends;
  expect(await failureOf(ask("Foo.Full"))).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  const lost = failureOf(ask("Foo.Never"));
  ends.connection.close(new GeeError("UNAVAILABLE", "gone"));
  expect(await lost).toMatchObject({ code: "UNAVAILABLE" });
  expect(await failureOf(ask("Foo.Sum", 1, 2))).toMatchObject({ code: "UNAVAILABLE" });
});
