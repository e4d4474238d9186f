import { expect, test } from "bun:test";
import { completionScript, runCompletions } from "../../src/cli/completions.ts";
import { shells } from "../../src/cli/completions-spec.ts";
import { keptOutput } from "../support/output.ts";

test.each([...shells])("the script for %s is printed, and nothing else is done", async (shell) => {
  const { output, stdout, stderr } = keptOutput();
  expect(await runCompletions(shell, output)).toBe(0);
  expect(stdout()).toContain(process.execPath);
  expect(stdout()).toContain("complete --");
  expect(stderr()).toBe("");
  const json = keptOutput({ json: true });
  await runCompletions(shell, json.output);
  expect(JSON.parse(json.stdout())).toEqual({ shell, script: stdout().trimEnd() });
});

test("no script has what is typed evaluated", () => {
  for (const shell of shells) {
    expect(completionScript(shell, ["/bin/gee"])).not.toMatch(/\b(eval|compgen|source)\b/);
  }
});

test("a path with odd signs is one word in every shell", () => {
  const path = "/a b/it's $(x)/gee";
  expect(completionScript("bash", [path, "main.ts"])).toContain(
    `('/a b/it'\\''s $(x)/gee' main.ts)`,
  );
  expect(completionScript("zsh", [path])).toContain(`('/a b/it'\\''s $(x)/gee')`);
  expect(completionScript("fish", [path])).toContain(`gee '/a b/it\\'s $(x)/gee'`);
});
