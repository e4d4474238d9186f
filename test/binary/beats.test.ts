import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { silentLog } from "../../src/base/log.ts";
import type { Member } from "../../src/discovery/member.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { eventually } from "../support/cluster.ts";
import { built, gee, start, startRegistry, startServer } from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(40_000);

const leaseMs = 900;

/** Computes for so long, and lets nothing else run. */
const burner = `
  export class Burner {
    Burn(ms: number): number {
      const endAt = performance.now() + ms;
      let rounds = 0;
      while (performance.now() < endAt) rounds++;
      return Math.min(rounds, 1);
    }
  }
`;

/** Threads of a process that run code of their own. */
async function workersOf(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const names = tasks.map((task) => Bun.file(`/proc/${pid}/task/${task}/comm`).text());
  return (await Promise.all(names)).filter((name) => name === "Worker\n").length;
}

describe.skipIf(!built)("the thread that beats", () => {
  test("is in the executable: a busy server stays listed, and leaves when it stops", async () => {
    await using place = await folder({ "burner.ts": burner });
    await using registry = await startRegistry(["--lease", `${leaseMs}ms`]);
    // Started elsewhere than it was built: what the thread runs comes from the executable.
    const options = { cwd: place.path };
    await using server = await startServer(registry.url, ["burner.ts"], options);
    const client = createRegistryClient({ url: registry.url, log: silentLog });
    const listed = async (): Promise<Member | undefined> => (await client.list()).members[0];

    const words = ["call", "Burner.Burn", `${5 * leaseMs}`, "--address", server.address];
    const state = { over: false };
    const call = gee([...words, "--timeout", "30s"]).finally(() => (state.over = true));
    const seen: (Member | undefined)[] = [];
    while (!state.over) {
      seen.push(await listed());
      await Bun.sleep(20);
    }
    expect(await call).toMatchObject({ code: 0, stdout: "1\n" });
    expect([...new Set(seen.map((member) => member?.state))]).toEqual(["up"]);
    expect([...new Set(seen.map((member) => member?.weight))]).toEqual([1, 0]);
    await eventually(async () => (await listed())?.weight === 1, "its weight");

    server.kill("SIGTERM");
    await eventually(async () => (await listed())?.state === "left", "its withdrawal");
    expect(await server.exited).toBe(0);
    expect(server.stderr()).not.toContain("warn");
  });

  test("is one, and none without a registry", async () => {
    await using registry = await startRegistry();
    await using announced = await startServer(registry.url);
    await using alone = start(["server", "--no-register"]);
    await alone.says(/^server /m);
    expect([await workersOf(announced.pid), await workersOf(alone.pid)]).toEqual([1, 0]);
  });
});
