import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { inTime } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";
import { any, network, old } from "../support/routed-network.ts";

test("what failed first says most, and of several how many they were", async () => {
  const one = network({}, [any(1)]);
  expect(await inTime(one.clock, failureOf(one.call("Foo.Who")))).toMatchObject({
    message: "refused 1",
    executed: "no",
  });
  const two = network({}, [any(1), any(2)]);
  expect(await inTime(two.clock, failureOf(two.call("Foo.Who")))).toMatchObject({
    message: "none of 2 servers of Foo takes the call; the first: refused 1",
    executed: "no",
    cause: expect.any(GeeError),
  });
});

test("that guesses failed is beside the point", async () => {
  const net = network({}, [any(1), old(2)]);
  expect(await inTime(net.clock, failureOf(net.call("Bar.Who")))).toMatchObject({
    reason: "NO_SERVER",
  });
});
