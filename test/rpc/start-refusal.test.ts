import { expect, test } from "bun:test";
import { closingError, startRefusal } from "../../src/rpc/start-refusal.ts";
import { openBench } from "../wire/recorder.ts";

test("a call goes out while there is room for it", () => {
  const { channel } = openBench({ from: "server" });
  expect(startRefusal(channel, 9, 10)).toBeUndefined();
  expect(startRefusal(channel, 10, 10)).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "TOO_MANY_IN_FLIGHT",
    message: "10 calls are in flight to memory server already",
    executed: "no",
  });
});

test("a connection that closes says so, and that nothing was executed", () => {
  const { channel } = openBench({ from: "server" });
  expect(closingError(channel)).toMatchObject({ reason: "CONNECTION_CLOSING", executed: "no" });
});
