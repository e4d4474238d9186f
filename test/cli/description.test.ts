import { expect, test } from "bun:test";
import type { DescribeInvocation } from "../../src/cli/describe-args.ts";
import { describeService } from "../../src/cli/description.ts";
import type { RunningService } from "../../src/cli/running-services.ts";
import { method, number, object, ref, service, string } from "../support/contracts.ts";
import { failureOf } from "../support/ends.ts";

const contract = service(
  [method("Sum", { a: number, b: number }, number), method("Save", { user: ref("User") })],
  { User: object({ name: string }), Unused: number },
);
const running: RunningService = {
  // A server may leave out what it says of a method.
  described: { name: "Foo", contract: "", methods: [] },
  contract,
  groups: [],
};

function asked(own: Partial<DescribeInvocation> = {}): DescribeInvocation {
  return {
    kind: "describe",
    service: "Foo",
    method: undefined,
    jsonSchema: false,
    target: { kind: "address", address: ["tcp@127.0.0.1:1"] },
    targetWords: [],
    timeoutMs: 1_000,
    ...own,
  };
}

test("people get text, programs a value", async () => {
  expect(await describeService(running, asked(), false)).toEqual({
    kind: "text",
    text: expect.stringContaining("Foo.Sum(a: number, b: number): number"),
  });
  const found = await describeService(running, asked({ method: "Sum" }), true);
  expect(found).toMatchObject({
    kind: "value",
    value: { service: "Foo", methods: [{ method: "Foo.Sum", example: "gee call Foo.Sum 1 2" }] },
  });
  // Who asked no registry does not know how many there are.
  expect(found).not.toHaveProperty("value.instances", 0);
});

test("of the contract, what the methods speak of comes along", async () => {
  const types = async (name: string): Promise<unknown> => {
    const found = await describeService(running, asked({ method: name }), true);
    return found.kind === "value" ? JSON.parse(JSON.stringify(found.value)).contract.types : {};
  };
  expect(await types("Sum")).toEqual({});
  expect(await types("Save")).toEqual({ User: contract.types["User"] });
});

test("a schema is JSON for people too", async () => {
  const one = asked({ method: "Sum", jsonSchema: true });
  const text = await describeService(running, one, false);
  const value = await describeService(running, one, true);
  expect(text.kind === "text" ? JSON.parse(text.text) : undefined).toEqual(
    value.kind === "value" ? value.value : "",
  );
});

test("a method that is not there is UNIMPLEMENTED, with the nearest one", async () => {
  const near = await failureOf(describeService(running, asked({ method: "sum_" }), false));
  expect([near.code, near.hint]).toEqual(["UNIMPLEMENTED", "did you mean Foo.Sum?"]);
  const far = await failureOf(describeService(running, asked({ method: "Xyzzy" }), false));
  expect(far.hint).toBe("gee describe Foo shows them");
});
