import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { commandList, commands, findCommand } from "../../src/cli/commands.ts";
import { parseDuration } from "../../src/cli/durations.ts";

function fallback(command: keyof typeof commands, flag: string): number {
  const spec = commands[command].flags.find(({ name }) => name === flag);
  return parseDuration(spec?.fallback ?? "");
}

test("a command is found by its name and its alias alone", () => {
  expect(findCommand("list")).toBe(commands.list);
  expect(findCommand("ls")).toBe(commands.list);
  expect(findCommand("l")).toBeUndefined();
  expect(findCommand("toString")).toBeUndefined();
});

test("every command takes --json, and no variable has two meanings", () => {
  const meanings = new Map<string, string>();
  for (const { flags } of commandList) {
    expect(flags.map(({ name }) => name)).toContain("json");
    for (const { name, env } of flags) {
      if (env === undefined) continue;
      expect(meanings.get(env) ?? name).toBe(name);
      meanings.set(env, name);
    }
  }
});

test("the defaults that help shows are the limits of the library", () => {
  expect(fallback("registry", "lease")).toBe(limits.leaseMs);
  expect(fallback("registry", "old-lease")).toBe(limits.oldLeaseMs);
  expect(fallback("server", "drain")).toBe(limits.drainTimeoutMs);
  expect(fallback("call", "timeout")).toBe(limits.callTimeoutMs);
});
