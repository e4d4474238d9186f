import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { tellAway, tellRegistries } from "../../src/cli/registry-states.ts";
import type { Target } from "../../src/cli/values.ts";
import { connect, type RegistryStatus } from "../../src/index.ts";
import { keptOutput } from "../support/output.ts";

function status(name: string, changes: Partial<RegistryStatus> = {}): RegistryStatus {
  const url = `http://${name}:9999/_geerpc_/registry`;
  return { url, answers: true, error: undefined, warming: false, frozen: false, ...changes };
}

const well = status("a");
const hung = status("b", { answers: false });
const down = status("c", {
  answers: false,
  error: new GeeError(
    "UNAVAILABLE",
    "registry http://c:9999/_geerpc_/registry: connection refused",
  ),
});

const target: Target = { kind: "registry", registry: [] };

/** What is told of registries that stand like this. */
async function told(
  all: readonly RegistryStatus[],
  {
    of = target,
    only = "all",
    json = false,
  }: { of?: Target; only?: "all" | "away"; json?: boolean },
): Promise<readonly string[]> {
  await using client = connect({ address: "tcp@127.0.0.1:1" });
  const { output, stderr, stdout } = keptOutput({ json });
  const tell = only === "away" ? tellAway : tellRegistries;
  await tell({ ...client, registries: () => all }, { target: of }, output);
  expect(stdout()).toBe("");
  return stderr() === "" ? [] : stderr().trimEnd().split("\n");
}

const away = ["away       http://c:9999 gives no list: connection refused"];
const late = ["away       http://b:9999 gives no list: it has not answered yet"];

test.each<[string, readonly RegistryStatus[], Target, readonly string[]]>([
  ["all answer", [well, status("b")], target, []],
  ["one is down", [well, down], target, away],
  ["one is down, first", [down, well], target, away],
  ["one is hung", [hung, well], target, late],
  ["two are away", [hung, well, down], target, [...late, ...away]],
  ["nobody answers, and the command fails for it", [hung, down], target, []],
  ["the only one is down", [down], target, []],
  ["addresses were named", [], { kind: "address", address: [] }, []],
  ["with a cache the log says why", [well, down, hung], { ...target, cache: "c" }, late],
])("%s", async (_name, all, of, lines) => {
  expect(await told(all, { of })).toEqual(lines);
  expect(await told(all, { of, only: "away" })).toEqual(lines);
});

test("warming and frozen are told of those that answer, by a list alone", async () => {
  const both = { warming: true, frozen: true };
  const all = [status("a", both), status("b", { frozen: true }), { ...down, ...both }];
  expect(await told(all, {})).toEqual([
    ...away,
    "warming    http://a:9999 started less than a lease ago, and need not know everybody yet",
    "frozen     http://a:9999 removes nobody, as too many fell silent at once",
    "frozen     http://b:9999 removes nobody, as too many fell silent at once",
  ]);
  expect(await told(all, { only: "away" })).toEqual(away);
});

test("programs get an object for each", async () => {
  const lines = await told([status("a", { warming: true }), down], { json: true });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      event: "away",
      registry: "http://c:9999",
      why: "registry http://c:9999/_geerpc_/registry: connection refused",
    },
    { event: "warming", registry: "http://a:9999" },
  ]);
});
