import { describe, expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { resolverOf } from "../../src/discovery/member-source.ts";
import type { MemberSource } from "../../src/discovery/member-source.ts";
import { FakeClock } from "../support/clock.ts";
import { memoryLog } from "../support/memory-log.ts";

const address = "tcp@127.0.0.1:4000";
const registry = "http://127.0.0.1:9999";

function of(source: MemberSource): ReturnType<typeof resolverOf> {
  return resolverOf(source, new FakeClock(), silentLog);
}

describe("addresses", () => {
  test.each([
    ["tcp@127.0.0.1:4000", ["tcp@127.0.0.1:4000"]],
    ["tcp@b:2, tcp@a:1", ["tcp@a:1", "tcp@b:2"]],
    [
      ["tcp@b:2", "tcp@c:3", "tcp@a:1"],
      ["tcp@a:1", "tcp@b:2", "tcp@c:3"],
    ],
    ["tcp@a:1,tcp@a:1", ["tcp@a:1"]],
  ] satisfies readonly (readonly [string | readonly string[], readonly string[]])[])(
    "%p are the members, each once and for good",
    async (said, expected) => {
      const resolver = of({ address: said });
      const members = await resolver.members();
      expect(members.map((member): string => member.address)).toEqual([...expected]);
      expect(resolver.current()).toBe(members);
      await resolver.refresh();
      expect(resolver.current()).toBe(members);
    },
  );

  test("say nothing of what is served there, and all are up", async () => {
    const [member] = await of({ address }).members();
    expect(member).toMatchObject({ state: "up", weight: 1, draining: false });
    expect([member?.id, member?.services]).toEqual([undefined, undefined]);
  });
});

test.each([
  ["both", { address, registry }, "name a registry or addresses, not both"],
  [
    "addresses and a cache",
    { address, cache: "/tmp/list" },
    "a cache keeps the list of a registry",
  ],
  ["no address", { address: "" }, "no address is named"],
  ["no address in a list", { address: [] }, "no address is named"],
  ["no registry", { registry: "" }, "no registry is named"],
  ["no registry in a list", { registry: [] }, "no registry is named"],
  ["no file", { registry, cache: "" }, "no file is named for the cache"],
] satisfies readonly (readonly [string, MemberSource, string])[])(
  "%s: is refused, and nothing is opened",
  (_what, source, message) => {
    expect(() => of(source)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        reason: "BAD_OPTION",
        executed: "no",
        message,
      }),
    );
  },
);

test.each([
  ["an address", { address: "nonsense" }],
  ["one of several addresses", { address: [address, "http://x"] }],
  ["a registry", { registry: "ftp://x" }],
  ["one of several registries", { registry: [registry, "nonsense"] }],
  ["a token", { registry, registryToken: "no spaces please" }],
] satisfies readonly (readonly [string, MemberSource])[])(
  "%s that is none is refused",
  (_what, source) => {
    expect(() => of(source)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  },
);

test("no error shows the token", () => {
  const registryToken = "a secret with spaces";
  const clock = new FakeClock();
  let shown = "";
  try {
    resolverOf({ registry, registryToken }, clock, silentLog);
  } catch (thrown) {
    shown = Bun.inspect(thrown);
  }
  expect(shown).toContain("BAD_TOKEN");
  expect(shown).not.toContain("secret");
});

test("a registry that needs nothing is asked for nothing before the first use", async () => {
  const { log, lines } = memoryLog();
  const clock = new FakeClock();
  for (const source of [{}, { registry }, { registry: [registry, "https://x"] }]) {
    const resolver = resolverOf(source, clock, log);
    expect(resolver.current()).toBeUndefined();
    await resolver[Symbol.asyncDispose]();
  }
  expect(lines).toEqual([]);
  expect(clock.pending()).toBe(0);
});

test("a token that goes to a registry in the clear is worth a line, once", () => {
  const { log, lines } = memoryLog();
  const clock = new FakeClock();
  const source = { registry: "http://registry.test:9999", registryToken: "t".repeat(32) };
  for (let each = 0; each < 2; each++) resolverOf(source, clock, log);
  resolverOf({ ...source, registry: "https://registry.test" }, clock, log);
  resolverOf({ ...source, registry }, clock, log);
  expect(lines).toHaveLength(1);
});
