import { expect, test } from "bun:test";
import { policyNames } from "../../src/base/policy-name.ts";
import { policies } from "../../src/fleet/policies.ts";

test("every policy has a name, and every name a policy of its own", () => {
  expect(Object.keys(policies)).toEqual([...policyNames]);
  expect(new Set(Object.values(policies)).size).toBe(policyNames.length);
});
