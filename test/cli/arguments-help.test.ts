import { expect, test } from "bun:test";
import { argumentsHelp } from "../../src/cli/arguments-help.ts";
import { commands } from "../../src/cli/commands.ts";

test("the flags that it speaks of are those of gee call", () => {
  const named = [...argumentsHelp.matchAll(/^ +(--[a-z-]+) /gm)].map(([, flag]) => flag);
  expect(named).toContain("--data");
  const own = commands.call.flags.map(({ name }) => `--${name}`);
  expect(named.filter((flag) => flag !== undefined && !own.includes(flag))).toEqual([]);
});
