import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { memberEvents, runEvents } from "../../src/cli/events.ts";
import { createOutput, type Output } from "../../src/cli/output.ts";
import type { Sink } from "../../src/cli/sink.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { type Member, type Registry, serveRegistry } from "../../src/index.ts";
import { FakeClock, turn, until } from "../support/clock.ts";
import { keptOutput } from "../support/output.ts";
import { announcement, idOf } from "../support/registry.ts";
import { member } from "../support/scripted-registry.ts";

// On real time: a machine under load is slow.
setDefaultTimeout(30_000);

/** What happened between two lists, as `KIND DIGIT`. */
function between(before: readonly Member[], after: readonly Member[]): readonly string[] {
  return memberEvents(before, after).map(({ event, id, address }) => {
    return `${event} ${id?.[0] ?? address}`;
  });
}

describe("what has happened between two lists", () => {
  const [a, b] = [member("a"), member("b")];
  const old = member("c", { id: undefined, services: undefined });
  const elsewhere = parseAddress("tcp@host-z:1");
  const cases: readonly (readonly [
    what: string,
    before: readonly Member[],
    after: readonly Member[],
    events: readonly string[],
  ])[] = [
    ["nothing", [], [], []],
    ["nothing, with members", [a, b], [a, b], []],
    ["the first list", [], [a, b], ["up a", "up b"]],
    ["the first list, with every standing", [], states("b"), ["suspect b", "draining b", "up b"]],
    ["one came", [a], [a, b], ["up b"]],
    ["one went", [a, b], [b], ["gone a"]],
    ["all went", [a, b], [], ["gone a", "gone b"]],
    ["one for another", [a], [b], ["up b", "gone a"]],
    ["beats stopped", [a], [member("a", { state: "suspect" })], ["suspect a"]],
    ["they came back", [member("a", { state: "suspect" })], [a], ["up a"]],
    ["it drains", [a], [member("a", { draining: true, revision: 2 })], ["draining a"]],
    [
      "a draining one fell silent",
      [member("a", { draining: true })],
      [member("a", { draining: true, state: "suspect" })],
      ["suspect a"],
    ],
    ["another weight", [a], [member("a", { weight: 0 })], ["changed a"]],
    ["another address", [a], [member("a", { address: elsewhere })], ["changed a"]],
    ["other services", [a], [member("a", { services: ["Bar"] })], ["changed a"]],
    ["other tags", [a], [member("a", { tags: { disk: "ssd" } })], ["changed a"]],
    [
      "another weight and a suspect, which says more",
      [a],
      [member("a", { weight: 0, state: "suspect" })],
      ["suspect a"],
    ],
    [
      "what is measured, and no change",
      [a],
      [member("a", { load: 3, lagMs: 9, ageMs: 8, beatMs: 7, revision: 2 })],
      [],
    ],
    ["the order of the list alone", [a, b], [b, a], []],
    [
      "an old one came and went",
      [old],
      [{ ...old, address: elsewhere }],
      ["up tcp@host-z:1", "gone tcp@host-c:1"],
    ],
    // A restart at the same address is another instance.
    ["a restart", [a], [member("b", { address: a.address })], ["up b", "gone a"]],
  ];
  test.each(cases)("%s", (_what, before, after, events) => {
    expect(between(before, after)).toEqual(events);
  });

  test("an event names the member, and what is not known of it", () => {
    expect(memberEvents([], [a, old])).toEqual([
      { event: "up", id: idOf("a"), address: a.address, services: ["Foo"] },
      { event: "up", id: null, address: old.address, services: null },
    ]);
  });
});

/** A member in every standing, once each under an id of its own. */
function states(digit: string): readonly Member[] {
  const changes = [{ state: "suspect" }, { draining: true }, {}] as const;
  return changes.map((change, index) =>
    member(digit, { ...change, id: `${digit}${index}`.padEnd(32, "0") }),
  );
}

function start(output: Output, registries: readonly string[]): Promise<number> {
  const invocation = parseArguments(["events", "--registry", registries.join(",")], {});
  if (invocation.kind !== "events") throw new Error("they are no events");
  return runEvents(invocation, output);
}

interface Scene extends AsyncDisposable {
  readonly registry: Registry;
  /** Time passes for the registry, and the real loop turns until the text is there. */
  shows(text: () => string, expected: string, advanceMs?: number): Promise<void>;
  join(digit: string): Promise<string>;
  leave(digit: string, secret: string): Promise<void>;
}

/** A registry whose leases a test lets run out; for a client, which has its own time, they are short. */
async function scene(): Promise<Scene> {
  const clock = new FakeClock();
  const own = { listen: "127.0.0.1:0", leaseMs: 200, clock, log: silentLog };
  const registry = await serveRegistry(own);
  const client = createRegistryClient({ url: registry.url, log: silentLog });
  const instance = (digit: string, revision = 1) =>
    announcement({ id: idOf(digit), address: parseAddress(`tcp@host-${digit}:1`), revision });
  return {
    registry,
    async shows(text, expected, advanceMs = 0) {
      await clock.advance(advanceMs);
      const givenUpAt = performance.now() + 8_000;
      // A watch is answered a few ms after a change, of the registry's time: that much and no more,
      // as leases are short.
      let leftMs = 30;
      while (text() !== expected && performance.now() < givenUpAt) {
        if (registry.watcherCount() > 0 && leftMs-- > 0) await clock.advance(1);
        await turn();
      }
      expect(text()).toBe(expected);
    },
    async join(digit) {
      const grant = await client.register(instance(digit));
      if (grant.kind === "old") throw new Error("it is no old registry");
      return grant.secret;
    },
    leave: async (digit, secret) => await client.withdraw(instance(digit, 2), secret),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

const line = (event: string, digit: string): string =>
  `${event.padEnd(9)} tcp@host-${digit}:1   ${idOf(digit)}   Foo\n`;

test("events are told as they happen, from those that are there on, until a signal", async () => {
  await using stage = await scene();
  await stage.join("a");
  const kept = keptOutput();
  const ended = start(kept.output, [stage.registry.url]);
  let expected = line("up", "a");
  await stage.shows(kept.stdout, expected);
  const secret = await stage.join("b");
  await stage.shows(kept.stdout, (expected += line("up", "b")));
  await stage.leave("b", secret);
  await stage.shows(kept.stdout, (expected += line("gone", "b")));
  await stage.shows(kept.stdout, (expected += line("suspect", "a")), stage.registry.leaseMs);
  await stage.shows(kept.stdout, (expected += line("gone", "a")), 2 * stage.registry.leaseMs);
  process.emit("SIGINT");
  expect(await ended).toBe(130);
  expect([kept.stdout(), kept.stderr()]).toEqual([expected, ""]);
});

test("with --json an event is a line of JSON", async () => {
  await using stage = await scene();
  await stage.join("a");
  const kept = keptOutput({ json: true });
  const ended = start(kept.output, [stage.registry.url]);
  const event = { event: "up", id: idOf("a"), address: "tcp@host-a:1", services: ["Foo"] };
  await stage.shows(kept.stdout, `${JSON.stringify(event)}\n`);
  process.emit("SIGTERM");
  expect(await ended).toBe(143);
});

test("with one registry of two down it goes on, and says so", async () => {
  await using stage = await scene();
  await stage.join("a");
  const gone = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await gone[Symbol.asyncDispose]();
  const kept = keptOutput();
  const ended = start(kept.output, [stage.registry.url, gone.url]);
  await stage.shows(kept.stdout, line("up", "a"));
  await until(() => kept.stderr() !== "", "a warning");
  expect(kept.stderr()).toMatch(/^warn registry gives no list .*\n$/);
  process.emit("SIGINT");
  expect(await ended).toBe(130);
});

test("without any registry it is UNAVAILABLE, with what to run", async () => {
  const gone = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await gone[Symbol.asyncDispose]();
  const kept = keptOutput();
  expect(await start(kept.output, [gone.url])).toBe(78);
  expect(kept.stderr()).toMatch(/^error: UNAVAILABLE {2}.*\nhint: .*gee registry.*\n$/m);
  expect(kept.stdout()).toBe("");
});

test("it ends, well, when its reader has gone away", async () => {
  await using stage = await scene();
  await stage.join("a");
  let [taken, closed] = ["", false];
  const stdout: Sink = {
    terminal: false,
    columns: 80,
    get closed() {
      return closed;
    },
    async write(text) {
      taken += text;
      closed = true;
    },
    pour: () => Promise.reject(new Error("events are written")),
  };
  const output = createOutput({ json: false, env: {}, stdout });
  expect(await start(output, [stage.registry.url])).toBe(0);
  expect(taken).toBe(line("up", "a"));
});
