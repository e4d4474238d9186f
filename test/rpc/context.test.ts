import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { silentLog } from "../../src/base/log.ts";
import { callContext, withContext } from "../../src/rpc/context.ts";
import type { CallContext } from "../../src/rpc/context.ts";
import { HandlerRun } from "../../src/rpc/handler-run.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import { callMessage } from "../support/calls.ts";
import { FakeClock, until } from "../support/clock.ts";
import { openEnds, wires } from "../support/ends.ts";

function contextOf(): CallContext | GeeError {
  try {
    return callContext();
  } catch (error) {
    return GeeError.from(error);
  }
}

test("there is a context in a handler before its first await, and nowhere else", async () => {
  const seen: (CallContext | GeeError)[] = [];
  const late = Promise.withResolvers<void>();
  const services = {
    Foo: {
      async Run(): Promise<void> {
        seen.push(contextOf());
        await late.promise;
        seen.push(contextOf());
      },
    },
  };
  await using ends = await openEnds(wires[0], services);
  const call = ends.call("Foo.Run", [], { metadata: { trace: "abc" }, timeoutMs: 700 });
  await until(() => seen.length === 1);
  expect(seen[0]).toMatchObject({
    method: "Foo.Run",
    metadata: { trace: "abc" },
    remainingMs: 700,
    peer: "memory caller",
  });
  seen.push(contextOf());
  late.resolve();
  await call.promise;
  for (const outside of seen.slice(1)) {
    expect(outside).toMatchObject({ code: "FAILED_PRECONDITION", reason: "NO_CALL_CONTEXT" });
  }
});

test("each of two handlers at work has its own", async () => {
  const seen: unknown[] = [];
  const services = {
    Foo: {
      async Run(name: string): Promise<string> {
        const context = callContext();
        await Promise.resolve();
        seen.push([name, context.metadata["name"]]);
        return name;
      },
    },
  };
  await using ends = await openEnds(wires[0], services);
  const names = ["a", "b", "c"];
  const calls = names.map((name) => ends.call("Foo.Run", [name], { metadata: { name } }));
  await Promise.all(calls.map(({ promise }) => promise));
  expect(seen).toEqual(names.map((name) => [name, name]));
});

test("a context that is set within another gives way to it again, after a throw too", () => {
  const host = {
    peer: "",
    log: silentLog,
    clock: new FakeClock(),
    nested: new NestedCalls(undefined),
  };
  const fake = (name: "inner" | "outer"): CallContext => {
    const served = createServiceTable({ Foo: { [name]: () => 1 } }).find(`Foo.${name}`);
    return new HandlerRun(callMessage(1), served, 1, { ...host, onExpired() {} });
  };
  const method = (): string => callContext().method;
  const fail = (): never => {
    throw new Error("x");
  };
  const outer = (): void => {
    expect(withContext(fake("inner"), method, undefined)).toBe("Foo.inner");
    expect(() => withContext(fake("inner"), fail, undefined)).toThrow("x");
    expect(callContext().method).toBe("Foo.outer");
  };
  withContext(fake("outer"), outer, undefined);
  expect(contextOf()).toBeInstanceOf(GeeError);
});

test("a handler that throws at once leaves no context behind", async () => {
  const services = {
    Foo: {
      Run(): never {
        throw new GeeError("ABORTED", "x");
      },
    },
  };
  await using ends = await openEnds(wires[0], services);
  await ends.call("Foo.Run").promise.catch(() => {});
  expect(contextOf()).toBeInstanceOf(GeeError);
});
