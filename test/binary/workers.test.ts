import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect, GeeError } from "../../src/index.ts";
import { eventually } from "../support/cluster.ts";
import { built, gee, start, startRegistry, type Running } from "../support/executable.ts";
import { folder } from "../support/folder.ts";

setDefaultTimeout(30_000);

/** What it serves depends on a file, so that it can be broken and made well again. */
const own = `
  import { existsSync, readFileSync } from "node:fs";
  export class Own {
    Answer(): string { return "first"; }
    async Until(path: string): Promise<number> {
      console.log("waits");
      while (!(await Bun.file(path).exists())) await Bun.sleep(5);
      return process.pid;
    }
  }
  if (existsSync("broken")) process.exit(9);
`;

/** What may not be done twice, and tells of each time that it is done. */
const till = `
  import { appendFileSync } from "node:fs";
  export class Till {
    async Pay(id: number): Promise<number> {
      appendFileSync("paid", id + "\\n");
      await Bun.sleep(10);
      return id;
    }
  }
`;

interface Till {
  Pay(id: number): Promise<number>;
}

/** The pids of the workers that were there first. */
function pids(supervisor: Running): readonly number[] {
  const { workers } = JSON.parse(supervisor.stdout());
  return workers.map(({ pid }: { readonly pid: number }) => pid);
}

/** Events of a supervisor that writes JSON, by name. */
function events(supervisor: Running, name: string): readonly Record<string, unknown>[] {
  const lines = supervisor.stderr().split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line)).filter(({ event }) => event === name);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A port that is free, as the next one is. */
function freePair(): number {
  const take = (port: number) => Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
  for (;;) {
    using first = take(0);
    try {
      take(first.port + 1).stop();
      return first.port;
    } catch {
      // Somebody has it: another pair.
    }
  }
}

describe.skipIf(!built)("gee server --workers", () => {
  test("one that is killed is off the list at once; one that crashes in a loop hurts nobody", async () => {
    await using place = await folder({ "own.ts": own });
    await using registry = await startRegistry();
    const words = ["server", "own.ts", "--workers", "2", "--registry", registry.url, "--json"];
    await using supervisor = start(words, { cwd: place.path });
    await supervisor.says(/"event":"registered"/);
    const listed = async (): Promise<readonly { readonly group: string }[]> =>
      JSON.parse((await gee(["list", "Own", "--registry", registry.url, "--json"])).stdout);
    const all = await listed();
    expect([all.length, new Set(all.map(({ group }) => group)).size]).toEqual([2, 1]);
    await place.write("broken", "");
    const [first = 0, second = 0] = pids(supervisor);
    process.kill(second, "SIGKILL");
    await eventually(async () => (await listed()).length === 1, "its withdrawal");
    await eventually(() => events(supervisor, "ended").length >= 3, "a loop");
    const call = ["call", "Own.Answer", "--registry", registry.url];
    expect((await gee(call)).stdout).toBe('"first"\n');
    const waits = events(supervisor, "ended").map(({ againInMs }) => Number(againInMs));
    expect(waits[2]).toBeGreaterThan(waits[0] ?? 0);
    expect(isAlive(first)).toBe(true);
    await Bun.file(`${place.path}/broken`).delete();
    await supervisor.says(/"event":"back"/);
    supervisor.kill("SIGTERM");
    expect(await supervisor.exited).toBe(0);
    expect(isAlive(first)).toBe(false);
    expect(await listed()).toEqual([]);
  });

  test("of the calls that a killed one had, none is done twice, and all others go on", async () => {
    await using place = await folder({ "till.ts": till });
    await using registry = await startRegistry();
    const words = ["server", "till.ts", "--workers", "2", "--registry", registry.url, "--json"];
    await using supervisor = start(words, { cwd: place.path });
    await supervisor.says(/"event":"registered"/);
    await using client = connect({ registry: registry.url });
    const service = client.service<Till>("Till");
    const paid: number[] = [];
    const lost: GeeError[] = [];
    let next = 0;
    const customer = async (): Promise<void> => {
      for (let id = next++; id < 600; id = next++) {
        try {
          paid.push(await service.Pay(id));
        } catch (error) {
          lost.push(GeeError.from(error));
        }
        if (id === 300) process.kill(pids(supervisor)[1] ?? 0, "SIGKILL");
      }
    };
    await Promise.all(Array.from({ length: 20 }, customer));
    const told = (await Bun.file(`${place.path}/paid`).text()).trim().split("\n").map(Number);
    expect(new Set(told).size).toBe(told.length);
    expect(paid.filter((id) => !told.includes(id))).toEqual([]);
    // At most those that it was working on, and each says so.
    expect([paid.length + lost.length, lost.length > 0, lost.length <= 20]).toEqual([
      600,
      true,
      true,
    ]);
    expect(new Set(lost.map(({ code, executed }) => `${code} ${executed}`))).toEqual(
      new Set(["UNAVAILABLE maybe"]),
    );
  });

  test("killed, it leaves workers that finish their calls, and then nobody", async () => {
    await using place = await folder({ "own.ts": own });
    const words = ["server", "own.ts", "--workers", "2", "--no-register", "--json"];
    await using supervisor = start(words, { cwd: place.path });
    await supervisor.says(/"workers"/);
    const { workers } = JSON.parse(supervisor.stdout());
    const at = ["--address", workers[1].address, "--timeout", "20s"];
    await using slow = start(["call", "Own.Until", `${place.path}/go`, ...at]);
    await supervisor.says(/^waits$/m);
    const [first = 0, second = 0] = pids({
      ...supervisor,
      stdout: () => JSON.stringify({ workers }),
    });
    supervisor.kill("SIGKILL");
    await eventually(() => !isAlive(first), "the end of the one with no calls");
    expect(isAlive(second)).toBe(true);
    await place.write("go", "");
    expect(await slow.exited).toBe(0);
    expect(slow.stdout()).toBe(`${second}\n`);
    await eventually(() => !isAlive(second), "the end of the other");
  });

  test("with a port of their own they are replaced too; a code that is broken stops at the first", async () => {
    await using place = await folder({ "own.ts": own });
    const port = freePair();
    const words = ["server", "own.ts", "--workers", "2", "--no-register", "--json"];
    await using supervisor = start([...words, "--listen", `127.0.0.1:${port}`], {
      cwd: place.path,
    });
    await supervisor.says(/"workers"/);
    const [first = 0, second = 0] = pids(supervisor);
    expect(JSON.parse(supervisor.stdout()).workers).toMatchObject(
      [port, port + 1].map((at) => ({ address: `tcp@127.0.0.1:${at}` })),
    );
    supervisor.kill("SIGHUP");
    await eventually(() => events(supervisor, "reloaded").length === 2, "both");
    expect([isAlive(first), isAlive(second)]).toEqual([false, false]);
    expect(events(supervisor, "reloaded")).toMatchObject(
      [port, port + 1].map((at) => ({ address: `tcp@127.0.0.1:${at}` })),
    );
    await place.write("broken", "");
    supervisor.kill("SIGHUP");
    await supervisor.says(/"event":"failed","worker":1/);
    const call = ["call", "Own.Answer", "--address", `tcp@127.0.0.1:${port + 1}`];
    expect((await gee(call)).stdout).toBe('"first"\n');
    // Also while one of them starts in vain, a stop is a clean end.
    supervisor.kill("SIGTERM");
    expect(await supervisor.exited).toBe(0);
  });

  test.each([
    ["0", "--workers is a whole number from 1 to 256, not"],
    ["1.5", "--workers is a whole number"],
    ["-1", "--workers is a whole number"],
    ["257", "--workers is a whole number"],
  ])("--workers %s is a mistake", async (count, message) => {
    const { code, stderr } = await gee(["server", "--workers", count]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
