import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { GeeError } from "../../src/base/errors.ts";
import type { ChildRequest } from "../../src/source/child-messages.ts";
import { askChild } from "../../src/source/run-child.ts";
import { eventually } from "../support/cluster.ts";
import { folder } from "../support/folder.ts";

const request: ChildRequest = { mode: "contracts", paths: ["/x.ts"] };
const timeoutMs = 20_000;

/** A child that runs the code given. */
function command(code: string): readonly string[] {
  return [process.execPath, "-e", code];
}

async function failure(work: Promise<unknown>): Promise<GeeError> {
  return work.then(
    () => {
      throw new Error("it did not fail");
    },
    (thrown: unknown) => GeeError.from(thrown),
  );
}

test("the child gets the request, and its answer comes back", async () => {
  const answer = await askChild(request, {
    timeoutMs,
    command: command(`
      const { mode, paths } = await Bun.stdin.json();
      const module = { services: [], hidden: {}, marks: { [mode]: paths }, files: [] };
      console.error("talk that nobody is to hear");
      console.log(JSON.stringify({ modules: [{ module }], inputs: [] }));
    `),
  });
  expect(answer.modules[0]?.module.marks).toEqual({ contracts: ["/x.ts"] });
});

test("an answer of 10 MB comes whole", async () => {
  const answer = await askChild(request, {
    timeoutMs,
    command: command(
      'console.log(JSON.stringify({ modules: [], inputs: [], library: "x".repeat(1e7) }))',
    ),
  });
  expect(answer.library).toHaveLength(10_000_000);
});

test.each([
  ["fails", 'throw new TypeError("so it goes")', "TypeError: so it goes"],
  ["fails without a word", "process.exit(3)", "it gave no reason"],
  ["crashes", "process.kill(process.pid, 'SIGSEGV')", "it was ended by SIGSEGV"],
  ["says nothing", "", "its answer cannot be read"],
  ["says something else", "console.log('hello')", "its answer cannot be read"],
  ["says half of it", `process.stdout.write('{"modules":[')`, "its answer cannot be read"],
  ["says too little", `console.log('{"modules":[]}')`, "answer.inputs: it is missing"],
  ["talks without an end", "for (;;) process.stdout.write('x'.repeat(1e6))", "ended by SIGKILL"],
])("a child that %s gives no answer", async (_, code, why) => {
  const error = await failure(askChild(request, { timeoutMs, command: command(code) }));
  expect(error).toMatchObject({ code: "FAILED_PRECONDITION", reason: "CHILD_FAILED" });
  expect(error.message).toContain(why);
});

test("a child that does not end is ended", async () => {
  const error = await failure(askChild(request, { timeoutMs: 1, command: command("for (;;);") }));
  expect(error.message).toContain("ended by SIGKILL: it has 1 ms");
});

test("a command that cannot be started is no crash", async () => {
  const error = await failure(askChild(request, { timeoutMs, command: ["/nowhere/bun"] }));
  expect(error).toMatchObject({ reason: "CHILD_FAILED" });
  expect(error.message).toContain("it could not be started");
});

test("the child runs in no folder of the user's, and without what changes Bun", async () => {
  const { library = "" } = await askChild(request, {
    timeoutMs,
    command: command(`
      const { BUN_OPTIONS, BUN_BE_BUN, PATH } = process.env;
      const library = JSON.stringify([process.cwd(), BUN_OPTIONS ?? 0, BUN_BE_BUN ?? 0, PATH]);
      console.log(JSON.stringify({ modules: [], inputs: [], library }));
    `),
  });
  expect(JSON.parse(library)).toEqual(["/", 0, 0, process.env.PATH]);
});

test("when the parent is killed, the child ends too", async () => {
  await using place = await folder({
    "child.ts": `
      await Bun.write(process.argv[2], String(process.pid));
      for (;;);
    `,
    "parent.ts": `
      import { askChild } from ${JSON.stringify(new URL("../../src/source/run-child.ts", import.meta.url).pathname)};
      const command = [process.execPath, process.argv[2], process.argv[3]];
      await askChild({ mode: "marks", paths: [] }, { timeoutMs: 60_000, command });
    `,
  });
  const pidFile = `${place.path}/pid`;
  await using parent = Bun.spawn(
    [process.execPath, `${place.path}/parent.ts`, `${place.path}/child.ts`, pidFile],
    { stdout: "ignore", stderr: "ignore" },
  );
  await eventually(
    async () => existsSync(pidFile) && (await Bun.file(pidFile).text()) !== "",
    "the child's start",
  );
  const pid = Number(await Bun.file(pidFile).text());
  expect(isRunning(pid)).toBe(true);
  parent.kill("SIGKILL");
  await parent.exited;
  await eventually(() => !isRunning(pid), "the child's end");
});

/** Whether a process runs; one that has ended and that nobody has asked for does not. */
function isRunning(pid: number): boolean {
  const status = `/proc/${pid}/stat`;
  if (!existsSync(status)) return false;
  return !/^\d+ \(.*\) [ZX]/.test(readFileSync(status, "utf8"));
}
