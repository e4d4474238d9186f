import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArguments } from "../../src/cli/args.ts";
import { recipes } from "../../src/cli/recipes-help.ts";
import { folder } from "../support/folder.ts";

/** The command lines of gee in a line of a shell, taken apart by a shell. Nothing of it is run. */
async function commandsIn(line: string): Promise<readonly (readonly string[])[]> {
  await using place = await folder();
  const script = [
    `gee() { printf '%s\\0' "$@" END >> ${place.path}/words; }`,
    "chmod() { :; }; seq() { :; }; openssl() { :; }; jq() { :; }; head() { :; }",
    line,
    "wait",
  ];
  const child = Bun.spawn(["sh", "-c", script.join("\n")], { cwd: place.path, stdin: "ignore" });
  expect([line, await child.exited]).toEqual([line, 0]);
  const words = (await readFile(join(place.path, "words"), "utf8")).split("\0").slice(0, -1);
  const commands: string[][] = [[]];
  for (const word of words) {
    if (word === "END") commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands.slice(0, -1);
}

test("there are a dozen of them, and each has a title of its own", () => {
  expect(recipes.length).toBeGreaterThanOrEqual(12);
  expect(new Set(recipes.map(({ title }) => title)).size).toBe(recipes.length);
});

test("every line of every recipe is a command line that gee takes", async () => {
  const lines = recipes.flatMap((recipe) => recipe.lines).filter((line) => /\bgee\b/.test(line));
  for (const line of lines) {
    const commands = await commandsIn(line);
    expect([line, commands.length > 0]).toEqual([line, true]);
    for (const words of commands) {
      expect([line, parseArguments(words, {}).kind]).toEqual([line, words[0] ?? ""]);
    }
  }
});
