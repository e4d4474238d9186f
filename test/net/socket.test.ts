import { expect, test } from "bun:test";
import type { GeeError } from "../../src/base/errors.ts";
import { systemClock } from "../../src/base/time.ts";
import { createDial } from "../../src/net/dial.ts";
import { listen } from "../../src/net/listen.ts";
import { parseEndpoint } from "../../src/base/address.ts";
import type { Link, LinkEvents } from "../../src/wire/link.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { openEnds, wires } from "../support/ends.ts";

/** One end of a connection, with what it was told. */
class End implements LinkEvents {
  readonly link: Link;
  received = 0;
  drains = 0;
  readonly closedWith: GeeError[] = [];
  /** Throws out of the next `data`. */
  throws: Error | undefined;
  /** The bytes that came, and what `data` says of them. */
  readonly chunks: Uint8Array[] = [];
  usedUp = false;

  constructor(link: Link) {
    this.link = link;
  }

  data(bytes: Uint8Array): boolean {
    this.received += bytes.length;
    const { throws } = this;
    this.throws = undefined;
    if (throws !== undefined) throw throws;
    this.chunks.push(bytes);
    return this.usedUp;
  }

  drain(): void {
    this.drains++;
  }

  closed(why: GeeError): void {
    this.closedWith.push(why);
  }
}

async function pair(clock = systemClock): Promise<{ caller: End; server: End }> {
  let caller: End | undefined;
  let server: End | undefined;
  const endpoint = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const listener = await listen(endpoint, clock, (link) => (server = new End(link)));
  await createDial(clock)(
    parseEndpoint(listener.address),
    { timeoutMs: 2_000 },
    (link) => (caller = new End(link)),
  );
  await until(() => server !== undefined);
  listener.stop();
  if (caller === undefined || server === undefined) throw new Error("an end is missing");
  return { caller, server };
}

test("both ends know that they are on one machine, and who the other is", async () => {
  const { caller, server } = await pair();
  expect([caller.link.local, server.link.local]).toEqual([true, true]);
  expect(server.link.peer).toMatch(/^127\.0\.0\.1:\d+$/);
  caller.link.close();
  await until(() => server.closedWith.length === 1);
});

test("a write takes what the kernel takes, then nothing, and drain tells when there is room", async () => {
  const { caller, server } = await pair();
  server.link.pause();
  const bytes = new Uint8Array(16 * 1_048_576);
  let sent = caller.link.write(bytes, 0, bytes.length);
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(bytes.length);
  expect(caller.link.write(bytes, sent, bytes.length)).toBeLessThan(bytes.length - sent);
  expect(caller.drains).toBe(0);
  server.link.resume();
  await until(() => server.received > 0 && caller.drains > 0, "a drain");
  caller.link.close();
  await until(() => server.closedWith.length === 1);
  sent = caller.link.write(bytes, 0, 10);
  expect(sent).toBe(0);
});

test("a paused link delivers nothing until it is resumed, and then everything", async () => {
  const { caller, server } = await pair();
  server.link.pause();
  caller.link.write(new Uint8Array(1_000), 0, 1_000);
  for (let turns = 0; turns < 200; turns++) await turn();
  expect(server.received).toBe(0);
  server.link.resume();
  await until(() => server.received === 1_000);
  caller.link.close();
});

test("a link that is written from a place within a buffer sends just that", async () => {
  const { caller, server } = await pair();
  const bytes = new Uint8Array(100);
  expect(caller.link.write(bytes, 40, 70)).toBe(30);
  await until(() => server.received === 30);
  for (let turns = 0; turns < 50; turns++) await turn();
  expect(server.received).toBe(30);
  caller.link.close();
});

test("an end says once that it is closed, and why, whichever side closes", async () => {
  const { caller, server } = await pair();
  caller.link.close();
  caller.link.close();
  expect(caller.closedWith.map(({ reason }) => reason)).toEqual(["CLOSED"]);
  await until(() => server.closedWith.length > 0);
  for (let turns = 0; turns < 50; turns++) await turn();
  expect(server.closedWith.map(({ reason }) => reason)).toEqual(["CONNECTION_LOST"]);
  expect(caller.closedWith.length).toBe(1);
});

test("after end the peer reads all that was written before it hears of the end", async () => {
  const { caller, server } = await pair();
  const bytes = new Uint8Array(100_000);
  expect(caller.link.write(bytes, 0, bytes.length)).toBe(bytes.length);
  caller.link.end();
  expect(caller.link.write(bytes, 0, 10)).toBe(0);
  await until(() => server.closedWith.length === 1);
  expect(server.received).toBe(100_000);
  await until(() => caller.closedWith.length === 1);
});

test("end loses nothing to a peer that keeps on sending", async () => {
  const { caller, server } = await pair();
  const bytes = new Uint8Array(1_000_000);
  let sent = 0;
  server.link.pause();
  caller.link.pause();
  for (let taken = 1; taken > 0; sent += taken) {
    taken = caller.link.write(bytes, 0, bytes.length);
  }
  server.link.write(bytes, 0, bytes.length);
  caller.link.end();
  server.link.resume();
  await until(() => server.closedWith.length === 1);
  expect(server.received).toBe(sent);
});

test("a peer that never answers an end is closed after two seconds", async () => {
  const clock = new FakeClock();
  const { caller, server } = await pair(clock);
  server.link.pause();
  caller.link.end();
  await clock.advance(1_999);
  expect(caller.closedWith.length).toBe(0);
  await clock.advance(1);
  expect(caller.closedWith.length).toBe(1);
  server.link.close();
});

test("an exception that escapes from an event ends that connection only", async () => {
  const { caller, server } = await pair();
  const bystander = await pair();
  server.throws = new Error("a bug");
  caller.link.write(new Uint8Array(1), 0, 1);
  await until(() => server.closedWith.length === 1);
  expect(server.closedWith[0]).toMatchObject({ code: "INTERNAL" });
  await until(() => caller.closedWith.length === 1);
  bystander.caller.link.write(new Uint8Array(1), 0, 1);
  await until(() => bystander.server.received === 1);
  bystander.caller.link.close();
});

test("64 echoes of 1 MiB pipelined in both directions at once complete", async () => {
  const services = { Foo: { Echo: (bytes: Uint8Array) => bytes } };
  const [, sockets] = wires;
  await using there = await openEnds(sockets, services);
  await using back = await openEnds(sockets, services);
  const calls = Array.from({ length: 64 }, (_, n) => {
    const bytes = new Uint8Array(1_048_576).fill(n);
    return [there, back].map(({ call }) => call("Foo.Echo", [bytes]).promise);
  });
  const answers = await Promise.all(calls.flat());
  const sound = answers.filter(
    (bytes, index) =>
      bytes instanceof Uint8Array &&
      bytes.length === 1_048_576 &&
      bytes[0] === index >> 1 &&
      bytes.at(-1) === index >> 1,
  );
  expect(sound.length).toBe(128);
  expect(there.session.channel.unsentBytes).toBe(0);
}, 20_000);

test("bytes that are used up are freed at once, others stay as they are", async () => {
  const { caller, server } = await pair();
  for (const usedUp of [true, false]) {
    server.usedUp = usedUp;
    server.received = 0;
    server.chunks.length = 0;
    expect(caller.link.write(Buffer.alloc(50_000, 7), 0, 50_000)).toBe(50_000);
    await until(() => server.received === 50_000);
    const left = server.chunks.filter(({ length }) => length > 0);
    expect(left.flatMap((chunk) => [...chunk]).length).toBe(usedUp ? 0 : 50_000);
    expect(left.every((chunk) => chunk.every((byte) => byte === 7))).toBe(true);
  }
  caller.link.close();
});
