import { expect, test } from "bun:test";
import { joinParent } from "../../src/cli/parent.ts";
import { folder } from "../support/folder.ts";

const child = JSON.stringify(new URL("../../src/cli/parent.ts", import.meta.url).pathname);
const errors = JSON.stringify(new URL("../../src/base/errors.ts", import.meta.url).pathname);

test("what a command has to say goes to the process that started it, to the last word", async () => {
  await using place = await folder({
    "child.ts": `
      import { GeeError } from ${errors};
      import { joinParent } from ${child};
      const { output, group } = joinParent({ json: false, env: {} });
      console.log(output.json, process.env.GEE_CHILD, group);
      output.log("info").warn("look", { at: "this" });
      await output.data("a line");
      await output.talk("said", "in words", { count: 1 });
      await output.error(new GeeError("NOT_FOUND", "it is not there", { details: { frame: "f" } }));
      process.exit(3);
    `,
  });
  const messages: unknown[] = [];
  const ended = Promise.withResolvers<void>();
  const started = Bun.spawn([process.execPath, `${place.path}/child.ts`], {
    env: { ...process.env, GEE_CHILD: JSON.stringify({ group: "web", number: 2 }) },
    stdout: "pipe",
    stderr: "pipe",
    serialization: "json",
    ipc: (message: unknown) => void messages.push(message),
    onDisconnect: () => ended.resolve(),
  });
  const [printed, logged, code] = await Promise.all([
    started.stdout.text(),
    started.stderr.text(),
    started.exited,
  ]);
  await ended.promise;
  expect([printed, code]).toEqual(["true undefined web\n", 3]);
  expect(logged).toBe("warn look worker=2 at=this\n");
  expect(messages).toMatchObject([
    { kind: "data", text: "a line" },
    { kind: "talk", event: "said", text: "in words", fields: { count: 1 } },
    {
      kind: "error",
      error: { code: "NOT_FOUND", message: "it is not there", details: { frame: "f" } },
    },
  ]);
});

test("without such a process there is none", () => {
  process.env.GEE_CHILD = "{}";
  expect(joinParent({ json: false, env: {} })).toBeUndefined();
  expect(process.env.GEE_CHILD).toBeUndefined();
});

/** Joins, says that it is there, and does what the words say; its parent lets go of it then. */
async function orphan(then: string): Promise<{ code: number; logged: string }> {
  await using place = await folder({
    "child.ts": `
      import { joinParent } from ${child};
      const parent = joinParent({ json: false, env: {} });
      setInterval(() => {}, 1_000);
      parent.beats.listen({
        onMessage: (message) => parent.beats.send(message),
        onEnd: (why) => console.error(why),
      });
      ${then}
      await parent.output.data("there");
    `,
  });
  const there = Promise.withResolvers<void>();
  const echoed = Promise.withResolvers<unknown>();
  const started = Bun.spawn([process.execPath, `${place.path}/child.ts`], {
    env: { ...process.env, GEE_CHILD: "{}" },
    stderr: "pipe",
    serialization: "json",
    ipc: (message: unknown) => {
      if (JSON.stringify(message) === '{"kind":"data","text":"there"}') there.resolve();
      else echoed.resolve(message);
    },
  });
  await there.promise;
  started.send({ kind: "beats", message: { a: 1 } });
  expect(await echoed.promise).toEqual({ kind: "beats", message: { a: 1 } });
  started.disconnect();
  const [logged, code] = await Promise.all([started.stderr.text(), started.exited]);
  return { code, logged };
}

test("before it has anything to finish it ends with its parent", async () => {
  expect(await orphan("")).toEqual({ code: 1, logged: "" });
});

test("else it is told, and what it has to say goes to stderr from then on", async () => {
  const then = `
    void parent.lost().then(async () => {
      await parent.output.talk("draining", "draining");
      parent.beats.send("to nobody");
      process.exit(4);
    });
  `;
  expect(await orphan(then)).toEqual({
    code: 4,
    logged: "the process that started it has ended\ndraining\n",
  });
});

test("what is being said when its parent ends holds it up no longer", async () => {
  await using place = await folder({
    "child.ts": `
      import { joinParent } from ${child};
      // As it is when the parent ends before it has read: nothing calls back.
      process.send = () => true;
      const parent = joinParent({ json: false, env: {} });
      setInterval(() => {}, 1_000);
      void parent.lost();
      console.log("there");
      await parent.output.data("unheard");
      await parent.output.talk("late", "late");
      process.exit(5);
    `,
  });
  const started = Bun.spawn([process.execPath, `${place.path}/child.ts`], {
    env: { ...process.env, GEE_CHILD: "{}" },
    stdout: "pipe",
    stderr: "pipe",
    serialization: "json",
    ipc() {},
  });
  for await (const _ of started.stdout) break;
  started.disconnect();
  expect([await started.stderr.text(), await started.exited]).toEqual(["late\n", 5]);
});
