import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { callExitCode, createOutput, startExitCode } from "../../src/cli/output.ts";
import { usageError } from "../../src/cli/usage.ts";
import { keptOutput } from "../support/output.ts";

test("a value is one line of JSON in a pipe, and pretty on a terminal", async () => {
  const piped = keptOutput();
  await piped.output.value({ a: [1, "x"] });
  expect(piped.stdout()).toBe('{"a":[1,"x"]}\n');

  const seen = keptOutput({ terminal: true, env: { NO_COLOR: "1" } });
  await seen.output.value({ a: [1, "x"] });
  expect(seen.stdout()).toBe('{ a: [1, "x"] }\n');

  const asked = keptOutput({ terminal: true, json: true });
  await asked.output.value(undefined);
  expect(asked.stdout()).toBe("null\n");
});

test("it says when nobody reads it any more", () => {
  const nowhere = async (): Promise<void> => {};
  const sink = { terminal: false, columns: 80, closed: false, write: nowhere, pour: nowhere };
  const stdout = { ...sink };
  const output = createOutput({ json: false, env: {}, stdout, stderr: sink });
  expect(output.closed).toBe(false);
  stdout.closed = true;
  expect(output.closed).toBe(true);
});

test("items are written as values are, each on its own", async () => {
  const written = async (options: Parameters<typeof keptOutput>[0]): Promise<string> => {
    const { output, stdout } = keptOutput(options);
    const items = output.items({ release: new AbortController().signal, broken: () => {} });
    for (const item of [1, { a: undefined }, [1, "x"]]) items.write(item);
    await items.flush();
    return stdout();
  };
  expect(await written({})).toBe('1\n{}\n[1,"x"]\n');
  expect(await written({ terminal: true, json: true })).toBe('1\n{}\n[1,"x"]\n');
  expect(await written({ terminal: true, env: { NO_COLOR: "1" } })).toBe(
    '1\n{ a: undefined }\n[1, "x"]\n',
  );
});

test("colour is for terminals, and NO_COLOR switches it off", async () => {
  const withColour = keptOutput({ terminal: true });
  await withColour.output.value(1);
  expect(withColour.stdout()).toContain("\u001b[33m");
  for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
    const without = keptOutput({ terminal: true, env });
    await without.output.error(new GeeError("INTERNAL", "x"));
    expect(without.stderr()).toBe("error: INTERNAL  x\n");
  }
  const empty = keptOutput({ terminal: true, env: { NO_COLOR: "" } });
  await empty.output.value(1);
  expect(empty.stdout()).toContain("\u001b[33m");
});

test("an error has its code, its message, the place of the mistake and a hint", async () => {
  const { output, stderr, stdout } = keptOutput();
  await output.error(usageError("wrong", { hint: "do right", frame: "  x\n  ^" }));
  expect(stderr()).toBe("error: INVALID_ARGUMENT  wrong\n  x\n  ^\nhint: do right\n");
  expect(stdout()).toBe("");
});

test("with --json an error is one line that programs read", async () => {
  const { output, stderr } = keptOutput({ json: true });
  await output.error(
    new GeeError("RESOURCE_EXHAUSTED", "two\nlines", {
      reason: "FULL",
      executed: "no",
      retryAfterMs: 5,
      details: { left: 0n, bytes: new Uint8Array([1]) },
      hint: "wait",
    }),
  );
  expect(stderr().split("\n")).toHaveLength(2);
  expect(JSON.parse(stderr())).toEqual({
    error: {
      code: "RESOURCE_EXHAUSTED",
      message: "two\nlines",
      reason: "FULL",
      executed: "no",
      retryAfterMs: 5,
      hint: "wait",
      details: { left: "0", bytes: "AQ==" },
    },
  });
});

test("no control character of a peer's message reaches the terminal", async () => {
  const { output, stderr } = keptOutput();
  await output.error(new GeeError("INTERNAL", "\u001b[2Jboom\r\u009b1m", { hint: "\u0007" }));
  expect(stderr()).toBe("error: INTERNAL  \\u001b[2Jboom\\u000d\\u009b1m\nhint: \\u0007\n");
});

test("talk and log lines are text for people and objects for programs", async () => {
  const people = keptOutput();
  await people.output.talk("ready", "all is well", { port: 1 });
  people.output.log("info").warn("late", { byMs: 3 });
  people.output.log("error").warn("unheard");
  expect(people.stderr()).toBe("all is well\nwarn late byMs=3\n");

  const programs = keptOutput({ json: true });
  await programs.output.talk("ready", "all is well", { port: 1 });
  programs.output.log("info").warn("late", { error: new Error("why") });
  programs.output.log("error").warn("unheard");
  expect(programs.stderr()).toBe(
    '{"event":"ready","port":1}\n{"level":"warn","message":"late","error":"why"}\n',
  );
});

test("a failed call exits with 64 and its status, a failed start with 1, wrong usage with 2", () => {
  expect(callExitCode(new GeeError("DEADLINE_EXCEEDED", ""))).toBe(68);
  expect(callExitCode(new GeeError("INVALID_ARGUMENT", ""))).toBe(67);
  expect(startExitCode(usageError(""))).toBe(2);
  expect(startExitCode(new GeeError("FAILED_PRECONDITION", "", { reason: "INSECURE_BIND" }))).toBe(
    2,
  );
  expect(startExitCode(new GeeError("UNAVAILABLE", "", { reason: "ADDRESS_IN_USE" }))).toBe(1);
});

test("a line of progress stands for the next one, and what is said takes its place", async () => {
  const { output, stderr } = keptOutput({ terminal: true, columns: 20, env: { NO_COLOR: "1" } });
  const erase = "\r\u001b[K";
  output.progress("one");
  output.progress("one");
  output.progress("a line that is much too long");
  expect(stderr()).toBe(`${erase}one${erase}a line that is much`);
  await output.talk("event", "said");
  output.progress("");
  output.progress("two\u001b[2J");
  output.progress("");
  expect(stderr()).toEndWith(`${erase}said\n${erase}two\\u001b[2J${erase}`);
});

test("in a pipe and in JSON there is no progress", () => {
  for (const options of [{}, { terminal: true, json: true }]) {
    const { output, stderr } = keptOutput(options);
    output.progress("one");
    output.progress("");
    expect(stderr()).toBe("");
  }
});
