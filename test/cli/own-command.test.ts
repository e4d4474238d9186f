import { expect, test } from "bun:test";
import { ownCommand } from "../../src/cli/own-command.ts";

test("it starts this gee", () => {
  const { stdout, exitCode } = Bun.spawnSync([...ownCommand(), "version", "--json"]);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout.toString())).toMatchObject({ bun: Bun.version });
});
