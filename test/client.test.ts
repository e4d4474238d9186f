import { expect, test } from "bun:test";
import { join } from "node:path";
import { connect } from "../src/client.ts";
import type { ConnectOptions, Gee } from "../src/client.ts";
import { GeeError } from "../src/base/errors.ts";
import { silentLog } from "../src/base/log.ts";
import { serveRegistry } from "../src/registry.ts";
import type { Registry } from "../src/registry.ts";
import { callContext } from "../src/rpc/context.ts";
import { serve } from "../src/server.ts";
import type { Server } from "../src/server.ts";
import { FakeClock, until } from "./support/clock.ts";
import { failureOf } from "./support/ends.ts";
import { folder } from "./support/folder.ts";

class Foo {
  readonly name: string;
  readonly open: PromiseWithResolvers<unknown>[] = [];
  aborted = 0;
  ran = 0;

  constructor(name: string) {
    this.name = name;
  }

  Sum(a: number, b: number): number {
    return a + b;
  }

  Who(): string {
    this.ran++;
    return this.name;
  }

  Hold(): Promise<unknown> {
    this.ran++;
    callContext().signal.addEventListener("abort", () => this.aborted++);
    const held = Promise.withResolvers<unknown>();
    this.open.push(held);
    return held.promise;
  }

  FailOn(name: string): Promise<unknown> {
    if (name === this.name)
      throw new GeeError("ABORTED", `${name} fails`, { reason: "ON_PURPOSE" });
    return this.Hold();
  }

  SecondsLeft(): number {
    return Math.ceil((callContext().remainingMs ?? 0) / 1_000);
  }

  Metadata(): unknown {
    return { ...callContext().metadata };
  }
}

/** A registry, servers of Foo, and a client of theirs; all are gone at the end of the test. */
class Fleet implements AsyncDisposable {
  readonly registry: Registry;
  readonly foos: Foo[] = [];
  readonly servers: Server[] = [];
  readonly #stack = new AsyncDisposableStack();

  private constructor(registry: Registry) {
    this.registry = registry;
    this.#stack.use(registry);
  }

  static async of(names: readonly string[]): Promise<Fleet> {
    const fleet = new Fleet(await serveRegistry({ listen: "127.0.0.1:0", log: silentLog }));
    await Promise.all(names.map((name) => fleet.add(name)));
    return fleet;
  }

  async add(name: string, listen = "tcp@127.0.0.1:0"): Promise<Server> {
    const foo = new Foo(name);
    const server = await serve({
      services: { Foo: foo },
      registry: this.registry.url,
      listen,
      lameDuckMs: 0,
      drainTimeoutMs: 0,
      log: silentLog,
    });
    this.#stack.use(server);
    await server.registered;
    this.foos.push(foo);
    this.servers.push(server);
    return server;
  }

  connect(options: ConnectOptions = {}): Gee {
    return this.#stack.use(connect({ registry: this.registry.url, log: silentLog, ...options }));
  }

  foo(name: string): Foo {
    const found = this.foos.find((foo) => foo.name === name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function who(gee: Gee, calls: number): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (let each = 0; each < calls; each++) answers.push(await gee.call("Foo.Who"));
  return answers;
}

test("a typed stub calls by name, and options hold for all its calls", async () => {
  await using fleet = await Fleet.of(["a"]);
  const gee = fleet.connect();
  const foo = gee.service<Foo>("Foo", { metadata: { trace: "1" } });
  expect(await foo.Sum(1, 2)).toBe(3);
  expect(await foo.Metadata()).toEqual({ trace: "1" });
  expect(await gee.call("Foo.Sum", [1, 2])).toBe(3);
});

test("by round robin every server gets its share", async () => {
  await using fleet = await Fleet.of(["a", "b", "c"]);
  const answers = await who(fleet.connect({ policy: "round-robin" }), 9);
  expect(answers.slice(0, 3).sort()).toEqual(["a", "b", "c"]);
  expect(answers.slice(3, 6)).toEqual(answers.slice(0, 3));
});

test("who answered a call is known by the call", async () => {
  await using fleet = await Fleet.of(["a", "b"]);
  const gee = fleet.connect({ policy: "round-robin" });
  const calls = [gee.call("Foo.Who"), gee.call("Foo.Who")];
  const names = await Promise.all(calls);
  const ids = calls.map((call) => gee.answeredBy(call)?.id);
  const idOf = (name: unknown): string | undefined =>
    fleet.servers[fleet.foos.findIndex((foo) => foo.name === name)]?.id;
  expect(names.toSorted()).toEqual(["a", "b"]);
  expect(ids).toEqual(names.map(idOf));
  expect(gee.answeredBy(Promise.resolve(3))).toBeUndefined();
  const around = fleet.connect({ interceptors: [(call, next) => next(call)] });
  const call = around.call("Foo.Who");
  await call;
  expect(around.answeredBy(call)).toBeUndefined();
});

test("a server that is gone is passed over at once, and is gone from the next list", async () => {
  await using fleet = await Fleet.of(["a", "b"]);
  const clock = new FakeClock();
  const gee = fleet.connect({ clock });
  await who(gee, 2);
  await fleet.servers[0]?.stop();
  await clock.advance(150);
  expect(new Set(await who(gee, 20))).toEqual(new Set([fleet.foos[1]?.name]));
  // The first failure has asked for a newer list, long before the old one was due.
  await until(() => fleet.registry.memberCount() === 1);
  let ids: unknown[] = [];
  await until(() => {
    void gee.members("Foo").then((members) => (ids = members.map(({ id }) => id)));
    return ids.length === 1;
  }, "a newer list");
  expect(ids).toEqual([fleet.servers[1]?.id]);
});

test("an address that another instance has taken over executes nothing for the one that is meant", async () => {
  await using fleet = await Fleet.of(["a"]);
  const clock = new FakeClock();
  const gee = fleet.connect({ clock });
  expect(await who(gee, 1)).toEqual(["a"]);
  const [first] = fleet.servers;
  const id = first?.id ?? "";
  await first?.stop();
  await fleet.add("b", first?.address);
  await clock.advance(150);
  // To that instance: nobody answers, and nothing is executed.
  expect(await failureOf(gee.call("Foo.Who", [], { to: id }))).toMatchObject({
    code: "UNAVAILABLE",
    executed: "no",
  });
  expect(fleet.foo("b").ran).toBe(0);
  // To anybody: the newer list has the newer id.
  expect(await who(gee, 1)).toEqual(["b"]);
});

test("a new server is found within the time in which a list counts as fresh", async () => {
  await using fleet = await Fleet.of(["a"]);
  const clock = new FakeClock();
  const gee = fleet.connect({ clock });
  expect(await who(gee, 3)).toEqual(["a", "a", "a"]);
  await fleet.add("b");
  await clock.advance(3_000);
  // This one is answered from the old list, and refreshes it behind its back.
  await who(gee, 1);
  const answers = new Set<unknown>();
  await until(() => {
    void gee.call("Foo.Who").then((name) => answers.add(name));
    return answers.size === 2;
  }, "the other server");
});

test("calls go on when every registry is gone, for as long as their servers are there", async () => {
  await using fleet = await Fleet.of(["a", "b"]);
  const clock = new FakeClock();
  const gee = fleet.connect({ policy: "round-robin", clock });
  await who(gee, 2);
  await fleet.registry[Symbol.asyncDispose]();
  for (let second = 0; second < 30; second++) {
    await clock.advance(1_000);
    expect((await who(gee, 2)).sort()).toEqual(["a", "b"]);
  }
  await fleet.servers[1]?.stop();
  const left = fleet.foos[0]?.name;
  expect(new Set(await who(gee, 6))).toEqual(new Set([left]));
});

test("without a registry that answers a call is UNAVAILABLE and says whom it asked", async () => {
  const registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await registry[Symbol.asyncDispose]();
  await using gee = connect({ registry: registry.url, log: silentLog });
  const error = await failureOf(gee.call("Foo.Sum", [1, 2]));
  expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "NO_REGISTRY", executed: "no" });
  expect(error.message).toContain(registry.url);
  expect((await failureOf(gee.broadcast("Foo.Sum"))).reason).toBe("NO_REGISTRY");
});

test("a client that starts when every registry is gone goes by the list of an earlier one", async () => {
  await using place = await folder();
  await using fleet = await Fleet.of(["a", "b"]);
  const cache = join(place.path, "members.json");
  const before = fleet.connect({ policy: "round-robin", cache });
  await who(before, 1);
  await before[Symbol.asyncDispose]();
  await fleet.registry[Symbol.asyncDispose]();
  expect((await who(fleet.connect({ cache, policy: "round-robin" }), 4)).sort()).toEqual([
    "a",
    "a",
    "b",
    "b",
  ]);
  expect((await failureOf(fleet.connect().call("Foo.Who"))).reason).toBe("NO_REGISTRY");
});

test("to names the one instance that may answer", async () => {
  await using fleet = await Fleet.of(["a", "b", "c"]);
  const gee = fleet.connect();
  for (const [index, server] of fleet.servers.entries()) {
    for (let each = 0; each < 2; each++) {
      const answer = await gee.call("Foo.Who", [], { to: server.id });
      expect(answer).toBe(fleet.foos[index]?.name);
    }
  }
  expect(await failureOf(gee.call("Foo.Who", [], { to: "0".repeat(32) }))).toMatchObject({
    reason: "NO_INSTANCE",
    executed: "no",
  });
});

test("a broadcast resolves with one of the results when all have answered", async () => {
  await using fleet = await Fleet.of(["a", "b", "c"]);
  const gee = fleet.connect();
  expect(["a", "b", "c"]).toContain(String(await gee.broadcast("Foo.Who")));
  expect(fleet.foos.map(({ ran }) => ran)).toEqual([1, 1, 1]);
});

test("a broadcast rejects with the first error and cancels the rest", async () => {
  await using fleet = await Fleet.of(["a", "b", "c"]);
  const gee = fleet.connect();
  // All connections are there before one fails, so that the others have begun.
  await gee.broadcast("Foo.Who");
  const error = await failureOf(gee.broadcast("Foo.FailOn", ["b"]));
  expect(error).toMatchObject({ code: "ABORTED", reason: "ON_PURPOSE", message: "b fails" });
  await until(() => fleet.foo("a").aborted + fleet.foo("c").aborted === 2, "two cancels");
  expect(fleet.servers.map((server) => server.inFlight())).toEqual([0, 0, 0]);
});

test("a broadcast that is aborted cancels everybody", async () => {
  await using fleet = await Fleet.of(["a", "b"]);
  const gee = fleet.connect();
  const controller = new AbortController();
  const cast = failureOf(gee.broadcast("Foo.Hold", [], { signal: controller.signal }));
  await until(() => fleet.foos.every(({ open }) => open.length === 1));
  controller.abort();
  expect(await cast).toMatchObject({ code: "CANCELLED" });
  await until(() => fleet.foos.every(({ aborted }) => aborted === 1));
});

test("broadcastAll says what became of each, by member, and cancels nobody", async () => {
  await using fleet = await Fleet.of(["a", "b", "c"]);
  const gee = fleet.connect();
  const outcomes = gee.broadcastAll("Foo.FailOn", ["b"]);
  await until(() => fleet.foo("a").open.length + fleet.foo("c").open.length === 2);
  fleet.foo("a").open[0]?.resolve("from a");
  fleet.foo("c").open[0]?.resolve("from c");
  const seen = (await outcomes).map((outcome) => {
    const index = fleet.servers.findIndex(({ id }) => id === outcome.member.id);
    return [
      fleet.foos[index]?.name,
      outcome.ok ? outcome.value : `${outcome.error.code} ${outcome.error.executed}`,
    ];
  });
  expect(seen.sort()).toEqual([
    ["a", "from a"],
    ["b", "ABORTED yes"],
    ["c", "from c"],
  ]);
});

test("a deadline of its own beats the client's, which beats ten seconds", async () => {
  await using fleet = await Fleet.of(["a"]);
  const gee = fleet.connect({ timeoutMs: 70_000 });
  expect(await gee.call("Foo.SecondsLeft")).toBe(70);
  expect(await gee.call("Foo.SecondsLeft", [], { timeoutMs: 20_000 })).toBe(20);
  expect(await gee.service<Foo>("Foo", { timeoutMs: 20_000 }).SecondsLeft()).toBe(20);
  expect(await fleet.connect().call("Foo.SecondsLeft")).toBe(10);
});

test("a call that is not answered rejects at its deadline", async () => {
  await using fleet = await Fleet.of(["a"]);
  const clock = new FakeClock();
  const gee = fleet.connect({ clock });
  const failed = failureOf(gee.call("Foo.Hold"));
  await until(() => fleet.foo("a").open.length === 1);
  await clock.advance(10_000);
  expect(await failed).toMatchObject({
    code: "DEADLINE_EXCEEDED",
    executed: "maybe",
  });
  await until(() => fleet.foo("a").aborted === 1);
});

test("servers by address need no registry", async () => {
  await using fleet = await Fleet.of(["a", "b"]);
  const addresses = fleet.servers.map(({ address }) => String(address));
  for (const address of [addresses, addresses.join(","), ` ${addresses.join(" , ")},`]) {
    await using gee = connect({ address, policy: "round-robin", log: silentLog });
    expect(new Set(await who(gee, 4))).toEqual(new Set(["a", "b"]));
  }
});

test("disposing awaits the calls in flight, ends the connections, and takes no further call", async () => {
  await using fleet = await Fleet.of(["a"]);
  let answer: Promise<unknown>;
  let gee: Gee;
  {
    await using own = fleet.connect();
    gee = own;
    answer = own.call("Foo.Hold");
    await until(() => fleet.foo("a").open.length === 1);
    setImmediate(() => fleet.foo("a").open[0]?.resolve("done"));
  }
  expect(await answer).toBe("done");
  await until(() => fleet.servers[0]?.connections() === 0);
  expect(await failureOf(gee.call("Foo.Who"))).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "CLOSED",
    executed: "no",
  });
  expect((await failureOf(gee.broadcast("Foo.Who"))).reason).toBe("CLOSED");
});

test("options and names that cannot be right are refused at once", async () => {
  const wrong: readonly ConnectOptions[] = [
    { registry: "http://127.0.0.1:1", address: "tcp@127.0.0.1:1" },
    { address: "127.0.0.1:1" },
    { address: [] },
    { registry: "" },
    { registry: "ftp://127.0.0.1" },
    { cache: "" },
    { address: "tcp@127.0.0.1:1", cache: "members.json" },
    { address: "tcp@127.0.0.1:1", timeoutMs: 0 },
    { address: "tcp@127.0.0.1:1", timeoutMs: Number.NaN },
    { address: "tcp@127.0.0.1:1", policy: "robin" as "random" },
    { address: "tcp@127.0.0.1:1", contract: JSON.parse('{"name":"Foo"}') },
  ];
  for (const options of wrong) expect(() => connect(options)).toThrow(GeeError);
  await using gee = connect({ address: "tcp@127.0.0.1:1", log: silentLog });
  for (const name of ["Foo", "Foo.", ".Sum", "Foo.Sum.x", "Foo Sum", "", "__proto__.x"]) {
    expect(await failureOf(gee.call(name))).toMatchObject({
      code: "UNIMPLEMENTED",
      reason: "NO_SUCH_METHOD",
      executed: "no",
    });
  }
  for (const timeoutMs of [0, -1, Number.NaN]) {
    expect((await failureOf(gee.call("Foo.Sum", [], { timeoutMs }))).reason).toBe("BAD_OPTION");
  }
});

test("a call whose signal has aborted is never begun", async () => {
  await using fleet = await Fleet.of(["a"]);
  const gee = fleet.connect();
  const signal = AbortSignal.abort(new Error("no"));
  for (const failed of [
    gee.call("Foo.Who", [], { signal }),
    gee.service<Foo>("Foo", { signal }).Who(),
    gee.broadcast("Foo.Who", [], { signal }),
  ]) {
    expect(await failureOf(failed)).toMatchObject({ code: "CANCELLED", executed: "no" });
  }
  expect(fleet.foo("a").ran).toBe(0);
});
