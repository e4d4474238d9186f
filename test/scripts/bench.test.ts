import { floodText, readFloods } from "../../scripts/bench/floods.ts";
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseOptions, UsageError } from "../../scripts/bench/options.ts";
import type { Options } from "../../scripts/bench/options.ts";
import { reportRow } from "../../scripts/bench/report.ts";
import { isMoreBetter, rows } from "../../scripts/bench/rows.ts";
import type { PeerName } from "../../scripts/bench/rows.ts";
import { median, orderOfRound, quantile, ratioOf, spread } from "../../scripts/bench/statistics.ts";
import { floorsText, judgedOf, tableHead, tableLine } from "../../scripts/bench/table.ts";
import { HttpLine } from "../../scripts/bench/trials/http-line.ts";
import { skippedTrials, trialRows } from "../../scripts/bench/trials.ts";
import { isSameOrder, orderOf } from "../../scripts/bench/work.ts";

const program = join(import.meta.dir, "../../scripts/bench.ts");

function optionsOf(...args: string[]): Options {
  const options = parseOptions(args);
  if (options === "help" || "guard" in options) throw new Error("nothing is measured");
  return options;
}

describe("statistics", () => {
  test("the median is the middle one, or lies between the two", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(median([])).toBeNaN();
  });

  test("a quantile is a value that was there", () => {
    const sorted = Float64Array.from({ length: 101 }, (_, index) => index);
    expect([quantile(sorted, 0), quantile(sorted, 0.5), quantile(sorted, 0.99)]).toEqual([
      0, 50, 99,
    ]);
    expect(quantile(new Float64Array(0), 0.5)).toBeNaN();
  });

  test("the spread is a share of the median", () => {
    expect(spread([90, 100, 120])).toBeCloseTo(0.3);
    expect(spread([5])).toBe(0);
  });

  test("sides are compared round by round, so a slow machine does not show", () => {
    expect(ratioOf([100, 50, 20], [10, 5, 2])).toEqual({ median: 10, least: 10, greatest: 10 });
    expect(ratioOf([30, 10, 20], [10, 10, 10])).toEqual({ median: 2, least: 1, greatest: 3 });
  });

  test("every other round turns the order around", () => {
    const rounds = [0, 1, 2].map((round) => orderOfRound(["a", "b", "c"], round).join(""));
    expect(rounds).toEqual(["abc", "cba", "abc"]);
  });
});

describe("work", () => {
  test("the object has 200 bytes, and each caller its own", () => {
    expect(JSON.stringify(orderOf(0))).toHaveLength(200);
    expect(JSON.stringify(orderOf(511))).toHaveLength(200);
    expect(isSameOrder(orderOf(1), structuredClone(orderOf(1)))).toBe(true);
    expect(isSameOrder(orderOf(1), orderOf(2))).toBe(false);
  });

  test("any field that differs is seen", () => {
    const order = orderOf(1);
    const others = [
      { name: "" },
      { email: "" },
      { paid: false },
      { total: 0 },
      { tags: ["books", "gift"] },
      { tags: ["books", "gift", "us"] },
      { ship: { ...order.ship, zip: "" } },
      { at: "" },
    ];
    for (const other of others) expect(isSameOrder({ ...order, ...other }, order)).toBe(false);
  });
});

describe("arguments", () => {
  test("five rounds of every row unless something else is said", () => {
    expect(optionsOf()).toMatchObject({ rows, rounds: 5, longRounds: 3, windowMs: 400 });
    expect(optionsOf("--quick")).toMatchObject({ rows, rounds: 3, longRounds: 1, windowMs: 100 });
    expect(optionsOf("--rounds", "2", "--seconds", "0.5", "--json")).toMatchObject({
      rounds: 2,
      windowMs: 500,
      json: true,
    });
  });

  test("rows are named by how they begin", () => {
    const names = (...args: string[]): string[] => optionsOf(...args).rows.map(({ name }) => name);
    expect(names("--only", "sum")).toEqual(["sum-1", "sum-64", "sum-512"]);
    expect(names("--only", "latency,sum-64")).toEqual(["sum-64", "latency"]);
  });

  test("what makes no sense is refused, with what would", () => {
    const refused: readonly (readonly [readonly string[], string])[] = [
      [["--only", "som"], 'there is no row "som"; there are sum-1, sum-64'],
      [["--only", ""], "there is no row"],
      [["--rounds", "0"], '--rounds is "0"'],
      [["--rounds", "1.5"], "--rounds is a whole number"],
      [["--seconds", "soon"], '--seconds is "soon"'],
      [["--fast"], "--fast"],
    ];
    for (const [args, message] of refused) {
      expect(() => parseOptions(args)).toThrow(message);
      expect(() => parseOptions(args)).toThrow(UsageError);
    }
  });

  test("trials are named as rows are; one that cannot be run says why", () => {
    const { trials, rows: chosen } = optionsOf("--only", "registry");
    expect(trials.map(({ name }) => name)).toEqual([
      "registry-beats",
      "registry-watch",
      "registry-etcd",
    ]);
    expect(chosen).toEqual([]);
    const [memory, overload] = trialRows;
    if (memory === undefined || overload === undefined) throw new Error("there are no trials");
    const without = { ...overload, whyNot: () => "it is not installed" };
    expect(skippedTrials([memory, without])).toEqual([
      { what: "overload", why: "it is not installed" },
    ]);
    const etcd = trials.filter(({ name }) => name === "registry-etcd");
    expect(skippedTrials(etcd).length).toBe(Bun.which("etcd") === null ? 1 : 0);
  });

  test("every bound that is better still lies beyond the floor", () => {
    for (const { figure, floors } of rows) {
      for (const { bound, aim } of floors) {
        if (aim !== undefined) expect(aim > bound).toBe(isMoreBetter[figure]);
      }
    }
  });

  test("every row has floors for sides that it measures", () => {
    for (const row of rows) {
      const sides: readonly PeerName[] = ["gee", ...row.peers];
      expect(row.floors.filter(({ against }) => !sides.includes(against))).toEqual([]);
    }
  });
});

describe("report", () => {
  const run = (value: number) => ({
    value,
    p50Us: 1,
    p99Us: 2,
    serverCpuUs: undefined,
    clientCpuUs: undefined,
    calibrationMs: 4,
  });
  const reported = (name: string, runs: Partial<Record<PeerName, readonly number[]>>) => {
    const row = rows.find((own) => own.name === name);
    if (row === undefined) throw new Error(`there is no row ${name}`);
    const sides = (["gee", ...row.peers] as const).flatMap((peer) => {
      const values = runs[peer];
      return values === undefined ? [] : [[peer, values.map(run)] as const];
    });
    return reportRow({ row, runs: new Map(sides), connections: row.connections });
  };

  test("more calls a second are at least the floor", () => {
    const { comparisons } = reported("sum-64", { gee: [700, 500], go: [100, 100] });
    expect(comparisons).toEqual([
      {
        against: "go",
        ratio: { median: 6, least: 5, greatest: 7 },
        floor: 5.5,
        reached: true,
        aim: 8,
        aimReached: false,
      },
    ]);
  });

  test("is a line for each work, and a line for each bound", () => {
    const row = reported("sum-64", { gee: [700, 500], go: [100, 100], trpc: [50, 40] });
    const [, , , heads = ""] = tableHead({ bun: "1", cpu: "A", cores: 2, kernel: "6" }).split("\n");
    const line = tableLine(row);
    expect(line).toStartWith("Sum(1, 2), 64 in flight ");
    expect(line.indexOf("6.0x") + 4).toBe(heads.indexOf(" Go") + 3);
    expect(line.indexOf("13x") + 3).toBe(heads.indexOf("tRPC") + 4);
    expect(Math.max(...rows.map(({ title }) => title.length))).toBeLessThan(43);
    expect(heads.length).toBeLessThan(120);
    const idle = reported("idle", { gee: [2.5], tcp: [1.4] });
    const trial = {
      name: "call",
      title: "",
      figures: [
        { what: "told", unit: "ms", value: 3, rounds: [3] },
        { what: "held", unit: "ms", value: 3, rounds: [3], bound: 4, reached: true, aim: 2 },
      ],
    };
    const floods = [{ flood: "T1", connections: 2, p99Ms: 1, ratio: 6 }];
    const judged = judgedOf({ rows: [row, idle], trials: [trial], floods });
    expect(judged.map(({ what, reached, aimReached }) => [what, reached, aimReached])).toEqual([
      ["sum-64 / Go net/rpc", true, false],
      ["idle", false, false],
      ["call: held", true, undefined],
      ["floods: p99 beside T1, of the quiet one", false, undefined],
    ]);
    const text = floorsText(judged);
    expect(text).toContain("6.00 (5.00-7.00)  >= 5.5         reached  >= 8     missed\n");
    expect(text).toEndWith(
      "2 of 4 floors reached, 0 of 2 aims; missed: idle; floods: p99 beside T1, of the quiet one",
    );
    expect(floorsText([])).toBe("");
  });

  test("a latency is at most the bound, and so is what a connection holds", () => {
    const [latency] = reported("latency", { gee: [26], tcp: [20] }).comparisons;
    expect(latency).toMatchObject({ floor: 1.2, reached: false });
    const idle = reported("idle", { gee: [1.9], tcp: [1.4] }).comparisons;
    expect(idle).toMatchObject([
      { against: "gee", ratio: undefined, floor: 2, reached: true, aim: 1.6, aimReached: false },
      { against: "tcp", floor: undefined, reached: undefined },
    ]);
  });
});

/** Processes whose environment holds `marker`: whoever was started with it, and what they started. */
function processesWith(marker: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(marker);
    } catch {
      return false;
    }
  });
}

function benchFolders(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("gee-bench-"));
}

function start(marker: string, ...args: string[]) {
  return Bun.spawn([process.execPath, program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, GEE_BENCH_TEST: marker },
  });
}

describe("the program", () => {
  test("prints one document with every side, and leaves nothing behind", async () => {
    const marker = crypto.randomUUID();
    const folders = benchFolders();
    const args = ["--only", "object-64,latency", "--rounds", "1"];
    const child = start(marker, ...args, "--seconds", "0.1", "--json");
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(await child.exited, stderr).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ benchmark: "gee", rounds: 1, secondsPerRun: 0.1 });
    const lines: readonly { readonly name: string }[] = report.rows;
    expect(lines.map(({ name }) => name)).toEqual(["object-64", "latency"]);
    const [object] = report.rows;
    for (const peer of ["gee", "tcp", "websocket", "http"]) {
      expect(object.sides).toContainEqual({
        peer,
        value: expect.any(Number),
        spread: 0,
        p50Us: expect.any(Number),
        p99Us: expect.any(Number),
        serverCpuUs: expect.any(Number),
        clientCpuUs: expect.any(Number),
        runs: [expect.objectContaining({ calibrationMs: expect.any(Number) })],
      });
    }
    expect(object.comparisons).toContainEqual({
      against: "websocket",
      ratio: {
        median: expect.any(Number),
        least: expect.any(Number),
        greatest: expect.any(Number),
      },
      floor: 1.5,
      reached: expect.any(Boolean),
      aim: 3,
      aimReached: expect.any(Boolean),
    });
    expect(processesWith(marker)).toEqual([]);
    expect(benchFolders()).toEqual(folders);
  }, 60_000);

  test("ends its processes when it is interrupted", async () => {
    const marker = crypto.randomUUID();
    const child = start(marker, "--only", "object-64", "--seconds", "100");
    // Itself, and both ends of four sides.
    while (processesWith(marker).length < 9 && child.exitCode === null) await Bun.sleep(10);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    while (processesWith(marker).length > 0) await Bun.sleep(10);
  }, 60_000);

  test("says how it is used, and measures nothing then", async () => {
    const child = start(crypto.randomUUID(), "--only", "nothing");
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect([await child.exited, stdout]).toEqual([2, ""]);
    expect(stderr).toContain('there is no row "nothing"');
    expect(stderr).toContain("bun run bench [--quick]");
  });
});

describe("a connection of a registry's trial", () => {
  /** Answers all that comes with the same bytes, one at a time. */
  function answer(bytes: string): Bun.TCPSocketListener {
    return Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        async data(socket) {
          for (const byte of bytes) {
            socket.write(byte);
            await Bun.sleep(0);
          }
        },
      },
    });
  }

  test("answers are those of the requests in their order, whatever the chunks", async () => {
    const server = answer(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nfirst" +
        "HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n",
    );
    const line = new HttpLine(server.port);
    await line.open();
    expect(await Promise.all([line.ask("/a", "{}"), line.ask("/b")])).toEqual([
      { status: 200, body: "first" },
      { status: 404, body: "" },
    ]);
    line.close();
    server.stop(true);
  });

  test("who waits is told when the connection ends", async () => {
    const server = answer("");
    const line = new HttpLine(server.port);
    expect(() => line.ask("/")).toThrow("not connected");
    await line.open();
    const asked = line.ask("/");
    server.stop(true);
    expect(await asked.catch(String)).toBe("Error: the connection ended");
    expect(line.isOpen).toBe(false);
  });
});

test("floods are read from what their tests print", () => {
  const text =
    "T3: p99 2.32 ms beside 20 connections, 2.6 times the quiet 0.89 ms; server +15 MiB\n(pass)";
  const [flood] = readFloods(text);
  expect(flood).toEqual({ flood: "T3", connections: 20, p99Ms: 2.32, ratio: 2.6 });
  expect(floodText(readFloods(text))).toContain("<= 5  reached");
});
