import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { type CallInvocation, parseArguments } from "../../src/cli/args.ts";
import { runCall } from "../../src/cli/call.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { GeeError, serve, type Server } from "../../src/index.ts";
import { keptOutput, type KeptOutputOptions } from "../support/output.ts";

class Odd {
  Nothing(): void {}
  Bytes(): Uint8Array {
    return new Uint8Array([1, 2, 3]);
  }
  Echo(...values: unknown[]): unknown {
    return values;
  }
  Sold(): never {
    throw new GeeError("FAILED_PRECONDITION", "sold out", {
      reason: "SOLD_OUT",
      details: { left: 0 },
    });
  }
}

function start(): Promise<Server> {
  return serve({ services: { Foo: new Foo(), Odd: new Odd() }, lameDuckMs: 0, log: silentLog });
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function call(
  words: readonly string[],
  addresses: readonly string[],
  options: KeptOutputOptions = {},
): Promise<Ran> {
  const invocation = parseArguments(["call", "--address", addresses.join(","), ...words], {});
  if (invocation.kind !== "call") throw new Error(`gee ${words.join(" ")} is no call`);
  return ran(invocation, options);
}

async function ran(invocation: CallInvocation, options: KeptOutputOptions): Promise<Ran> {
  const { output, stdout, stderr } = keptOutput(options);
  const code = await runCall(invocation, output);
  return { code, stdout: stdout(), stderr: stderr() };
}

test("in a pipe there is the result as JSON on stdout and nothing else anywhere", async () => {
  await using server = await start();
  const at = [server.address];
  expect(await call(["Foo.Sum", "1", "2"], at)).toEqual({ code: 0, stdout: "3\n", stderr: "" });
  expect((await call(["Foo.Sum", "1", "-2"], at, { json: true })).stdout).toBe("-1\n");
  expect((await call(["Odd.Nothing"], at)).stdout).toBe("null\n");
  expect((await call(["Odd.Bytes"], at)).stdout).toBe('"AQID"\n');
  const echo = await call(["Odd.Echo", "x", '{"a":[1]}', "9007199254740993"], at);
  expect(echo.stdout).toBe('["x",{"a":[1]},"9007199254740993"]\n');
});

test("on a terminal the result is pretty, and talk says how long it took", async () => {
  await using server = await start();
  const env = { NO_COLOR: "1" };
  const seen = await call(["Odd.Echo", "1", "x"], [server.address], { terminal: true, env });
  expect(seen.stdout).toBe('[1, "x"]\n');
  expect(seen.stderr).toMatch(/^-> Odd\.Echo {2}[\d.]+m?s\n$/);
});

test("a failed call exits with 64 and its status", async () => {
  await using server = await start();
  const at = [server.address];
  const nope = await call(["Foo.Nope", "1"], at);
  expect(nope.code).toBe(76);
  expect(nope.stderr).toStartWith("error: UNIMPLEMENTED  ");
  expect(nope.stderr).toContain("\nhint: ");
  expect(nope.stdout).toBe("");
  const sold = await call(["Odd.Sold"], at, { json: true });
  expect(sold.code).toBe(73);
  expect(JSON.parse(sold.stderr)).toEqual({
    error: {
      code: "FAILED_PRECONDITION",
      message: "sold out",
      reason: "SOLD_OUT",
      executed: "yes",
      details: { left: 0 },
    },
  });
  const late = await call(["Foo.Sleep", "60", "1", "--timeout", "20ms"], at);
  expect(late.code).toBe(68);
});

test("nobody there is UNAVAILABLE, with what to run next", async () => {
  const server = await start();
  await server.stop();
  const away = await call(["Foo.Sum", "1", "2"], [server.address]);
  expect(away.code).toBe(78);
  expect(away.stderr).toMatch(/^error: UNAVAILABLE {2}.*\nhint: .*gee server/);
});

test("--all has a row for each instance, and the exit code of the first error", async () => {
  await using stack = new AsyncDisposableStack();
  const servers = [stack.use(await start()), stack.use(await start())];
  const at = servers.map(({ address }) => address);
  const good = await call(["Foo.Sum", "1", "2", "--all"], at);
  expect(good.code).toBe(0);
  expect(good.stdout.trimEnd().split("\n")).toHaveLength(3);
  for (const address of at) expect(good.stdout).toMatch(new RegExp(`${address} +3`));

  const bad = await call(["Foo.Sum", "x", "2", "--all"], at, { json: true });
  expect(bad.code).toBe(67);
  const rows: unknown = JSON.parse(bad.stdout);
  const row = (address: string): unknown =>
    expect.objectContaining({
      address,
      error: expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    });
  expect(rows).toEqual(expect.arrayContaining(at.map(row)));
  const empty = await call(["Odd.Nothing", "--all"], at, { json: true });
  expect(JSON.parse(empty.stdout)).toContainEqual(
    expect.objectContaining({ address: at[0], value: null }),
  );
});

test("an interrupt takes the call back and exits 130", async () => {
  await using server = await start();
  const running = call(["Foo.Sleep", "3600", "1", "--timeout", "1h"], [server.address]);
  while (server.inFlight() === 0) await new Promise((resolve) => setImmediate(resolve));
  process.emit("SIGINT");
  const { code, stderr } = await running;
  expect(code).toBe(130);
  expect(stderr).toContain("CANCELLED");
});
