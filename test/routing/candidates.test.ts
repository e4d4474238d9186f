import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { silentLog } from "../../src/base/log.ts";
import { type Member, memberAt } from "../../src/discovery/member.ts";
import { Candidates } from "../../src/routing/candidates.ts";
import { FakeClock } from "../support/clock.ts";
import { member } from "../support/scripted-registry.ts";

const plain = (name: string, changes: Partial<Member> = {}): Member => ({
  ...memberAt(parseAddress(`tcp@${name}:1`)),
  ...changes,
});

/** Who is asked for Foo, by the first letter of the host. */
function asked(...list: readonly Member[]): string {
  const candidates = new Candidates(new FakeClock(), silentLog, false);
  candidates.use(list);
  const found = candidates.of({ service: "Foo", to: undefined });
  expect(candidates.of({ service: "Foo", to: undefined })).toEqual(found);
  return found.map(({ address }) => address.replace(/^tcp@(host-)?/, "")[0]).join("");
}

const draining = { draining: true };
const idle = { weight: 0 };
const suspect = { state: "suspect" } as const;

test.each([
  ["all that are up", [member("a"), member("b")], "ab"],
  ["up before draining", [member("a", draining), member("b"), member("c", idle)], "b"],
  ["draining when nobody stays", [member("a", draining), member("b", idle)], "ab"],
  ["up before suspect", [member("a"), member("b", suspect)], "a"],
  ["draining before suspect", [member("a", draining), member("b", suspect)], "a"],
  ["suspect when nobody is up", [member("a", suspect), member("b", suspect)], "ab"],
  [
    "suspect when who is up serves something else",
    [member("a", { services: ["Bar"] }), member("b", suspect)],
    "b",
  ],
  [
    "a suspect that serves it before one of which nobody knows",
    [plain("x"), member("b", suspect)],
    "b",
  ],
  ["of those of which nobody knows, who is up", [plain("x"), plain("y", suspect)], "x"],
  ["else the suspects", [plain("y", suspect)], "y"],
  [
    "the same beside others",
    [member("a", { services: ["Bar"] }), plain("x"), plain("y", suspect)],
    "x",
  ],
] satisfies readonly (readonly [string, readonly Member[], string])[])(
  "asked first: %s",
  (_name, list, names) => {
    expect(asked(...list)).toBe(names);
  },
);

test("the one instance that is named is asked whatever its state", () => {
  const candidates = new Candidates(new FakeClock(), silentLog, false);
  const late = member("b", suspect);
  candidates.use([member("a"), late]);
  expect(candidates.of({ service: "Foo", to: late.id })).toEqual([late]);
});

test("who is suspect no more is asked with the next list", () => {
  const candidates = new Candidates(new FakeClock(), silentLog, false);
  const wanted = { service: "Foo", to: undefined };
  candidates.use([member("a"), member("b", suspect)]);
  expect(candidates.of(wanted)).toHaveLength(1);
  expect(candidates.use([member("a"), member("b")])).toBe(true);
  expect(candidates.of(wanted)).toHaveLength(2);
});
