import { expect, test } from "bun:test";
import type { GeeError } from "../../src/base/errors.ts";
import { MemoryLink } from "../../src/testing/memory-link.ts";
import { TestClock } from "../../src/testing/test-clock.ts";
import { turn } from "../support/clock.ts";

/** An owner that notes what it is told. */
class Owner {
  readonly told: string[] = [];
  onData: () => void = () => {};

  data(bytes: Uint8Array): boolean {
    this.told.push(new TextDecoder().decode(bytes));
    this.onData();
    return false;
  }

  drain(): void {
    this.told.push("drain");
  }

  closed(why: GeeError): void {
    this.told.push(`closed: ${why.reason} ${why.message}`);
  }
}

function pair() {
  const [caller, server] = MemoryLink.pair(new TestClock());
  const owners = { caller: new Owner(), server: new Owner() };
  caller.open(owners.caller);
  server.open(owners.server);
  return { caller, server, owners, told: [owners.caller.told, owners.server.told] as const };
}

function say(link: MemoryLink, text: string): number {
  const bytes = new TextEncoder().encode(`<${text}>`);
  return link.write(bytes, 1, bytes.length - 1);
}

test("bytes arrive later, in their order, and each end knows the other", async () => {
  const [caller, server] = MemoryLink.pair(new TestClock());
  const owner = new Owner();
  expect([caller.peer, server.peer, caller.local]).toEqual(["test server", "test client", true]);
  expect(say(caller, "a")).toBe(1);
  say(caller, "bc");
  await turn();
  // What came before waits for whoever opens it.
  server.open(owner);
  expect(owner.told).toEqual([]);
  await turn();
  expect(owner.told).toEqual(["a", "bc"]);
});

test("the buffer is the writer's again", async () => {
  const { caller, told } = pair();
  const bytes = new TextEncoder().encode("abc");
  caller.write(bytes, 0, 3);
  bytes.fill(0);
  await turn();
  expect(told[1]).toEqual(["abc"]);
});

test("a paused end hears nothing until it resumes", async () => {
  const { caller, server, told } = pair();
  server.pause();
  say(caller, "a");
  await turn();
  expect(told[1]).toEqual([]);
  server.resume();
  await turn();
  expect(told[1]).toEqual(["a"]);
});

test("an end that ends is read to its last byte, and both are closed", async () => {
  const { caller, server, told } = pair();
  say(caller, "a");
  caller.end();
  expect(say(caller, "too late")).toBe(0);
  await turn();
  expect(told).toEqual([
    ["closed: CONNECTION_LOST test server closed the connection"],
    ["a", "closed: CONNECTION_LOST test client closed the connection"],
  ]);
  for (const link of [caller, server]) {
    link.end();
    link.close();
    expect(say(link, "too late")).toBe(0);
  }
  await turn();
  expect(told.map(({ length }) => length)).toEqual([1, 2]);
});

test("an end that closes is told at once, and what is under way is lost", async () => {
  const { caller, server, told } = pair();
  say(caller, "lost");
  server.pause();
  caller.close();
  expect(told[0]).toEqual(["closed: CLOSED connection closed"]);
  await turn();
  // Even one that reads nothing.
  expect(told[1]).toEqual(["closed: CONNECTION_LOST connection lost to test client"]);
  expect(say(server, "too late")).toBe(0);
});

test("an owner may close within an event", async () => {
  const { caller, server, owners } = pair();
  owners.server.onData = () => server.close();
  say(caller, "a");
  say(caller, "b");
  await turn();
  expect(owners.server.told).toEqual(["a", "closed: CLOSED connection closed"]);
});

test("two that always have something to say let others have their turn", async () => {
  const { caller, server, owners } = pair();
  let rallies = 0;
  const hit = (from: MemoryLink) => (): void => {
    rallies++;
    say(from, "ball");
  };
  owners.caller.onData = hit(caller);
  owners.server.onData = hit(server);
  say(caller, "ball");
  await turn();
  expect(rallies).toBeGreaterThan(100);
  caller.close();
});
