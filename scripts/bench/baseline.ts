// A baseline on disk: which commit a change is held against, and on which machine that was measured.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, hostname, release } from "node:os";

/** A baseline that cannot be used here. The message says why. */
export class BaselineError extends Error {}

/** What figures depend on besides the code. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly bun: string;
  /** A hash of the machine's id, or of its name where it has none: it tells machines apart, no more. */
  readonly id: string;
}

/** What one row cost when the baseline was written. */
export interface BaselineRow {
  readonly name: string;
  readonly cpuUs: number;
}

/** What a baseline file holds, as JSON. */
export interface Baseline {
  readonly benchmark: "gee guard";
  readonly commit: string;
  readonly machine: Machine;
  readonly rows: readonly BaselineRow[];
}

function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() || hostname();
  } catch {
    return hostname();
  }
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    kernel: release(),
    bun: Bun.version,
    id: createHash("sha256").update(`gee guard ${machineId()}`).digest("hex").slice(0, 16),
  };
}

const titles: Readonly<Record<keyof Machine, string>> = {
  cpu: "CPU",
  cores: "cores",
  kernel: "kernel",
  bun: "Bun",
  id: "machine",
};

/** How one machine differs from another, a line for each fact; nothing where they are alike. */
export function unlike(then: Machine, now: Machine): readonly string[] {
  const facts = ["id", "cpu", "cores", "kernel", "bun"] as const;
  return facts
    .filter((fact) => then[fact] !== now[fact])
    .map((fact) => `${titles[fact]}: ${then[fact]} then, ${now[fact]} now`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMachine(value: unknown): value is Machine {
  return (
    isRecord(value) &&
    typeof value["cores"] === "number" &&
    [value["cpu"], value["kernel"], value["bun"], value["id"]].every(
      (fact) => typeof fact === "string",
    )
  );
}

function isRow(value: unknown): value is BaselineRow {
  return isRecord(value) && typeof value["name"] === "string" && typeof value["cpuUs"] === "number";
}

function isBaseline(value: unknown): value is Baseline {
  return (
    isRecord(value) &&
    value["benchmark"] === "gee guard" &&
    typeof value["commit"] === "string" &&
    /^[0-9a-f]{40,64}$/.test(value["commit"]) &&
    isMachine(value["machine"]) &&
    Array.isArray(value["rows"]) &&
    value["rows"].every(isRow)
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads a baseline that was written here. @throws BaselineError when there is none, when it is
 * something else, and when it is another machine's: then with all that differs
 */
export function readBaseline(file: string, now: Machine = thisMachine()): Baseline {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new BaselineError(
      `--baseline: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const baseline = parse(text);
  if (!isBaseline(baseline)) {
    throw new BaselineError(
      `--baseline: ${file} is no baseline (bun run bench --guard --save FILE)`,
    );
  }
  const differing = unlike(baseline.machine, now);
  if (differing.length === 0) return baseline;
  throw new BaselineError(
    [
      `--baseline: ${file} was written on another machine, or what it runs has changed since:`,
      ...differing.map((line) => `  ${line}`),
      `Figures of two machines say nothing about a change. Here, without the file:`,
      `  bun run bench --guard --against ${baseline.commit.slice(0, 10)}`,
    ].join("\n"),
  );
}

/** Writes a baseline. @throws BaselineError when the file cannot be written */
export function writeBaseline(file: string, baseline: Baseline): void {
  try {
    writeFileSync(file, `${JSON.stringify(baseline, null, 2)}\n`);
  } catch (error) {
    throw new BaselineError(`--save: ${error instanceof Error ? error.message : String(error)}`);
  }
}
