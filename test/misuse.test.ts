import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";

test("however a call is held, no rejection is left that nobody handles", async () => {
  const path = fileURLToPath(new URL("support/misuse.ts", import.meta.url));
  const child = Bun.spawn([process.execPath, path], { stdout: "pipe", stderr: "pipe" });
  const [said, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect(errors).toBe("");
  expect(JSON.parse(said)).toEqual({ steps: 30, unhandled: [] });
  expect(await child.exited).toBe(0);
});
