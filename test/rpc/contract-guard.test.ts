import { beforeAll, describe, expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import type { ServiceContract } from "../../src/contract/contract.ts";
import { inTime, turn, until } from "../support/clock.ts";
import { method, number, object, service, string } from "../support/contracts.ts";
import { failureOf } from "../support/ends.ts";
import { any, foo, network, old } from "../support/routed-network.ts";
import type { RoutedNetwork } from "../support/routed-network.ts";
import type { Act, ScriptedSite } from "../support/scripted-site.ts";

const describeMethod = "gee.Reflection.Describe";

/** What the client was built against. */
const built = service([
  method("Sum", { a: number, b: number }, number),
  method("Name", { id: string }, string),
]);

/** More of everything that breaks nobody. */
const wider = service([
  method("Sum", { a: number, b: number, "c?": number }, number),
  method("Name", { id: string }, string),
  method("More", {}),
]);

/** Name takes something else. */
const broken = service([
  method("Sum", { a: number, b: number }, number),
  method("Name", { id: number }, string),
]);

/** What a server answers about its contract. */
function described(contract: ServiceContract): unknown {
  return [{ name: contract.name, contract: JSON.stringify(contract), methods: [] }];
}

/** A server of a contract, which answers calls with its port. */
function serving(
  contract: ServiceContract,
  reflect: Act = (call) => call.result(described(contract)),
): ScriptedSite {
  return {
    contract,
    answer: (call) => (call.message.method === describeMethod ? reflect(call) : call.result()),
  };
}

/** The ports of the servers that were asked what they serve. */
function asked({ world }: RoutedNetwork): number[] {
  return world.heard
    .filter(({ message }) => message.method === describeMethod)
    .map(({ port }) => port);
}

/** The calls of the client itself, as they arrived. */
function called({ world }: RoutedNetwork): string[] {
  return world.heard
    .filter(({ message }) => message.method !== describeMethod)
    .map(({ message, port }) => `${String(message.method)} ${port}`);
}

const contracts = [built];

// Loaded before, so that loading it takes no turns in between.
beforeAll(() => import("../../src/contract/expected.ts"));

describe("nobody is asked", () => {
  test("by a client that was built against nothing", async () => {
    const net = network({ 1: serving(broken) }, [any(1)]);
    expect(await net.call("Foo.Name", { args: ["a"] })).toBe(1);
    expect(asked(net)).toEqual([]);
  });

  const moreNames = service([...built.methods, method("More", {})]);
  test.each([
    ["serves the same", serving(built)],
    ["says nothing of its contract", { ...serving(broken), contract: undefined }],
    ["has more methods, and the others as they were", serving(moreNames)],
    ["serves something else", { ...serving(service([], {}, "Bar")), service: "Bar" }],
  ])("of a server that %s", async (_what, { contract, ...site }) => {
    const own = contract === undefined ? site : { ...site, contract };
    const net = network({ 1: own }, [foo(1)], { contracts });
    expect(await net.call("Foo.Name", { args: ["a"] })).toBe(1);
    expect(asked(net)).toEqual([]);
  });
});

describe("a server whose contract is another one", () => {
  test("is asked before it is called, and gets the calls that fit", async () => {
    const net = network({ 1: serving(wider) }, [any(1)], { contracts });
    expect(await Promise.all([net.call("Foo.Sum"), net.call("Foo.Name")])).toEqual([1, 1]);
    expect(net.world.heard.map(({ message }) => message.method)).toEqual([
      describeMethod,
      "Foo.Sum",
      "Foo.Name",
    ]);
    expect(net.world.heard[0]?.message).toMatchObject({ args: ["Foo"] });
    expect(net.lines).toEqual([]);
  });

  test("does not get a call that it would not understand", async () => {
    const net = network({ 1: serving(broken) }, [any(1)], { contracts });
    expect(await failureOf(net.call("Foo.Name"))).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "CONTRACT_MISMATCH",
      executed: "no",
      message:
        "Foo.Name of memory server is not what this client was built against: " +
        "args[0] (id): expected number, was string",
      hint: "gee types --check FILE says the same before a deploy",
    });
    // The other methods are what they were, and what the client knows nothing of is its own doing.
    expect(await net.call("Foo.Sum")).toBe(1);
    expect(await net.call("Foo.New")).toBe(1);
    expect(called(net)).toEqual(["Foo.Sum 1", "Foo.New 1"]);
    expect(asked(net)).toEqual([1]);
    expect(net.clock.now()).toBe(1_000);
  });

  test("is told what differs: three things, and how many more", async () => {
    const fields = ["a", "b", "c", "d", "e"];
    const taking = (type: typeof number): ServiceContract =>
      service([method("Take", Object.fromEntries(fields.map((name) => [name, type])))]);
    const net = network({ 1: serving(taking(number)) }, [any(1)], { contracts: [taking(string)] });
    const { message } = await failureOf(net.call("Foo.Take"));
    expect(message).toEndWith(
      "built against: args[0] (a): expected number, was string; " +
        "args[1] (b): expected number, was string; args[2] (c): expected number, was string; " +
        "and 2 more",
    );
  });

  test("does not get a call to a method that is gone", async () => {
    const less = service(built.methods.slice(0, 1));
    const net = network({ 1: serving(less) }, [any(1)], { contracts });
    const failure = await failureOf(net.call("Foo.Name"));
    expect(failure.message).toEndWith("built against: it is gone");
    expect(failure.reason).toBe("CONTRACT_MISMATCH");
  });

  test("a one-way call and one of a broadcast are refused as well", async () => {
    const net = network({ 1: serving(broken) }, [any(1)], { contracts });
    const reason = "CONTRACT_MISMATCH";
    expect(await failureOf(net.call("Foo.Name", { oneWay: true }))).toMatchObject({ reason });
    for (const { answer } of await net.router.callAll(net.request("Foo.Name"))) {
      expect(await failureOf(answer)).toMatchObject({ reason });
    }
    expect(called(net)).toEqual([]);
  });
});

describe("of several versions", () => {
  test("a call goes to the one that it fits, at once", async () => {
    const sites = { 1: serving(broken), 2: serving(broken), 3: serving(built) };
    const net = network(sites, [any(1), any(2), any(3)], { contracts });
    for (let each = 0; each < 6; each++) expect(await net.call("Foo.Name")).toBe(3);
    expect(called(net)).toEqual(Array.from({ length: 6 }, () => "Foo.Name 3"));
    expect(net.clock.now()).toBe(1_000);
  });

  test("also when it may be sent once only", async () => {
    const net = network({ 1: serving(broken), 2: serving(built) }, [any(1), any(2)], { contracts });
    expect(await net.call("Foo.Name", { maxAttempts: 1 })).toBe(2);
    expect(net.world.heard.find(({ port }) => port === 2)?.attempt).toBe(0);
  });

  test("what all of them refuse fails at once, with what differs", async () => {
    const sites = Object.fromEntries([1, 2, 3].map((port) => [port, serving(broken)]));
    const net = network(sites, [any(1), any(2), any(3)], { contracts });
    for (const waitForReady of [false, true]) {
      expect(await failureOf(net.call("Foo.Name", { waitForReady }))).toMatchObject({
        code: "FAILED_PRECONDITION",
        reason: "CONTRACT_MISMATCH",
      });
    }
    expect(net.clock.now()).toBe(1_000);
    expect(net.inFlight()).toBe(0);
  });

  test.each([
    ["before", 1, 2],
    ["behind", 2, 1],
  ] as const)(
    "one that cannot be reached %s it hides the difference from nobody",
    async (_where, down, other) => {
      const sites = { [down]: "refused", [other]: serving(broken) } as const;
      const net = network(sites, [any(1), any(2)], { contracts });
      expect(await failureOf(net.call("Foo.Name"))).toMatchObject({ reason: "CONTRACT_MISMATCH" });
    },
  );

  test("a server that was replaced by one that fits is called", async () => {
    const net = network({ 1: serving(broken) }, [any(1)], { contracts });
    expect(await failureOf(net.call("Foo.Name"))).toMatchObject({ reason: "CONTRACT_MISMATCH" });
    net.world.sites[1] = serving(built);
    for (const { link } of net.world.links) link.cut();
    await turn();
    expect(await inTime(net.clock, net.call("Foo.Name"))).toBe(1);
  });
});

describe("the question", () => {
  test("is one for a hundred servers of one new version", async () => {
    const ports = Array.from({ length: 100 }, (_, index) => index + 1);
    const sites = Object.fromEntries(ports.map((port) => [port, serving(wider)]));
    const net = network(
      sites,
      ports.map((port) => any(port)),
      { contracts, subsetSize: 0 },
    );
    const calls = await net.router.callAll(net.request("Foo.Sum"));
    const answers = await Promise.all(calls.map(({ answer }) => answer));
    expect(answers).toHaveLength(100);
    expect(asked(net)).toHaveLength(1);
  });

  test("is asked again of another version", async () => {
    const net = network({ 1: serving(wider), 2: serving(broken) }, [any(1), any(2)], { contracts });
    await Promise.all(
      (await net.router.callAll(net.request("Foo.Sum"))).map(({ answer }) => answer),
    );
    expect(asked(net).sort()).toEqual([1, 2]);
  });

  const unanswered: readonly (readonly [string, Act])[] = [
    ["is refused by an old server", (call) => call.fault("UNIMPLEMENTED", { executed: "no" })],
    ["fails", (call) => call.fault("INTERNAL")],
    ["is answered with nonsense", (call) => call.result("nonsense")],
    ["is answered with no contract", (call) => call.result([{ contract: "{" }])],
    ["is answered with a wrong contract", (call) => call.result([{ contract: '{"name":1}' }])],
    ["is answered with nothing", (call) => call.result([])],
  ];
  test.each(unanswered)("that %s lets the calls pass, and is not asked again", async (_w, act) => {
    const sites = { 1: serving(broken, act), 2: serving(broken, act) };
    const net = network(sites, [any(1), any(2)], { contracts });
    expect(await net.call("Foo.Name")).toBe(1);
    expect(await net.call("Foo.Name")).toBe(2);
    expect(asked(net)).toEqual([1]);
    expect(net.lines).toHaveLength(1);
    expect(net.lines[0]).toContain("cannot be compared; its calls pass");
  });

  test("that nobody answers holds the calls up for a moment only", async () => {
    const net = network({ 1: serving(broken, () => {}) }, [any(1)], { contracts });
    const call = net.call("Foo.Name");
    await net.clock.advance(limits.helloTimeoutMs - 1);
    expect(called(net)).toEqual([]);
    await net.clock.advance(1);
    expect(await call).toBe(1);
    expect(net.lines).toHaveLength(1);
  });

  test("that one server does not answer is asked of the others that wait for it", async () => {
    let first = true;
    const moody: Act = (call) => {
      if (first) first = false;
      else call.result(described(broken));
    };
    const sites = Object.fromEntries([1, 2, 3].map((port) => [port, serving(broken, moody)]));
    const net = network(sites, [any(1), any(2), any(3)], { contracts });
    const calls = await net.router.callAll(net.request("Foo.Name"));
    const outcomes = Promise.all(calls.map(({ answer }) => answer.catch(({ reason }) => reason)));
    await net.clock.advance(limits.helloTimeoutMs);
    // The one that hangs is called: not to know is no mismatch.
    expect(await outcomes).toEqual([1, "CONTRACT_MISMATCH", "CONTRACT_MISMATCH"]);
    expect(asked(net)).toEqual([1, 2, 3]);
  });

  test("is not the end of a connection that is lost over it", async () => {
    let lost = 0;
    const loses: Act = (call) => {
      if (lost++ === 0) call.lose();
      else call.result(described(broken));
    };
    const net = network({ 1: serving(broken, loses) }, [any(1)], { contracts });
    expect(await failureOf(inTime(net.clock, net.call("Foo.Name")))).toMatchObject({
      reason: "CONTRACT_MISMATCH",
    });
    expect(called(net)).toEqual([]);
  });

  test("is given up with the client", async () => {
    const net = network({ 1: serving(broken, () => {}) }, [any(1)], { contracts });
    const call = failureOf(net.call("Foo.Name"));
    await until(() => net.world.heard.length === 1);
    await inTime(net.clock, net.router.close(0));
    expect(await call).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(called(net)).toEqual([]);
    expect(net.clock.pending("foreground")).toBe(0);
  });

  test("is asked of old members too, and of each service that differs", async () => {
    const bar = service([method("Get", { id: string })], {}, "Bar");
    const site: ScriptedSite = { ...serving(broken), service: "Foo" };
    const net = network({ 1: site }, [old(1)], { contracts: [built, bar] });
    expect(await failureOf(net.call("Foo.Name"))).toMatchObject({ reason: "CONTRACT_MISMATCH" });
    expect(net.world.heard.map(({ message }) => message.args)).toEqual([["Foo"]]);
  });

  test("remembers so many versions and no more", async () => {
    const version = (n: number): ServiceContract =>
      service([
        ...built.methods.slice(0, 1),
        method("Name", { id: string, more: object({ [`f${n}`]: string }) }, string),
      ]);
    const net = network({ 1: serving(version(0)) }, [any(1)], { contracts });
    const restart = async (n: number): Promise<void> => {
      net.world.sites[1] = serving(version(n));
      for (const { link } of net.world.links.splice(0)) link.cut();
      await turn();
      await inTime(net.clock, net.call("Foo.Sum"));
    };
    for (let n = 0; n <= 256; n++) await restart(n);
    expect(asked(net)).toHaveLength(257);
    await restart(256);
    expect(asked(net)).toHaveLength(257);
    await restart(0);
    expect(asked(net)).toHaveLength(258);
  });
});
