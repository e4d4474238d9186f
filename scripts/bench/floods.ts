// A good client beside floods: what the tests of test/corpus measure, as figures.

import { PeerFailed } from "./processes.ts";
import { root } from "../steps.ts";

/** How a good client fared beside one flood. */
export interface FloodReport {
  readonly flood: string;
  readonly connections: number;
  /** The good client's. */
  readonly p99Ms: number;
  /** How many times its quiet value that is; at most 5 is to be reached. */
  readonly ratio: number;
}

const line = /^(\w+): p99 ([\d.]+) ms beside (\d+) connections, ([\d.]+) times/;

/** Reads the lines that the tests print. */
export function readFloods(text: string): readonly FloodReport[] {
  return text.split("\n").flatMap((printed) => {
    const [, flood = "", p99 = "", connections = "", ratio = ""] = line.exec(printed) ?? [];
    return flood === ""
      ? []
      : [
          {
            flood,
            connections: Number(connections),
            p99Ms: Number(p99),
            ratio: Number(ratio),
          },
        ];
  });
}

/** Runs the floods, with all their connections. @throws PeerFailed when a test fails */
export async function measureFloods(): Promise<readonly FloodReport[]> {
  const child = Bun.spawn([process.execPath, "test", "test/corpus/floods.test.ts"], {
    cwd: root,
    env: { ...process.env, GEE_LONG: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new PeerFailed(`the floods failed:\n${out}${err}`);
  return readFloods(out + err);
}

/** The floods as lines. */
export function floodText(floods: readonly FloodReport[]): string {
  return [
    "p99 of a good client beside a flood                                            floor",
    ...floods.map(({ flood, connections, p99Ms, ratio }) => {
      const what = `  ${flood}, ${connections} connections`.padEnd(34);
      const verdict = ratio <= 5 ? "reached" : "MISSED";
      return `${what}${p99Ms.toFixed(2).padStart(8)} ms   ${ratio.toFixed(1).padStart(5)} times the quiet value   <= 5  ${verdict}`;
    }),
  ].join("\n");
}
