import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import * as refusals from "../../src/rpc/refusals.ts";

test("what starts nothing says that nothing was executed, so that it may be tried elsewhere", () => {
  const refused = [
    refusals.wrongInstance(),
    refusals.tooManyInFlight(8),
    refusals.shuttingDown(),
    refusals.helloTimeout("127.0.0.1:9"),
    refusals.badCall("too short"),
    refusals.clientClosed("FAILED_PRECONDITION"),
    refusals.clientClosed("UNAVAILABLE"),
  ];
  expect(refused.map(({ reason, executed }) => [reason, executed])).toEqual([
    ["WRONG_INSTANCE", "no"],
    ["TOO_MANY_IN_FLIGHT", "no"],
    ["DRAINING", "no"],
    ["HELLO_TIMEOUT", "no"],
    ["BAD_BODY", "no"],
    ["CLOSED", "no"],
    ["CLOSED", "no"],
  ]);
});

test("what ends a connection with calls on it leaves open what became of them", () => {
  const ends = [
    refusals.protocolError("call id 1 behind 2"),
    refusals.badMessage("too short"),
    refusals.unsupportedKind("item"),
  ];
  expect(ends).toMatchObject([
    {
      code: "INVALID_ARGUMENT",
      reason: "PROTOCOL_ERROR",
      message: "call id 1 behind 2",
      executed: "maybe",
    },
    { code: "INVALID_ARGUMENT", reason: "BAD_MESSAGE", message: "too short", executed: "maybe" },
    { code: "UNIMPLEMENTED", reason: "UNSUPPORTED_KIND", executed: "maybe" },
  ]);
});

test("a call that cannot be read is told what is wrong with it", () => {
  expect(refusals.badCall("arguments: too deep")).toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "a call that cannot be read: arguments: too deep",
  });
});

test("a handler whose caller has gone can see why", () => {
  const why = new GeeError("UNAVAILABLE", "reset");
  const error = refusals.callerGone(why);
  expect(error).toMatchObject({ code: "CANCELLED", reason: "CALLER_GONE", executed: "maybe" });
  expect(error.cause).toBe(why);
});

test("a call that was given up ends with the deadline, or as cancelled whatever else it says", () => {
  expect(refusals.cancelled("DEADLINE_EXCEEDED").code).toBe("DEADLINE_EXCEEDED");
  expect(refusals.cancelled("CANCELLED").code).toBe("CANCELLED");
  expect(refusals.cancelled("INTERNAL").code).toBe("CANCELLED");
});
