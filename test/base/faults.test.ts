import { expect, test } from "bun:test";
import { GeeError, type Code } from "../../src/base/errors.ts";
import { fault, isFault, type Fault } from "../../src/base/faults.ts";
import { errorForCaller } from "../../src/rpc/thrown.ts";
import { errorOf, faultOf } from "../../src/wire/fault.ts";
import { memoryLog } from "../support/registry.ts";
import { holds, type Equal } from "../support/types.ts";

type FooFaults =
  | Fault<"FAILED_PRECONDITION", "SOLD_OUT", { left: number }>
  | Fault<"FAILED_PRECONDITION", "CLOSED">
  | Fault<"NOT_FOUND", "NO_SUCH_ITEM", { id: string }>;

/** What the caller of a handler gets for what the handler threw. */
function atCaller(thrown: unknown): GeeError {
  const error = errorForCaller(thrown, "Foo.Buy", memoryLog().log, () => "id");
  return errorOf(faultOf(1, error, error.details));
}

/** A caller that knows the faults of the service, and lets everything else through. */
function answerTo(error: unknown): string {
  if (!isFault<FooFaults>(error)) throw error;
  switch (error.reason) {
    case "SOLD_OUT":
      return `${error.details.left} left`;
    case "CLOSED":
      return "closed";
    case "NO_SUCH_ITEM":
      return `no ${error.details.id}`;
    default:
      throw error satisfies never;
  }
}

const soldOut = fault<FooFaults>({
  code: "FAILED_PRECONDITION",
  reason: "SOLD_OUT",
  message: "sold out",
  details: { left: 0 },
  retryAfterMs: 20,
});

test("a fault is a GeeError with what it was given, as its caller will see it", () => {
  expect(soldOut).toBeInstanceOf(GeeError);
  expect(soldOut.message).toBe("sold out");
  expect<object>({ ...soldOut }).toEqual({
    name: "GeeError",
    code: "FAILED_PRECONDITION",
    reason: "SOLD_OUT",
    details: { left: 0 },
    executed: "yes",
    retryAfterMs: 20,
    hint: undefined,
  });
  const bare = fault<FooFaults>({ code: "FAILED_PRECONDITION", reason: "CLOSED", message: "no" });
  expect([bare.details, bare.retryAfterMs]).toEqual([undefined, undefined]);
});

test("it is the same fault in the process and on the other side, thrown as a GeeError too", () => {
  const plain = new GeeError("NOT_FOUND", "m", { reason: "NO_SUCH_ITEM", details: { id: "7" } });
  expect(atCaller(soldOut)).not.toBe(soldOut);
  expect<object>({ ...atCaller(soldOut) }).toEqual({ ...soldOut });
  expect(answerTo(soldOut)).toBe("0 left");
  expect(answerTo(atCaller(soldOut))).toBe("0 left");
  expect(answerTo(atCaller(plain))).toBe("no 7");
});

test("nothing else is a fault", () => {
  const own = (code: Code, reason?: string) => new GeeError(code, "m", { reason, executed: "yes" });
  const others: readonly (readonly [why: string, thrown: unknown])[] = [
    ["nobody knows whether it ran", new GeeError("ABORTED", "m", { reason: "SOLD_OUT" })],
    ["it did not run", new GeeError("ABORTED", "m", { reason: "SOLD_OUT", executed: "no" })],
    ["it has no reason", atCaller(new GeeError("ABORTED", "m"))],
    ["it was not meant for the caller", atCaller(new Error("secret"))],
    ["the result cannot travel", own("INTERNAL", "CANNOT_TRAVEL")],
    ["the result is too large", own("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE")],
    ["the results wait unread", own("RESOURCE_EXHAUSTED", "REPLIES_UNREAD")],
    ["the result cannot be read", own("INTERNAL", "BAD_BODY")],
    ["the stream was idle", own("DEADLINE_EXCEEDED", "IDLE")],
    ["the server shuts down", own("UNAVAILABLE", "DRAINING")],
    ["it is no GeeError", Object.assign(new Error("m"), { reason: "SOLD_OUT", executed: "yes" })],
    ["it only looks like one", { ...soldOut }],
    ["it is nothing", undefined],
    ["it is text", "SOLD_OUT"],
  ];
  for (const [why, thrown] of others) {
    expect([why, isFault(thrown)]).toEqual([why, false]);
    expect(() => answerTo(thrown)).toThrow();
  }
});

test("a fault that the caller does not know yet is one, and is not swallowed", () => {
  const newer = atCaller(new GeeError("ABORTED", "later", { reason: "NEW_REASON" }));
  expect(isFault<FooFaults>(newer)).toBe(true);
  expect(() => answerTo(newer)).toThrow(newer);
});

test("every reason that gee gives to what was executed is none of a service's", async () => {
  const root = new URL("../../src/", import.meta.url).pathname;
  const reasons = new Set<string>();
  for await (const file of new Bun.Glob("**/*.ts").scan(root)) {
    const text = await Bun.file(root + file).text();
    for (const [options] of text.matchAll(/\{[^{}]*executed: "yes"[^{}]*\}/g)) {
      const reason = /reason: "([A-Z_]+)"/.exec(options)?.[1];
      if (reason !== undefined) reasons.add(reason);
    }
  }
  expect(reasons).toContain("HANDLER_FAILED");
  const asFaults = [...reasons].filter((reason) =>
    isFault(new GeeError("INTERNAL", "m", { reason, executed: "yes" })),
  );
  // One that is here belongs to `ownReasons` in src/base/faults.ts.
  expect(asFaults).toEqual([]);
});

// The rest is checked by the compiler (`bun check`), and nothing runs it.

function made(): void {
  holds<Equal<ReturnType<typeof fault<FooFaults>>, FooFaults>>();
  const { message } = soldOut;
  fault<FooFaults>({ code: "FAILED_PRECONDITION", reason: "CLOSED", message });
  fault<FooFaults>({ code: "NOT_FOUND", reason: "NO_SUCH_ITEM", message, details: { id: "1" } });
  // @ts-expect-error no such reason
  fault<FooFaults>({ code: "NOT_FOUND", reason: "NO_SUCH", message, details: { id: "1" } });
  // @ts-expect-error the code of another reason
  fault<FooFaults>({ code: "NOT_FOUND", reason: "SOLD_OUT", message, details: { left: 0 } });
  // @ts-expect-error the details of another reason
  fault<FooFaults>({ code: "NOT_FOUND", reason: "NO_SUCH_ITEM", message, details: { left: 0 } });
  // @ts-expect-error details of another type
  fault<FooFaults>({ code: "NOT_FOUND", reason: "NO_SUCH_ITEM", message, details: { id: 1 } });
  // @ts-expect-error no details
  fault<FooFaults>({ code: "NOT_FOUND", reason: "NO_SUCH_ITEM", message });
  // @ts-expect-error details where there are none
  fault<FooFaults>({ code: "FAILED_PRECONDITION", reason: "CLOSED", message, details: {} });
  // @ts-expect-error no message
  fault<FooFaults>({ code: "FAILED_PRECONDITION", reason: "CLOSED" });
  // @ts-expect-error no such field
  fault<FooFaults>({ code: "FAILED_PRECONDITION", reason: "CLOSED", message, detail: 1 });
  // @ts-expect-error nothing says what may be thrown
  fault({ code: "NOT_FOUND", reason: "NO_SUCH_ITEM", message, details: { id: "1" } });
  // @ts-expect-error a reason of gee's own
  fault<Fault<"INTERNAL", "IDLE">>({ code: "INTERNAL", reason: "IDLE", message });
  // @ts-expect-error no such code
  holds<Equal<Fault<"NO_SUCH_CODE", "R">["code"], Code>>();
}

function narrowed(error: unknown): void {
  if (isFault(error)) {
    holds<Equal<typeof error.reason, string>>();
    holds<Equal<typeof error.details, unknown>>();
  }
  if (!isFault<FooFaults>(error)) {
    holds<Equal<typeof error, unknown>>();
    return;
  }
  holds<Equal<typeof error, FooFaults>>();
  holds<Equal<typeof error.code, "FAILED_PRECONDITION" | "NOT_FOUND">>();
  holds<Equal<typeof error.reason, "SOLD_OUT" | "CLOSED" | "NO_SUCH_ITEM">>();
  error satisfies GeeError;
  // @ts-expect-error it is not known yet which one it is
  void error.details.left;

  // By reason.
  if (error.reason === "SOLD_OUT") {
    holds<Equal<typeof error.code, "FAILED_PRECONDITION">>();
    holds<Equal<typeof error.details, { left: number }>>();
  } else if (error.reason === "CLOSED") {
    holds<Equal<typeof error.details, undefined>>();
  } else {
    holds<Equal<typeof error.details, { id: string }>>();
  }

  // By code.
  if (error.code === "NOT_FOUND") holds<Equal<typeof error.details, { id: string }>>();
  else holds<Equal<typeof error.reason, "SOLD_OUT" | "CLOSED">>();
  // @ts-expect-error no such reason
  void (error.reason === "HANDLER_FAILED");
  // @ts-expect-error read only
  error.details = undefined;

  switch (error.reason) {
    case "SOLD_OUT":
    case "CLOSED":
      break;
    default:
      // @ts-expect-error one is forgotten
      error satisfies never;
  }
}

function atOnce(error: unknown): number | undefined {
  return isFault<FooFaults>(error) && error.reason === "SOLD_OUT" ? error.details.left : undefined;
}

test("the compiler holds code, reason and details together", () => {
  for (const never of [made, narrowed]) expect(never).toBeFunction();
  expect(atOnce(atCaller(soldOut))).toBe(0);
  expect(atOnce(new GeeError("ABORTED", "m", { reason: "SOLD_OUT" }))).toBeUndefined();
});
