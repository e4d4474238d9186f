import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import type { StandardSchema } from "../../src/contract/standard-schema.ts";
import { callContext, withContext } from "../../src/rpc/context.ts";
import type { CallContext } from "../../src/rpc/context.ts";
import { withSchemas } from "../../src/rpc/schemas.ts";
import { standardSchema } from "../support/schemas.ts";

const numbers = standardSchema((value) =>
  typeof value === "number" ? { value } : { issues: [{ message: "no number" }] },
);
const later = (schema: StandardSchema): StandardSchema =>
  standardSchema(async (value) => await schema["~standard"].validate(value));
const twice = standardSchema((value) => ({ value: Number(value) * 2 }));

/** What a method is run with; a call that is refused throws. */
function runner(schemas: readonly (StandardSchema | undefined)[], names: readonly string[] = []) {
  const runs: (readonly unknown[])[] = [];
  const contexts: string[] = [];
  const invoke = withSchemas(
    (args) => {
      runs.push(args);
      contexts.push(callContext().method);
      return "done";
    },
    schemas,
    names,
    callContext,
  );
  const context: CallContext = {
    signal: new AbortController().signal,
    remainingMs: 1,
    metadata: {},
    peer: "unix",
    method: "Foo.Run",
    attempt: 0,
    log: silentLog,
    service: () => {
      throw new Error("not here");
    },
    call: () => {
      throw new Error("not here");
    },
    setMetadata() {},
    setTrailing() {},
  };
  const run = (...args: unknown[]): unknown => withContext(context, invoke, args);
  return { run, runs, contexts };
}

test("what a schema makes of an argument is what the method gets, and the caller's stays what it is", () => {
  const { run, runs } = runner([undefined, twice]);
  const args = ["a", 4, "c"];
  expect(run(...args)).toBe("done");
  expect(runs).toEqual([["a", 8, "c"]]);
  expect(args).toEqual(["a", 4, "c"]);
});

test("arguments that stay what they are are handed on as they are", () => {
  const { run, runs } = runner([numbers]);
  const given = [Number.NaN, {}];
  expect(run(...given)).toBe("done");
  expect(runs[0]).toEqual(given);
});

test("an argument that is left out is asked of its schema, and may get a value", () => {
  const fallback = standardSchema((value) => ({ value: value ?? 7 }));
  const { run, runs } = runner([undefined, undefined, fallback]);
  run(1);
  run();
  expect(runs).toEqual([
    [1, undefined, 7],
    [undefined, undefined, 7],
  ]);
  const optional = runner([standardSchema((value) => ({ value }))]);
  optional.run();
  expect(optional.runs).toEqual([[]]);
});

test("a refusal names the argument, and the method does not run", () => {
  const { run, runs } = runner([numbers, numbers], ["a", "b"]);
  expect(() => run(1, "x")).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      reason: "BAD_ARGUMENT",
      message: "args[1] (b): no number",
      executed: "no",
    }),
  );
  expect(() => runner([numbers]).run("x")).toThrow("args[0]: no number");
  const deep = standardSchema(() => ({
    issues: [{ message: "too short", path: ["address", { key: "zip" }] }],
  }));
  expect(() => runner([deep], ["a"]).run({})).toThrow("args[0].address.zip: too short");
  expect(runs).toEqual([]);
});

test("a schema may take its time: one behind the other, and then the method sees its context", async () => {
  const order: string[] = [];
  const slow = standardSchema(async (value) => {
    order.push(`begun ${String(value)}`);
    await Promise.resolve();
    order.push(`done ${String(value)}`);
    return { value: Number(value) * 2 };
  });
  const { run, runs, contexts } = runner([slow, undefined, twice, slow]);
  expect(await run(1, 2, 3, 4)).toBe("done");
  expect(runs).toEqual([[2, 2, 6, 8]]);
  expect(order).toEqual(["begun 1", "done 1", "begun 4", "done 4"]);
  expect(contexts).toEqual(["Foo.Run"]);
});

test("one that refuses later refuses all the same, and none behind it is asked", async () => {
  let asked = 0;
  const counting = standardSchema((value) => {
    asked++;
    return { value };
  });
  const { run, runs } = runner([later(numbers), counting], ["a"]);
  expect(await Promise.resolve(run("x")).catch(GeeError.from)).toMatchObject({
    message: "args[0] (a): no number",
    executed: "no",
  });
  expect([runs, asked]).toEqual([[], 0]);
});

test("a schema that throws, or that answers with nothing, fails as a method does", async () => {
  const failing = standardSchema(() => {
    throw new Error("broken");
  });
  expect(() => runner([failing]).run(1)).toThrow("broken");
  const rejecting = standardSchema(() => Promise.reject(new Error("broken")));
  expect(await Promise.resolve(runner([rejecting]).run(1)).catch(String)).toBe("Error: broken");
  const nothing = standardSchema(() => JSON.parse("null"));
  expect(() => runner([nothing]).run(1)).toThrow(TypeError);
});

test("a stream is not for a schema", () => {
  const { run, runs } = runner([numbers]);
  const items = (async function* () {})();
  run(items);
  expect(runs).toEqual([[items]]);
});
