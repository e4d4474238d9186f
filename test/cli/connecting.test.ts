import { expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { GeeError } from "../../src/base/errors.ts";
import { connectOptions, withNextStep } from "../../src/cli/connecting.ts";
import type { Target } from "../../src/cli/values.ts";
import { folder } from "../support/folder.ts";
import { keptOutput } from "../support/output.ts";

const registry = { kind: "registry", registry: ["http://a"] } as const;
const address = { kind: "address", address: ["tcp@a:1"] } as const;

test("a client is told of registries or of addresses, never of both", () => {
  const { output } = keptOutput();
  expect(connectOptions({ target: registry }, output)).toMatchObject({ registry: ["http://a"] });
  expect(connectOptions({ target: address }, output)).not.toHaveProperty("registry");
});

test("a cache and the token of a file are handed on", async () => {
  await using place = await folder();
  const tokenFile = await place.write("token", "s3cret\n");
  await chmod(tokenFile, 0o600);
  const { output } = keptOutput();
  const options = connectOptions({ target: { ...registry, cache: "c", tokenFile } }, output);
  expect(options).toMatchObject({ registry: ["http://a"], cache: "c", registryToken: "s3cret" });
  const plain = connectOptions({ target: registry }, output);
  expect(Object.keys(plain).sort()).toEqual(["log", "registry"]);
});

test("warnings are told to those whom they may concern", () => {
  const told = (target: Target, level?: "warn"): string => {
    const { output, stderr } = keptOutput();
    const { log } = connectOptions({ target }, output, level);
    log?.warn("a registry is away");
    log?.error("it is bad");
    return stderr();
  };
  expect([told(registry), told(address)]).toEqual(["error it is bad\n", "error it is bad\n"]);
  for (const text of [told({ ...registry, cache: "c" }), told(registry, "warn")]) {
    expect(text).toBe("warn a registry is away\nerror it is bad\n");
  }
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
