import { expect, test } from "bun:test";
import { catchHangup, catchStopSignals } from "../../src/cli/signals.ts";
import { folder } from "../support/folder.ts";

test("the first and the second signal are told apart, and each has its exit code", async () => {
  using signals = catchStopSignals();
  process.emit("SIGTERM");
  process.emit("SIGINT");
  expect(await signals.first).toEqual({ name: "SIGTERM", exitCode: 143 });
  expect(await signals.second).toEqual({ name: "SIGINT", exitCode: 130 });
});

test("once disposed it leaves the signals to the system", () => {
  const before = process.listenerCount("SIGINT");
  const signals = catchStopSignals();
  expect(process.listenerCount("SIGINT")).toBe(before + 1);
  signals[Symbol.dispose]();
  expect(process.listenerCount("SIGINT")).toBe(before);
});

test("a SIGHUP is a task, until it is disposed", () => {
  let runs = 0;
  const hangup = catchHangup(() => runs++);
  process.emit("SIGHUP");
  process.emit("SIGHUP");
  hangup[Symbol.dispose]();
  expect([runs, process.listenerCount("SIGHUP")]).toEqual([2, 0]);
});

test("at a terminal it is none when the terminal is gone", async () => {
  const signals = JSON.stringify(new URL("../../src/cli/signals.ts", import.meta.url).pathname);
  await using place = await folder({
    "child.ts": `
      import { catchHangup } from ${signals};
      setInterval(() => {}, 1_000);
      const hangup = catchHangup(() => console.log("a task"));
      void hangup.gone.then(({ exitCode }) => process.exit(exitCode));
      console.log("ready");
    `,
  });
  let said = "";
  const ready = Promise.withResolvers<void>();
  const task = Promise.withResolvers<void>();
  const child = Bun.spawn([process.execPath, `${place.path}/child.ts`], {
    terminal: {
      data(_terminal, bytes) {
        said += new TextDecoder().decode(bytes);
        if (said.includes("ready")) ready.resolve();
        if (said.includes("a task")) task.resolve();
      },
    },
  });
  await ready.promise;
  child.kill("SIGHUP");
  await task.promise;
  child.terminal?.close();
  // The system says so to whoever has the terminal; here it may be nobody's own.
  child.kill("SIGHUP");
  expect(await child.exited).toBe(129);
});
