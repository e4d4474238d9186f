import { expect, test } from "bun:test";
import { codeNumbers } from "../../src/base/errors.ts";
import { commandList, topics } from "../../src/cli/commands.ts";
import { runHelp } from "../../src/cli/help.ts";
import { keptOutput } from "../support/output.ts";

async function help(topic?: string): Promise<string> {
  const { output, stdout } = keptOutput();
  expect(await runHelp(topic, output)).toBe(0);
  return stdout();
}

async function json(topic?: string): Promise<unknown> {
  const { output, stdout } = keptOutput({ json: true });
  await runHelp(topic, output);
  expect(stdout().trimEnd()).not.toContain("\n");
  return JSON.parse(stdout());
}

test("the overview names every command and every topic", async () => {
  const text = await help();
  for (const { name } of commandList) expect(text).toContain(`\n  ${name}`);
  for (const topic of topics) expect(text).toContain(`gee help ${topic}`);
});

test("the help of a command names every flag with its default and its variable", async () => {
  for (const { name, flags } of commandList) {
    const text = await help(name);
    for (const { name: flag, env, fallback } of flags) {
      const line = text.split("\n").find((each) => `${each} `.startsWith(`  --${flag} `)) ?? "";
      expect(line).toContain(fallback === undefined ? "" : `default ${fallback}`);
      expect(line).toContain(env ?? "");
    }
  }
});

test("the help of a registry says how its tokens are written, and what the stores are for", async () => {
  const text = await help("registry");
  for (const part of ["TOKEN write [services=", "sqlite:FILE", "etcd://", "/readyz"]) {
    expect(text).toContain(part);
  }
});

test("the table of exit codes has every status", async () => {
  const text = await help("exit-codes");
  for (const [name, number] of Object.entries(codeNumbers)) {
    expect(text).toMatch(new RegExp(`^  ${64 + number} +${name} `, "m"));
  }
  expect(await json("exit-codes")).toContainEqual({
    exitCode: 78,
    name: "UNAVAILABLE",
    meaning: "no registry or no server can be reached",
  });
});

test("the table of variables says which commands read them", async () => {
  expect(await help("env")).toMatch(/GEE_TIMEOUT +--timeout of call, list/);
  expect(await help("env")).toMatch(/GEE_CACHE +--cache of call, list/);
  expect(await help("env")).toMatch(/GEE_TOKEN_FILE +--token-file of server, call, list, events/);
  expect(await help("env")).toMatch(/GEE_REGISTRY_TOKENS +--token-file of registry /);
  expect(await json("env")).toContainEqual(
    expect.objectContaining({ name: "GEE_LISTEN", flag: "--listen", commands: ["server"] }),
  );
});

test("every topic has help for people and for programs", async () => {
  for (const topic of topics) {
    expect((await help(topic)).length).toBeGreaterThan(100);
    expect(await json(topic)).toBeTruthy();
  }
  expect(await help("arguments")).toBe(await help("args"));
  expect(await json()).toHaveProperty("commands");
  expect(await json("call")).toHaveProperty(
    "usage",
    "gee call [FLAG ...] SERVICE.METHOD [ARG ...]",
  );
});
