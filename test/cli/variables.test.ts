import { expect, test } from "bun:test";
import { commandList } from "../../src/cli/commands.ts";
import { misspelt, tellMisspelt, variables } from "../../src/cli/variables.ts";
import { keptOutput } from "../support/output.ts";

test("every variable of every flag is known, once", () => {
  const all = commandList.flatMap(({ flags }) => flags.flatMap(({ env }) => env ?? []));
  expect(variables().map(({ name }) => name)).toEqual([...new Set(all)]);
});

test.each([
  ["GEE_REGISTY", "GEE_REGISTRY"],
  ["GEE_REGISTRYS", "GEE_REGISTRY"],
  ["GEE_TIMOUT", "GEE_TIMEOUT"],
  ["GEE_TOKENFILE", "GEE_TOKEN_FILE"],
  ["GEE_JSNO", "GEE_JSON"],
  ["GEE_Registry", "GEE_REGISTRY"],
])("%s is taken for a slip", (name, meant) => {
  expect(misspelt({ [name]: "x", PATH: "/bin" })).toEqual([{ name, meant }]);
});

test("what is another program's is left alone", () => {
  const env = { GEE_PROJECT: "x", GEE_HOME: "x", GEE_: "x", GEEREGISTY: "x", gee_registy: "x" };
  expect(misspelt({ ...env, GEE_REGISTRY: "x", GEE_REGISTY: "" })).toEqual([]);
});

test("it is one line on stderr, and none for programs", async () => {
  const human = keptOutput();
  await tellMisspelt({ GEE_REGISTY: "http://a" }, human.output);
  expect([human.stdout(), human.stderr()]).toEqual([
    "",
    "GEE_REGISTY is no variable of gee, and has no effect; did you mean GEE_REGISTRY?\n",
  ]);
  const json = keptOutput({ json: true });
  await tellMisspelt({ GEE_REGISTY: "http://a" }, json.output);
  expect(json.stdout() + json.stderr()).toBe("");
});
