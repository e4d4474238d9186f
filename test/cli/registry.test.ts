import { expect, test } from "bun:test";
import { parseArguments } from "../../src/cli/args.ts";
import { runRegistry } from "../../src/cli/registry.ts";
import { until } from "../support/clock.ts";
import { keptOutput, type KeptOutput } from "../support/output.ts";

function start(words: readonly string[], kept: KeptOutput): Promise<number> {
  const invocation = parseArguments(["registry", ...words], {});
  if (invocation.kind !== "registry") throw new Error("it is no registry");
  return runRegistry(invocation, kept.output);
}

test("a registry says where it is, answers there, and exits 0 on a signal", async () => {
  const kept = keptOutput({ json: true });
  const ended = start(["--listen", "127.0.0.1:0", "--lease", "1s"], kept);
  await until(() => kept.stdout().endsWith("\n"), "a line");
  const { url, leaseMs } = JSON.parse(kept.stdout());
  expect(leaseMs).toBe(1_000);
  const answer = await fetch(`${url}/_geerpc_/registry`);
  expect(answer.headers.get("X-Geerpc-Servers")).toBe("");
  process.emit("SIGTERM");
  expect(await ended).toBe(0);
  expect(JSON.parse(kept.stderr())).toEqual({ event: "stopping", signal: "SIGTERM" });
});

test("for people the line has the lease and the time that it took", async () => {
  const kept = keptOutput();
  const ended = start(["--listen", "127.0.0.1:0"], kept);
  await until(() => kept.stdout().endsWith("\n"), "a line");
  expect(kept.stdout()).toMatch(/^registry +http:\/\/127\.0\.0\.1:\d+ +lease 9s +\[[\d.]+ms\]\n$/);
  process.emit("SIGINT");
  expect(await ended).toBe(0);
});

test("beyond loopback it wants to be told that this is meant", () => {
  expect(start(["--listen", "0.0.0.0:0"], keptOutput())).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "INSECURE_BIND",
  });
});
