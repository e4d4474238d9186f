import { expect, test } from "bun:test";
import { parseEndpoint } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { systemClock } from "../../src/base/time.ts";
import { createDial } from "../../src/net/dial.ts";
import { listen } from "../../src/net/listen.ts";
import type { Link, LinkEvents } from "../../src/wire/link.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { failureOf } from "../support/ends.ts";

const deaf: LinkEvents = { data: () => true, drain() {}, closed() {} };

/** A port on which nobody listens: one that was free a moment ago. */
async function closedPort(): Promise<string> {
  const endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const listener = await listen(endpoint, systemClock, () => deaf);
  listener.stop();
  return listener.address;
}

function dial(address: string, options: { signal?: AbortSignal; clock?: FakeClock } = {}) {
  const links: Link[] = [];
  const { clock = systemClock, signal } = options;
  const done = createDial(clock)(parseEndpoint(address), { timeoutMs: 2_000, signal }, (link) => {
    links.push(link);
    return deaf;
  });
  return { done, links };
}

test("a refused connection fails at once, and not a byte was sent", async () => {
  const address = await closedPort();
  const { done, links } = dial(address);
  const error = await failureOf(done);
  expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "CONNECT_FAILED", executed: "no" });
  expect(error.message).toBe(`cannot connect to ${address.slice(4)}: connection refused`);
  expect(links).toEqual([]);
});

test("IPv6 stands in brackets in what is said of it", async () => {
  const error = await failureOf(dial("tcp@[::1]:1").done);
  expect(error.message).toStartWith("cannot connect to [::1]:1: ");
});

test("a host name that does not resolve and a socket file that is not there fail as well", async () => {
  for (const address of ["tcp@nobody.invalid:4000", "unix@/nowhere/at/all.sock"]) {
    expect(await failureOf(dial(address).done)).toMatchObject({
      reason: "CONNECT_FAILED",
      executed: "no",
    });
  }
});

test("a host that never answers is given up after the time that was allowed", async () => {
  const clock = new FakeClock();
  // A network for documentation: nobody is there, and nobody says so.
  const { done, links } = dial("tcp@192.0.2.1:4000", { clock });
  const failed = failureOf(done);
  await clock.advance(2_000);
  const error = await failed;
  expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "CONNECT_FAILED", executed: "no" });
  expect(links).toEqual([]);
  expect(clock.pending()).toBe(0);
});

test("an abort ends the wait with its reason", async () => {
  const controller = new AbortController();
  const { done } = dial("tcp@192.0.2.1:4000", { signal: controller.signal });
  controller.abort(new GeeError("CANCELLED", "enough"));
  expect(await failureOf(done)).toMatchObject({ code: "CANCELLED", message: "enough" });
  const aborted = dial("tcp@192.0.2.1:4000", { signal: controller.signal });
  expect((await failureOf(aborted.done)).message).toBe("enough");
});

test("a connection that opens after it was given up is closed without a byte", async () => {
  let received = 0;
  let closed = 0;
  let accepted = 0;
  const endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const listener = await listen(endpoint, systemClock, () => {
    accepted++;
    return {
      data: (bytes) => (received += bytes.length) < 0,
      drain() {},
      closed: () => void closed++,
    };
  });
  const controller = new AbortController();
  const { done, links } = dial(listener.address, { signal: controller.signal });
  controller.abort(new GeeError("CANCELLED", "enough"));
  await failureOf(done);
  for (let turns = 0; turns < 200; turns++) await turn();
  await until(() => closed === accepted);
  expect(links).toEqual([]);
  expect(received).toBe(0);
  listener.stop();
});
