import { expect, test } from "bun:test";
import { methodText, serviceText, type ShownMethod } from "../../src/cli/describe-text.ts";
import type { RunningService } from "../../src/cli/running-services.ts";
import type { MethodContract, ServiceContract } from "../../src/contract/contract.ts";
import type { DescribedMethod } from "../../src/contract/described.ts";
import { method, number, object, ref, service, string, unknown } from "../support/contracts.ts";

const hash = "9f2c1e0123456789";

function running(contract: ServiceContract, own: Partial<RunningService> = {}): RunningService {
  const described = { name: contract.name, hash, contract: "", methods: [] };
  return { described, contract, groups: [{ hash, instances: 3 }], ...own };
}

function shown(contract: MethodContract, own: Partial<DescribedMethod> = {}): ShownMethod {
  const { name } = contract;
  return {
    contract,
    described: { name, idempotent: false, answersStream: false, checked: true, ...own },
    example: { kind: "line", line: `gee call Foo.${name} 1 2` },
  };
}

const sum: MethodContract = {
  ...method("Sum", { a: number, b: number }, number),
  doc: "Adds two numbers.",
};
const foo = service([sum]);

test("a method is told in a few lines", () => {
  expect(methodText(running(foo), shown(sum, { idempotent: true }))).toBe(
    [
      "Foo.Sum(a: number, b: number): number",
      "  Adds two numbers.",
      "  timeout 10s   idempotent   3 instances   contract 9f2c1e",
      "  gee call Foo.Sum 1 2",
    ].join("\n"),
  );
});

test("options, other contracts and what is not checked are told", () => {
  const groups = [
    { hash, instances: 2 },
    { hash: undefined, instances: 1 },
  ];
  const text = methodText(
    running(foo, { groups }),
    shown(sum, { timeoutMs: 500, concurrency: 3, checked: false }),
  );
  expect(text).toContain(
    "  timeout 500ms   3 at once   arguments are not checked   3 instances, 1 with another contract   contract",
  );
  // Who asks an address knows of no others, and a stream has no limit.
  const lone = methodText(running(foo, { groups: [] }), shown(sum, { answersStream: true }));
  expect(lone).toContain("\n  contract 9f2c1e\n");
  const unread = running(foo, {
    described: { name: "Foo", contract: "", methods: [] },
    groups: [],
  });
  expect(methodText(unread, shown(sum))).toContain("contract unknown");
});

test("parameters, types, faults and what is unknown are told", () => {
  const save: MethodContract = {
    name: "Save",
    doc: "Keeps somebody.\n\nFor ever.",
    deprecated: "since 2.0",
    signatures: [
      {
        parameters: [
          { name: "user", type: ref("User"), doc: "who it is,\nwith a name" },
          { name: "by", type: { kind: "unknown", why: "a function cannot travel" } },
        ],
        result: unknown,
      },
      { parameters: [], result: number },
    ],
  };
  const contract: ServiceContract = {
    ...service([save], { User: object({ name: string }), Other: number }),
    faults: [
      { code: "NOT_FOUND", reason: "NO_USER", details: object({ id: number }) },
      { code: "ABORTED", reason: "LATE" },
    ],
  };
  const example = { kind: "none", why: "args[0]: expected Date, got string" } as const;
  expect(methodText(running(contract), { ...shown(save), example }).split("\n")).toEqual([
    "Foo.Save(user: User, by: unknown): unknown",
    "Foo.Save(): number",
    "  Keeps somebody.",
    "",
    "  For ever.",
    "  deprecated since 2.0",
    "  user  who it is,",
    "        with a name",
    "  args[1] (by) is unknown, and not checked: a function cannot travel",
    "  result is unknown, and not checked",
    "  User = { name: string }",
    "  throws NOT_FOUND NO_USER { id: number }",
    "  throws ABORTED LATE",
    "  timeout 10s   3 instances   contract 9f2c1e",
    "  a program can call it, a command line cannot: args[0]: expected Date, got string",
  ]);
});

test("a service is a block for each method, with what is not as usual", () => {
  const old: MethodContract = { name: "Old", signatures: [], why: "its source was not read" };
  const contract = { ...service([sum, old], { User: number }), doc: "Sums." };
  const methods = [
    shown(sum, { timeoutMs: 500 }),
    { ...shown(old, { checked: false }), example: undefined },
  ];
  expect(serviceText(running(contract), methods).split("\n")).toEqual([
    "Foo   2 methods   3 instances   contract 9f2c1e",
    "  Sums.",
    "",
    "Foo.Sum(a: number, b: number): number",
    "  Adds two numbers.",
    "  timeout 500ms",
    "  gee call Foo.Sum 1 2",
    "",
    "Foo.Old(...args: unknown[]): unknown",
    "  nothing is known of it: its source was not read",
    "  arguments are not checked",
  ]);
});

test("the types of all methods stand once, below them", () => {
  const methods = [method("A", { user: ref("User") }), method("B", { user: ref("User") })];
  const contract = service(methods, { User: object({ name: string }) });
  const text = serviceText(
    running(contract),
    methods.map((one) => shown(one)),
  );
  expect(text).toEndWith("\n\ntypes\n  User = { name: string }");
  expect(text.match(/User =/g)).toHaveLength(1);
});

test("a method without parameters has nothing to check", () => {
  const none = method("Now", {}, number);
  const text = methodText(running(service([none])), shown(none, { checked: false }));
  expect(text).not.toContain("not checked");
});

test("what a server says is shown, and does not reach the terminal as it is", () => {
  const evil = { ...sum, doc: "\u001b]0;title\u0007\u001b[2J\ttab" };
  const text = methodText(running(service([evil])), shown(evil));
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});
