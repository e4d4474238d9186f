import { expect, test } from "bun:test";
import { join } from "node:path";

const main = join(import.meta.dir, "../../src/main.ts");

async function gee(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([process.execPath, main, ...words], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [code, stdout, stderr] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { code, stdout, stderr };
}

test("gee runs from source as it does compiled", async () => {
  const [help, version, usage] = await Promise.all([
    gee([]),
    gee(["version", "--json"]),
    gee(["cal", "--json"]),
  ]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toStartWith("gee: ");
  expect(JSON.parse(version.stdout)).toHaveProperty("gee");
  expect(usage).toMatchObject({ code: 2, stdout: "" });
  expect(JSON.parse(usage.stderr)).toEqual({
    error: {
      code: "INVALID_ARGUMENT",
      message: 'unknown command "cal"',
      reason: "USAGE",
      executed: "no",
      hint: "did you mean gee call?",
    },
  });
});
