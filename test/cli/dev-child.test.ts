import { expect, test } from "bun:test";
import { outputToParent } from "../../src/cli/dev-child.ts";
import { GeeError } from "../../src/base/errors.ts";
import { folder } from "../support/folder.ts";

const child = JSON.stringify(new URL("../../src/cli/dev-child.ts", import.meta.url).pathname);
const errors = JSON.stringify(new URL("../../src/base/errors.ts", import.meta.url).pathname);

test("what a command has to say goes to the process that started it, to the last word", async () => {
  await using place = await folder({
    "child.ts": `
      import { GeeError } from ${errors};
      import { outputToParent } from ${child};
      const output = outputToParent({ json: false, env: {} });
      console.log(output.json, process.env.GEE_DEV_CHILD);
      await output.data("a line");
      await output.talk("said", "in words", { count: 1 });
      await output.error(new GeeError("NOT_FOUND", "it is not there", { details: { frame: "f" } }));
      process.exit(3);
    `,
  });
  const messages: unknown[] = [];
  const ended = Promise.withResolvers<void>();
  const started = Bun.spawn([process.execPath, `${place.path}/child.ts`], {
    env: { ...process.env, GEE_DEV_CHILD: "1" },
    stdout: "pipe",
    serialization: "json",
    ipc: (message: unknown) => void messages.push(message),
    onDisconnect: () => ended.resolve(),
  });
  const [printed, code] = await Promise.all([started.stdout.text(), started.exited]);
  await ended.promise;
  expect([printed, code]).toEqual(["true undefined\n", 3]);
  expect(messages).toMatchObject([
    { kind: "data", text: "a line" },
    { kind: "talk", event: "said", text: "in words", fields: { count: 1 } },
    {
      kind: "error",
      error: { code: "NOT_FOUND", message: "it is not there", details: { frame: "f" } },
    },
  ]);
});

test("without such a process it is the usual output", async () => {
  let written = "";
  const write = async (text: string): Promise<void> => void (written += text);
  const sink = { terminal: false, columns: 80, closed: false, write, pour: write };
  const output = outputToParent({ json: false, env: {}, stdout: sink, stderr: sink });
  expect(output.json).toBe(false);
  await output.error(new GeeError("NOT_FOUND", "it is not there"));
  expect(written).toBe("error: NOT_FOUND  it is not there\n");
});
