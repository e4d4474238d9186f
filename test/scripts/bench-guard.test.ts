import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BaselineError,
  readBaseline,
  thisMachine,
  unlike,
  writeBaseline,
} from "../../scripts/bench/baseline.ts";
import type { Baseline } from "../../scripts/bench/baseline.ts";
import { baselineOf } from "../../scripts/bench/guard.ts";
import type { GuardReport } from "../../scripts/bench/guard.ts";
import { guardExitCode, guardFoot, guardText } from "../../scripts/bench/guard-report.ts";
import type { GuardOptions } from "../../scripts/bench/guarding.ts";
import { parseOptions, UsageError } from "../../scripts/bench/options.ts";
import { isDecided, judge, looks, medianInterval } from "../../scripts/bench/verdict.ts";

const program = join(import.meta.dir, "../../scripts/bench.ts");

/** Ratios about a middle, a hundredth apart. */
function around(middle: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => middle + (index - (count - 1) / 2) / 100);
}

describe("the interval of a median", () => {
  test("is what the table of the sign test says", () => {
    const ranks = (count: number, wrong: number) => {
      const values = Array.from({ length: count }, (_, index) => index + 1);
      const { low, high } = medianInterval(values, wrong);
      return [low, high];
    };
    // Of 9 throws none are heads once in 512; of 10 at most one 11 times in 1,024.
    expect(ranks(9, 0.0125)).toEqual([1, 9]);
    expect(ranks(10, 0.05)).toEqual([2, 9]);
    expect(ranks(20, 0.05)).toEqual([6, 15]);
    expect(ranks(27, 0.0125)).toEqual([7, 21]);
  });

  test("has no bounds where there are too few values", () => {
    expect(medianInterval([1, 2, 3], 0.05)).toEqual({
      median: 2,
      low: Number.NEGATIVE_INFINITY,
      high: Number.POSITIVE_INFINITY,
    });
    expect(judge([])).toMatchObject({ verdict: "not decided" });
  });

  test("does not ask how far out an outlier is", () => {
    const values = around(1, 15);
    expect(medianInterval([...values.slice(1, -1), -1e9, 1e9], 0.05)).toEqual(
      medianInterval(values, 0.05),
    );
  });
});

describe("a verdict", () => {
  test("is there once the whole interval lies on one side of 1.05", () => {
    expect(judge(around(1, 9)).verdict).toBe("within");
    expect(judge(around(1.15, 9)).verdict).toBe("costs more");
    expect(judge(around(1.05, 9)).verdict).toBe("not decided");
    expect(judge(around(0.5, 9)).verdict).toBe("within");
  });

  test("is looked for at a few numbers of pairs, and after the last of them no more", () => {
    const [first = 0, second = 0] = looks;
    const last = looks.at(-1) ?? 0;
    expect(isDecided(around(1, first - 1))).toBe(false);
    expect(isDecided(around(1, first))).toBe(true);
    expect(isDecided(around(1, first + 1))).toBe(false);
    expect(isDecided(around(1.05, first))).toBe(false);
    expect(isDecided(around(1.05, second))).toBe(false);
    expect(isDecided(around(1.05, last))).toBe(true);
  });
});

function reportOf(name: string, ratios: readonly number[]): GuardReport {
  return { name, title: name, nowUs: 1.5, beforeUs: 1.25, ratios, ...judge(ratios) };
}

describe("the report", () => {
  const fine = reportOf("sum-64", around(1, 9));
  const dear = reportOf("object-64", around(1.2, 9));
  const open = reportOf("one", around(1.05, 27));

  test("names the row that costs more, and what is not decided is no failure", () => {
    expect([guardExitCode([fine]), guardExitCode([fine, open])]).toEqual([0, 0]);
    expect(guardExitCode([fine, dear, open])).toBe(1);
    const foot = guardFoot([fine, dear, open], 60);
    expect(foot).toContain("costs more than 5 %: object-64\n");
    expect(foot).toContain("not decided: one (");
    expect(guardFoot([fine], 60)).toBe("nothing costs more than 5 %\n60 s");
  });

  test("has a line of a terminal for each row", () => {
    expect(guardText(dear)).toContain("1.200   1.16 - 1.24     9  COSTS MORE");
    expect(guardText({ ...fine, savedUs: 12.34 })).toMatch(/within 5 % +12\.3 us$/);
    expect(guardText({ ...fine, savedUs: 12.34 }).length).toBeLessThan(120);
  });
});

describe("a baseline", () => {
  const machine = { cpu: "A", cores: 2, kernel: "6.1", bun: "1.4.5", id: "0123456789abcdef" };
  const commit = "0123456789".repeat(4);
  const baseline: Baseline = baselineOf(commit, [reportOf("sum-64", around(1, 9))], machine);

  function inFolder(what: (folder: string) => void): void {
    const folder = mkdtempSync(join(tmpdir(), "gee-guard-"));
    try {
      what(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  function refusal(file: string, now = machine): string {
    try {
      readBaseline(file, now);
    } catch (error) {
      if (error instanceof BaselineError) return error.message;
      throw error;
    }
    throw new Error("it was taken");
  }

  test("is read where it was written", () => {
    inFolder((folder) => {
      const file = join(folder, "baseline.json");
      writeBaseline(file, baseline);
      expect(readBaseline(file, machine)).toEqual(baseline);
      expect(baseline.rows).toEqual([{ name: "sum-64", cpuUs: 1.375 }]);
    });
  });

  test("is refused elsewhere, with all that differs and what to do instead", () => {
    inFolder((folder) => {
      const file = join(folder, "baseline.json");
      writeBaseline(file, baseline);
      const message = refusal(file, { ...machine, cpu: "B", cores: 4, bun: "1.4.6" });
      expect(message).toContain("  CPU: A then, B now\n  cores: 2 then, 4 now\n  Bun: 1.4.5 then");
      expect(message).toContain("bun run bench --guard --against 0123456789");
      expect(message).not.toContain("kernel");
      for (const fact of ["cpu", "cores", "kernel", "bun", "id"] as const) {
        const other = { ...machine, [fact]: fact === "cores" ? 3 : "another" };
        expect(unlike(machine, other)).toHaveLength(1);
      }
    });
  });

  test("is refused when it is something else", () => {
    inFolder((folder) => {
      const file = join(folder, "baseline.json");
      expect(refusal(file)).toContain("ENOENT");
      for (const text of ["", "[]", JSON.stringify({ ...baseline, commit: "--output=x" })]) {
        writeFileSync(file, text);
        expect(refusal(file)).toContain("is no baseline");
      }
      expect(() => writeBaseline(folder, baseline)).toThrow("--save: ");
    });
  });

  test("knows this machine again", () => {
    expect(unlike(thisMachine(), thisMachine())).toEqual([]);
    expect(thisMachine().id).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe("arguments", () => {
  function guardOf(...args: string[]): GuardOptions {
    const options = parseOptions(["--guard", ...args]);
    if (options === "help" || !("guard" in options)) throw new Error("no guard");
    return options.guard;
  }

  test("all rows unless some are named", () => {
    const names = (...args: string[]) => guardOf(...args).rows.map(({ row }) => row.name);
    expect(names()).toEqual(["sum-64", "sum-512", "object-64", "one", "bytes-64k"]);
    expect(names("--only", "sum,one")).toEqual(["sum-64", "sum-512", "one"]);
  });

  test("what makes no sense is refused", () => {
    const refused: readonly (readonly [readonly string[], string])[] = [
      [["--guard", "--only", "sum-64,idle"], '--guard has no row "idle"; it has sum-64'],
      [["--guard", "--save", "a", "--against", "b"], "--against and --save"],
      [["--guard", "--baseline", "a", "--against", "b"], "--against and --baseline"],
      [["--guard", "--quick"], "--quick is not of --guard"],
      [["--guard", "--rounds", "3"], "--rounds is not of --guard"],
      [["--against", "HEAD"], "--against is of --guard"],
      [["--save", "file"], "--save is of --guard"],
    ];
    for (const [args, message] of refused) {
      expect(() => parseOptions(args)).toThrow(message);
      expect(() => parseOptions(args)).toThrow(UsageError);
    }
  });

  test("what cannot be compared with ends with 2 and a line", async () => {
    const run = async (env: Record<string, string>, ...args: string[]) => {
      const child = Bun.spawn([process.execPath, program, "--guard", ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...env },
      });
      const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      return { exitCode: await child.exited, out, error: error.trim().split("\n")[0] };
    };
    // Without git on the PATH, or outside of what it looks after.
    const noGit = { GIT_DIR: join(tmpdir(), "no-such-folder") };
    expect(await run({}, "--against", "nonsense")).toMatchObject({
      exitCode: 2,
      out: "",
      error: expect.stringMatching(/^git (has no commit nonsense here|is not installed|.* failed)/),
    });
    expect(await run(noGit)).toMatchObject({
      exitCode: 2,
      error: expect.stringMatching(/^git (rev-parse|status) failed/),
    });
    expect(await run({ PATH: "/nowhere" })).toMatchObject({
      exitCode: 2,
      error: "git is not installed, and without it there is no commit to compare with",
    });
    expect(await run({}, "--baseline", "/nowhere")).toMatchObject({ exitCode: 2 });
  }, 30_000);
});
