import { expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { GeeError } from "../../src/base/errors.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { runRegistry } from "../../src/cli/registry.ts";
import { until } from "../support/clock.ts";
import { folder } from "../support/folder.ts";
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

test("with tokens it answers those who show one, and with a store it says of which kind it is", async () => {
  await using place = await folder();
  const tokens = await place.write("tokens", "reader-0123456789 read\n");
  await chmod(tokens, 0o600);
  const kept = keptOutput({ json: true });
  const words = ["--token-file", tokens, "--store", `sqlite:${place.path}/registry.db`];
  const ended = start(["--listen", "127.0.0.1:0", ...words], kept);
  await until(() => kept.stdout().endsWith("\n"), "a line");
  const { url, store } = JSON.parse(kept.stdout());
  expect(store).toBe("sqlite");
  const statuses = await Promise.all(
    [{}, { authorization: "Bearer reader-0123456789" }].map(
      async (headers) => (await fetch(`${url}/_geerpc_/registry`, { headers })).status,
    ),
  );
  expect(statuses).toEqual([401, 200]);
  process.emit("SIGTERM");
  expect(await ended).toBe(0);
});

test.each([
  ["a token file that others may read", "reader-0123456789 read\n", 0o644, "others may read"],
  ["a line that makes no sense", "\nreader-0123456789 reads\n", 0o600, "/writers, line 2: "],
  ["no token in the file", "# nobody\n", 0o600, "/writers: there is none"],
])("with %s it does not start", async (_what, text, mode, message) => {
  await using place = await folder();
  const tokens = await place.write("writers", text);
  await chmod(tokens, mode);
  const kept = keptOutput();
  const error = await start(["--listen", "127.0.0.1:0", "--token-file", tokens], kept).then(
    () => undefined,
    (thrown: unknown) => GeeError.from(thrown),
  );
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", executed: "no" });
  expect(error?.message).toContain(message);
  expect(error?.message).not.toContain("reader-0123456789");
  expect(kept.stdout()).toBe("");
});

test("a store that nobody knows is wrong usage", async () => {
  const words = ["--listen", "127.0.0.1:0", "--store", "papyrus:scroll"];
  await expect(start(words, keptOutput())).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "BAD_STORE",
  });
});

test("beyond loopback it wants to be told that this is meant", () => {
  expect(start(["--listen", "0.0.0.0:0"], keptOutput())).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "INSECURE_BIND",
  });
});
