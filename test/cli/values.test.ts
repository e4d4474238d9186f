import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { commands } from "../../src/cli/commands.ts";
import { Values } from "../../src/cli/values.ts";

function values(
  typed: Readonly<Record<string, readonly string[]>>,
  env: Readonly<Record<string, string>> = {},
): Values {
  return new Values(commands.call, [], new Map(Object.entries(typed)), env);
}

function serverValues(
  typed: Readonly<Record<string, readonly string[]>>,
  env: Readonly<Record<string, string>> = {},
): Values {
  return new Values(commands.server, [], new Map(Object.entries(typed)), env);
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    return GeeError.from(thrown).message;
  }
  throw new Error("it was accepted");
}

test("a number has a range", () => {
  const weigh = (text: string): number => serverValues({ weight: [text] }).number("weight", 0, 10);
  expect(weigh("0")).toBe(0);
  expect(weigh("2.5")).toBe(2.5);
  for (const wrong of ["11", "-1", "x", " ", "NaN"]) {
    expect(() => weigh(wrong)).toThrow(
      `--weight is a number from 0 to 10, not ${JSON.stringify(wrong)}`,
    );
  }
  expect(() => serverValues({}, { GEE_WEIGHT: "many" }).number("weight", 0, 10)).toThrow(
    'GEE_WEIGHT is a number from 0 to 10, not "many"',
  );
});

test("a flag beats the environment, which beats the default", () => {
  expect(values({ policy: ["a"] }, { GEE_POLICY: "b" }).text("policy")).toBe("a");
  expect(values({}, { GEE_POLICY: "b" }).text("policy")).toBe("b");
  expect(values({}).text("policy")).toBe("p2c");
  expect(values({}, { GEE_POLICY: "" }).text("policy")).toBe("p2c");
  expect(values({}).text("to")).toBeUndefined();
});

test("of a flag that is repeated the last counts, in a list all", () => {
  expect(values({ to: ["a", "b"] }).text("to")).toBe("b");
  expect(values({ registry: ["http://a,http://b", "http://c"] }).list("registry")).toEqual([
    "http://a",
    "http://b",
    "http://c",
  ]);
});

test("pairs are cut at their first =, and of one name the last counts", () => {
  expect(values({ meta: ["a=1", "b=x=y", "c=", "a=2"] }).pairs("meta")).toEqual({
    a: "2",
    b: "x=y",
    c: "",
  });
  expect(values({}).pairs("meta")).toBeUndefined();
  for (const text of ["a", "=b", ""]) {
    expect(messageOf(() => values({ meta: [text] }).pairs("meta"))).toContain("is no NAME=VALUE");
  }
});

test("an error names the place where the value was written", () => {
  expect(messageOf(() => values({ timeout: ["5"] }).duration("timeout"))).toStartWith("--timeout:");
  expect(messageOf(() => values({}, { GEE_TIMEOUT: "5" }).duration("timeout"))).toStartWith(
    "GEE_TIMEOUT:",
  );
  expect(messageOf(() => values({}, { GEE_JSON: "yes" }).switch("json"))).toContain("GEE_JSON");
  expect(messageOf(() => values({ registry: ["a,,b"] }).list("registry"))).toContain("--registry");
});

test("a duration is within its range, ends included", () => {
  const read = (text: string): number => values({ timeout: [text] }).duration("timeout", 1, 1_000);
  expect([read("1ms"), read("1s")]).toEqual([1, 1_000]);
  expect(messageOf(() => read("0"))).toContain("from 1ms to 1s");
  expect(messageOf(() => read("1001ms"))).toContain("out of range");
});

test("a switch is on by its flag or by 1 or true in the environment", () => {
  expect(values({ json: [""] }).switch("json")).toBe(true);
  const read = ["1", "true", "0", "false", ""].map((text) =>
    values({}, { GEE_JSON: text }).switch("json"),
  );
  expect(read).toEqual([true, true, false, false, false]);
});

test("a flag's value is neither empty nor another flag", () => {
  expect(messageOf(() => values({ to: [""] }).text("to"))).toBe('--to needs a value, got ""');
  expect(messageOf(() => values({ to: ["--json"] }).text("to"))).toContain("--to needs a value");
});

test("addresses on the command line beat a registry of the environment, and the other way round", () => {
  const [address, registry] = [["tcp@a:1"], ["http://a"]];
  const byAddress = { kind: "address", address: ["tcp@a:1"] } as const;
  const byRegistry = { kind: "registry", registry: ["http://a"] } as const;
  expect(values({ address }, { GEE_REGISTRY: "http://b" }).target()).toEqual(byAddress);
  expect(values({ registry }, { GEE_ADDRESS: "tcp@b:1" }).target()).toEqual(byRegistry);
  expect(values({}, { GEE_ADDRESS: "tcp@a:1" }).target()).toEqual(byAddress);
  expect(messageOf(() => values({ address, registry }).target())).toContain("exclude each other");
});

test("a cache and a token go with registries", () => {
  const typed = { cache: ["c"], "token-file": ["t"] };
  expect(values(typed).target()).toMatchObject({ kind: "registry", cache: "c", tokenFile: "t" });
  // Those of the environment are for whoever asks a registry.
  const env = { GEE_ADDRESS: "tcp@a:1", GEE_CACHE: "c", GEE_TOKEN_FILE: "t" };
  expect(values({}, env).target()).toEqual({ kind: "address", address: ["tcp@a:1"] });
  for (const name of ["cache", "token-file"] as const) {
    const both = { address: ["tcp@a:1"], [name]: typed[name] };
    expect(messageOf(() => values(both).target())).toBe(
      `--address and --${name} exclude each other`,
    );
  }
});
