import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { connectOptions, withNextStep } from "../../src/cli/connecting.ts";
import { keptOutput } from "../support/output.ts";

const registry = { kind: "registry", registry: ["http://a"] } as const;
const address = { kind: "address", address: ["tcp@a:1"] } as const;

test("a client is told of registries or of addresses, never of both", () => {
  const { output } = keptOutput();
  expect(connectOptions({ target: registry }, output)).toMatchObject({ registry: ["http://a"] });
  expect(connectOptions({ target: address }, output)).not.toHaveProperty("registry");
});

test("an error without a hint gets the next step, one with a hint keeps it", () => {
  const away = new GeeError("UNAVAILABLE", "x", { reason: "R", executed: "no" });
  expect(withNextStep(away, registry)).toMatchObject({
    code: "UNAVAILABLE",
    reason: "R",
    executed: "no",
    hint: "gee list shows what is registered",
  });
  expect(withNextStep(away, address).hint).toContain("gee server --listen");
  const known = new GeeError("UNAVAILABLE", "x", { hint: "known" });
  expect(withNextStep(known, registry)).toBe(known);
  const stream = new GeeError("FAILED_PRECONDITION", "x", {
    reason: "IS_A_STREAM",
    hint: "iterate it",
  });
  expect(withNextStep(stream, registry).hint).toContain("without --all");
  const unnamed = new GeeError("UNIMPLEMENTED", "x", { reason: "NO_SUCH_METHOD" });
  expect(withNextStep(unnamed, registry).hint).toContain("gee list");
  const unable = new GeeError("UNIMPLEMENTED", "x", { reason: "UNSUPPORTED_KEY" });
  expect(withNextStep(unable, registry)).toBe(unable);
  const other = new GeeError("INTERNAL", "x");
  expect(withNextStep(other, registry)).toBe(other);
});
