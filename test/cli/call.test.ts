import { expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { runCall } from "../../src/cli/call.ts";
import { serve, serveRegistry } from "../../src/index.ts";
import { keptOutput } from "../support/output.ts";
import { turn, until } from "../support/clock.ts";
import { folder } from "../support/folder.ts";
import { call, callInto, limitedReader, start } from "./calling.ts";

test("in a pipe there is the result as JSON on stdout and nothing else anywhere", async () => {
  await using running = await start();
  const at = [running];
  expect(await call(["Foo.Sum", "1", "2"], at)).toEqual({ code: 0, stdout: "3\n", stderr: "" });
  expect((await call(["Foo.Sum", "1", "-2"], at, { json: true })).stdout).toBe("-1\n");
  expect((await call(["Odd.Nothing"], at)).stdout).toBe("null\n");
  expect((await call(["Odd.Bytes"], at)).stdout).toBe('"AQID"\n');
  const echo = await call(["Odd.Echo", "x", '{"a":[1]}', "9007199254740993"], at);
  expect(echo.stdout).toBe('["x",{"a":[1]},"9007199254740993"]\n');
});

test("on a terminal the result is pretty, and talk says how long it took", async () => {
  await using running = await start();
  const env = { NO_COLOR: "1" };
  const seen = await call(["Odd.Echo", "1", "x"], [running], { terminal: true, env });
  expect(seen.stdout).toBe('[1, "x"]\n');
  expect(seen.stderr).toMatch(/^-> Odd\.Echo {2}[\d.]+m?s\n$/);
});

test("a failed call exits with 64 and its status", async () => {
  await using running = await start();
  const at = [running];
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

test("what every server has is called as anything else, at an address and by a registry", async () => {
  await using running = await start();
  const at = [running];
  expect((await call(["gee.Health.Check"], at)).stdout).toBe('{"status":"SERVING"}\n');
  const services = await call(["gee.Reflection.Services"], at);
  expect(JSON.parse(services.stdout)).toMatchObject([{ name: "Foo" }, { name: "Odd" }]);
  const unknown = await call(["gee.Reflection.Describe", "Fo"], at);
  expect([unknown.code, unknown.stderr]).toEqual([
    69,
    "error: NOT_FOUND  there is no service Fo\nhint: did you mean Foo?\n",
  ]);
  const slip = await call(["gee.Helth.Check"], at);
  expect([slip.code, slip.stderr.includes("did you mean gee.Health?")]).toEqual([76, true]);
  const wrong = await call(["gee.Health.Check", "5"], at);
  expect([wrong.code, wrong.stderr]).toEqual([
    67,
    "error: INVALID_ARGUMENT  args[0] (service): expected string, got number\n",
  ]);

  await using registry = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  const listed = { registry: registry.url, lameDuckMs: 0, log: silentLog };
  await using server = await serve({ ...listed, services: { Bar: { Run: () => 1 } } });
  await server.registered;
  const { output, stdout } = keptOutput();
  const invocation = parseArguments(["call", "gee.Health.Check", "--registry", registry.url], {});
  if (invocation.kind !== "call") throw new Error("it is no call");
  expect(await runCall(invocation, output)).toBe(0);
  expect(stdout()).toBe('{"status":"SERVING"}\n');
});

test("nobody there is UNAVAILABLE, with what to run next", async () => {
  const running = await start();
  await running.server.stop();
  const away = await call(["Foo.Sum", "1", "2"], [running]);
  expect(away.code).toBe(78);
  expect(away.stderr).toMatch(/^error: UNAVAILABLE {2}.*\nhint: .*gee server/);
});

test("metadata and a key go along, and one-way prints nothing", async () => {
  await using running = await start();
  const at = [running];
  const meta = ["--meta", "user=ada", "--meta", "trace=a=b"];
  expect((await call(["Odd.Metadata", ...meta], at)).stdout).toBe('{"user":"ada","trace":"a=b"}\n');
  const keyed = ["Odd.Once", "--key", "order 7"];
  for (let i = 0; i < 3; i++) expect((await call(keyed, at)).stdout).toBe("1\n");
  const reused = await call([...keyed, "other"], at, { json: true });
  expect(reused.code).toBe(73);
  expect(JSON.parse(reused.stderr)).toHaveProperty("error.reason", "KEY_REUSED");
  expect(await call(["Odd.Once", "--one-way"], at)).toEqual({ code: 0, stdout: "", stderr: "" });
  await until(() => running.odd.done === 2, "the one-way call was done");
  const seen = await call(["Odd.Once", "--one-way"], at, { terminal: true });
  expect(seen.stdout).toBe("");
  expect(seen.stderr).toMatch(/^-> Odd\.Once {2}[\d.]+m?s, sent\n$/);
});

test("items are printed one by one: a line each in a pipe, pretty on a terminal", async () => {
  await using running = await start();
  const at = [running];
  const piped = await call(["Foo.Count", "5"], at);
  expect(piped).toEqual({ code: 0, stdout: "1\n2\n3\n4\n5\n", stderr: "" });
  expect((await call(["Foo.Count", "0"], at)).stdout).toBe("");
  const seen = await call(["Foo.Count", "2"], at, { terminal: true, env: { NO_COLOR: "1" } });
  expect(seen.stdout).toBe("1\n2\n");
  expect(seen.stderr).toMatch(/^-> Foo\.Count {2}[\d.]+m?s, 2 items\n$/);
  const one = await call(["Foo.Count", "1"], at, { terminal: true });
  expect(one.stderr).toEndWith(", 1 item\n");
});

test("an item is printed when it comes, not when the last one has come", async () => {
  await using running = await start();
  const { output, stdout } = keptOutput();
  const code = callInto(output, ["Odd.Stands"], [running]);
  await until(() => stdout() === "1\n", "the first item");
  process.emit("SIGTERM");
  expect(await code).toBe(143);
});

test("an error in the midst of a stream comes behind the items, with its exit code", async () => {
  await using running = await start();
  const broken = await call(["Odd.Breaks"], [running], { json: true });
  expect(broken).toMatchObject({ code: 69, stdout: '1\n{"a":[2]}\n' });
  expect(JSON.parse(broken.stderr)).toMatchObject({ error: { code: "NOT_FOUND", reason: "LOST" } });
});

test("a stream has a total limit when one is given, and no other", async () => {
  await using running = await start();
  const late = await call(["Odd.Stands", "--timeout", "50ms"], [running]);
  expect(late).toMatchObject({ code: 68, stdout: "1\n" });
  expect(late.stderr).toStartWith("error: DEADLINE_EXCEEDED  ");
  await until(() => running.odd.ends.length === 1, "the handler was told");
  expect(running.odd.ends).toEqual(["Odd.Stands DEADLINE_EXCEEDED"]);
});

test("a reader that goes away ends the stream at once, and that is no failure", async () => {
  await using running = await start();
  const { output, taken, errors } = limitedReader(4, "leaves");
  expect(await callInto(output, ["Odd.Endless"], [running])).toBe(0);
  expect([taken(), errors()]).toEqual(['"x"\n', ""]);
  await until(() => running.server.inFlight() === 0, "no call in flight");
  expect(running.odd.ends).toEqual(["Odd.Endless CANCELLED"]);
});

test("a slow reader slows the handler down to a window, and a signal still ends it", async () => {
  await using running = await start();
  const { odd } = running;
  const { output, errors } = limitedReader(1, "stalls");
  const text = "x".repeat(1_000);
  const code = callInto(output, ["Odd.Endless", text], [running]);
  // What the reader does not take: what waits for it, and a window. It may have grown a little.
  const mostItems = (4 * limits.streamWindowBytes + 65_536) / text.length;
  await until(() => odd.given > 100, "the stream began");
  let before = -1;
  for (let quiet = 0; quiet < 20; quiet++) {
    if (odd.given !== before) quiet = 0;
    before = odd.given;
    await turn();
  }
  expect(odd.given).toBeLessThan(mostItems);
  process.emit("SIGINT");
  expect(await code).toBe(130);
  expect(errors()).toBe("error: CANCELLED  interrupted by SIGINT\n");
  await until(() => odd.ends.length === 1, "the handler was told");
});

test("--timeout ends a stream whose reader takes nothing", async () => {
  await using running = await start();
  const { output, errors } = limitedReader(1, "stalls");
  expect(await callInto(output, ["Odd.Endless", "--timeout", "50ms"], [running])).toBe(68);
  expect(errors()).toStartWith("error: DEADLINE_EXCEEDED  ");
});

test("--stream is the argument behind the others, read line by line", async () => {
  await using running = await start();
  await using place = await folder({ "numbers.txt": "1\n2\r\n\n3" });
  const from = ["--stream", `@${place.path}/numbers.txt`];
  const at = [running];
  expect(await call(["Foo.Total", ...from], at)).toEqual({ code: 0, stdout: "6\n", stderr: "" });
  expect((await call(["Odd.Double", "10", ...from], at)).stdout).toBe("10\n20\n30\n");
  expect((await call(["Odd.Double", "--data", "[5]", ...from], at)).stdout).toBe("5\n10\n15\n");
});

test("a line that is wrong takes the call back and is shown, as wrong usage", async () => {
  await using running = await start();
  const { odd, server } = running;
  await using place = await folder();
  const path = join(place.path, "pipe");
  Bun.spawnSync(["mkfifo", path]);
  const pipe = openSync(path, "r+");
  writeSync(pipe, "1\n2\n");
  const { output, stdout, stderr } = keptOutput();
  const failure = callInto(output, ["Odd.Take", "--stream", `@${path}`], [running]);
  await until(() => odd.taken.length === 2, "the items so far");
  writeSync(pipe, "{bad\n4\n");
  const error = await failure.then(
    (code) => new Error(`exit code ${code}`),
    (thrown: unknown) => GeeError.from(thrown),
  );
  expect(error).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "USAGE",
    executed: "maybe",
    details: { frame: "  {bad\n   ^" },
  });
  expect(error.message).toContain("pipe is not JSON");
  expect(error.message).toEndWith("(line 3, column 2)");
  expect([stdout(), stderr()]).toEqual(["", ""]);
  await until(() => server.inFlight() === 0, "no call in flight");
  expect(odd.ends).toEqual(["Odd.Take CANCELLED"]);
  expect(odd.taken).toEqual([1, 2, "an error"]);
  closeSync(pipe);
});

test("a file that is not there is found before anything is called", async () => {
  await using running = await start();
  await expect(call(["Odd.Take", "--stream", "@/nowhere/x"], [running])).rejects.toMatchObject({
    message: expect.stringContaining("--stream: cannot read /nowhere/x"),
    executed: "no",
  });
});

test("an interrupt takes the call back and exits 130, and a second one at once", async () => {
  await using running = await start();
  const { server } = running;
  const sleeping = call(["Foo.Sleep", "3600", "1", "--timeout", "1h"], [running]);
  await until(() => server.inFlight() === 1, "a call in flight");
  process.emit("SIGINT");
  const { code, stderr } = await sleeping;
  expect(code).toBe(130);
  expect(stderr).toContain("CANCELLED");

  const { output, taken } = limitedReader(1, "stalls");
  const stalled = callInto(output, ["Odd.Endless"], [running]);
  await until(() => taken() !== "", "an item");
  process.emit("SIGTERM");
  process.emit("SIGINT");
  expect(await stalled).toBe(130);
});
