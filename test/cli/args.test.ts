import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { type Invocation, parseArguments, wantsJson } from "../../src/cli/args.ts";

function read(line: string, env: Readonly<Record<string, string>> = {}): Invocation {
  return parseArguments(
    line.split(" ").filter((word) => word !== ""),
    env,
  );
}

function failureOf(line: string, env: Readonly<Record<string, string>> = {}): GeeError {
  try {
    read(line, env);
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error(`gee ${line} was accepted`);
}

test("gee alone, --help and help ask for help", () => {
  const nothing = { kind: "help", topic: undefined } as const;
  for (const line of ["", "--json", "--help", "-h", "help"]) expect(read(line)).toEqual(nothing);
  expect(read("call --help")).toEqual({ kind: "help", topic: "call" });
  expect(read("--help call")).toEqual({ kind: "help", topic: "call" });
  expect(read("help ls")).toEqual({ kind: "help", topic: "list" });
  expect(read("help exit-codes")).toEqual({ kind: "help", topic: "exit-codes" });
});

test("the version has a command and two flags", () => {
  for (const line of ["version", "--version", "-V", "--json --version"]) {
    expect(read(line)).toEqual({ kind: "version" });
  }
});

test("flags stand anywhere, before the command too", () => {
  const expected = { kind: "call", positionals: ["1", "2"], timeoutMs: 200, all: true } as const;
  for (const line of [
    "call Foo.Sum 1 2 --timeout 200ms --all",
    "call --all Foo.Sum --timeout=200ms 1 2",
    "--timeout 200ms --all call Foo.Sum 1 2",
    "--all call --timeout 200ms Foo.Sum 1 2",
  ]) {
    expect(read(line)).toMatchObject(expected);
  }
});

test("a negative number is an argument", () => {
  expect(read("call Foo.Sum -1 -.5 -2e3 --json")).toMatchObject({
    positionals: ["-1", "-.5", "-2e3"],
  });
});

test("behind -- everything is an argument", () => {
  expect(read("call Foo.Echo --all -- --json -x --")).toMatchObject({
    all: true,
    positionals: ["--json", "-x", "--"],
  });
  expect(wantsJson(["call", "Foo.Echo", "--", "--json"], {})).toBe(false);
});

test("the environment stands in for flags", () => {
  const env = { GEE_REGISTRY: "http://a,http://b", GEE_TIMEOUT: "3s", GEE_POLICY: "round-robin" };
  expect(read("call Foo.Sum", env)).toMatchObject({
    target: { kind: "registry", registry: ["http://a", "http://b"] },
    timeoutMs: 3_000,
    policy: "round-robin",
  });
  expect(read("list --timeout 1s", env)).toMatchObject({ timeoutMs: 1_000 });
  expect(wantsJson(["list"], { GEE_JSON: "1" })).toBe(true);
});

test("a registry and a server have their defaults", () => {
  expect(read("registry")).toEqual({
    kind: "registry",
    listen: "127.0.0.1:9999",
    leaseMs: 9_000,
    oldLeaseMs: 300_000,
    store: "memory",
    tokenFile: undefined,
    allowLoopback: false,
    hosts: [],
    insecure: false,
  });
  expect(read("server")).toEqual({
    kind: "server",
    modules: [],
    listen: "tcp@127.0.0.1:0",
    advertise: undefined,
    registry: ["http://127.0.0.1:9999"],
    tokenFile: undefined,
    drainTimeoutMs: 25_000,
    weight: 1,
    zone: undefined,
    tags: undefined,
    check: true,
    checkResults: false,
    insecure: false,
    workers: undefined,
  });
});

test("a registry is told its store, its tokens and the names by which it may be asked", () => {
  const line =
    "registry --store sqlite:/a.db --token-file t --allow-loopback --host a.b,c --host d";
  expect(read(line)).toMatchObject({
    store: "sqlite:/a.db",
    tokenFile: "t",
    allowLoopback: true,
    hosts: ["a.b", "c", "d"],
  });
  const env = { GEE_STORE: "etcd://a:1,b:2", GEE_REGISTRY_TOKENS: "t", GEE_REGISTRY_HOSTS: "a, b" };
  expect(read("registry", env)).toMatchObject({
    store: "etcd://a:1,b:2",
    tokenFile: "t",
    hosts: ["a", "b"],
  });
  // The token that a server shows is no list of those that a registry takes.
  expect(read("registry", { GEE_TOKEN_FILE: "t" })).toMatchObject({ tokenFile: undefined });
});

test.each(["call Foo.Sum", "list"])("gee %s takes a cache and a token", (line) => {
  const registry = ["http://127.0.0.1:9999"];
  const none = { cache: undefined, tokenFile: undefined };
  expect(read(line)).toMatchObject({ target: { kind: "registry", registry, ...none } });
  const target = { kind: "registry", registry, cache: "c", tokenFile: "t" } as const;
  expect(read(`${line} --cache c --token-file t`)).toMatchObject({ target });
  expect(read(line, { GEE_CACHE: "c", GEE_TOKEN_FILE: "t" })).toMatchObject({ target });
});

test("events are watched at registries, and kept in no file", () => {
  const registry = ["http://a", "http://b"];
  expect(read("events --registry http://a,http://b --token-file t")).toEqual({
    kind: "events",
    target: { kind: "registry", registry, cache: undefined, tokenFile: "t" },
  });
  expect(read("events", { GEE_CACHE: "c" })).toMatchObject({ target: { cache: undefined } });
});

test("a server takes modules, and --no-register keeps it out of every registry", () => {
  const line = "server a.ts --no-register b.ts --listen unix@/run/a --drain 0 --insecure";
  expect(read(line, { GEE_REGISTRY: "http://a" })).toMatchObject({
    modules: ["a.ts", "b.ts"],
    listen: "unix@/run/a",
    registry: undefined,
    drainTimeoutMs: 0,
    weight: 1,
    zone: undefined,
    tags: undefined,
    insecure: true,
  });
});

test("a server checks arguments unless it is told not to, and results when it is told to", () => {
  expect(read("server a.ts --no-check")).toMatchObject({ check: false, checkResults: false });
  expect(read("server --check-results a.ts")).toMatchObject({ check: true, checkResults: true });
  expect(read("server --no-check --check-results")).toMatchObject({
    check: false,
    checkResults: true,
  });
});

test("an old lease of 0 means for ever and needs no unit", () => {
  expect(read("registry --old-lease 0")).toMatchObject({ oldLeaseMs: 0 });
});

test.each([
  ["cal Foo.Sum", 'unknown command "cal"', "did you mean gee call?"],
  ["foo.ts", 'unknown command "foo.ts"', "to serve it: gee server foo.ts"],
  ["constructor", 'unknown command "constructor"', "gee help"],
  ["-- call", 'unknown command "call"', "did you mean gee call?"],
  ["call --jsn Foo.Sum", "unknown option '--jsn'", "did you mean --json?"],
  ["call Foo.Sum -x", "unknown option '-x'", "behind -- everything is an argument of the call"],
  ["list --threads 2", "unknown option '--threads'", "gee help list"],
  ["--bogus", "unknown option '--bogus'", "gee help"],
  ["call", "gee call needs SERVICE.METHOD", "gee help call"],
  ["call Foo", '"Foo" is no SERVICE.METHOD', "for example: gee call Foo.Sum 1 2"],
  ["call Foo.Sum --timeout", "--timeout needs a value", "gee help call"],
  ["call Foo.Sum --timeout 5", "it has no unit", "durations look like"],
  ["call Foo.Sum --timeout 0", "out of range", undefined],
  ["call Foo.Sum --data 1 2", '--data and "2" exclude each other', "--data holds all"],
  ["call Foo.Sum --policy robin-round", "there is no policy", undefined],
  ["call Foo.Sum --policy randm", "there is no policy", "did you mean random?"],
  ["call Foo.Sum --stream @- --data @-", "cannot both read standard input", undefined],
  ["call Foo.Sum --strem @-", "unknown option '--strem'", "did you mean --stream?"],
  ["call Foo.Sum --meta user", "is no NAME=VALUE", undefined],
  ["call Foo.Sum --all --to x", "--all and --to exclude each other", undefined],
  ["call Foo.Sum --registry http://a --address tcp@a:1", "exclude each other", undefined],
  ["call Foo.Sum --cache c --address tcp@a:1", "--address and --cache exclude", undefined],
  ["call Foo.Sum --token-file t --address tcp@a:1", "--token-file exclude each", undefined],
  ["call Foo.Sum --cache", "--cache needs a value", "gee help call"],
  ["server --no-register --registry http://a", "exclude each other", undefined],
  ["server --token", "unknown option '--token'", "did you mean --token-file?"],
  ["registry --stor memory", "unknown option '--stor'", "did you mean --store?"],
  ["registry --host a,,b", "has an empty entry", undefined],
  ["registry --cache c", "unknown option '--cache'", "gee help registry"],
  ["events Foo", 'takes no argument, "Foo" is too many', "gee help events"],
  ["events --address tcp@a:1", "unknown option '--address'", "gee help events"],
  ["evnts", 'unknown command "evnts"', "did you mean gee events?"],
  ["registry --lease 100ms", "from 200ms to 5m", undefined],
  ["registry x", 'takes no argument, "x" is too many', "gee help registry"],
  ["list Foo Bar", 'takes one argument, "Bar" is too many', "gee help list"],
  ["help exit-code", 'there is no help on "exit-code"', "did you mean gee help exit-codes?"],
])("gee %s is wrong usage", (line, message, hint) => {
  const error = failureOf(line);
  expect(error.code).toBe("INVALID_ARGUMENT");
  expect(error.message).toContain(message);
  if (hint !== undefined) expect(error.hint).toContain(hint);
  expect(error.message).not.toContain("\n");
});
