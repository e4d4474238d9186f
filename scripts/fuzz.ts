// Looks for inputs that our decoder reads otherwise than cbor-x does, and for streams of bytes that
// a session or a connection does not stand.
//
//   bun scripts/fuzz.ts [--inputs N] [--seed S]
//
// N random values, each also with its bytes changed, and a twentieth of N streams of mutated
// messages. Prints what it finds, with the least input that shows it, and then exits with 1.

import { parseArgs } from "node:util";
import { fuzzStreams } from "./fuzz/streams.ts";
import { fuzzValues } from "./fuzz/values.ts";
import type { Finding } from "./fuzz/values.ts";

/** One stream costs as much as so many values. */
const valuesPerStream = 20;
/** How far the heap may have grown when all is over. */
const maxGrownBytes = 64 * 1_048_576;

/** What a run found. */
export interface FuzzReport {
  readonly values: number;
  readonly streams: number;
  readonly findings: readonly Finding[];
}

function liveHeapBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed;
}

/** Runs both fuzzers. */
export async function fuzz(inputs: number, seed: number): Promise<FuzzReport> {
  const streams = Math.ceil(inputs / valuesPerStream);
  const ownKeys = Reflect.ownKeys(Object.prototype).length;
  // Once for what stays: code, caches, buffers.
  await fuzzStreams(seed, Math.min(streams, 500));
  const heapBytes = liveHeapBytes();
  const findings = [...fuzzValues(seed, inputs), ...(await fuzzStreams(seed, streams))];
  const whole = { hex: "", seed, index: -1 };
  const grownBytes = liveHeapBytes() - heapBytes;
  if (grownBytes > maxGrownBytes) {
    findings.push({ ...whole, what: `the heap has grown by ${grownBytes} bytes` });
  }
  if (Reflect.ownKeys(Object.prototype).length !== ownKeys) {
    findings.push({ ...whole, what: "Object.prototype was changed" });
  }
  return { values: inputs, streams, findings };
}

/** A count from the command line; undefined when it is none. */
function countOf(text: string): number | undefined {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= 0 && text !== "" ? number : undefined;
}

async function main(args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const { values } = parseArgs({
    args: [...args],
    options: { inputs: { type: "string" }, seed: { type: "string" } },
  });
  const inputs = countOf(values.inputs ?? "100000");
  const seed = countOf(values.seed ?? String(crypto.getRandomValues(new Uint32Array(1))[0]));
  if (inputs === undefined || seed === undefined) {
    console.error("usage: bun scripts/fuzz.ts [--inputs N] [--seed S]");
    return 2;
  }
  console.log(`seed ${seed}`);
  const report = await fuzz(inputs, seed);
  for (const { what, hex, index } of report.findings) {
    console.log(`finding: input ${index} of seed ${seed}: ${what}\n  ${hex}`);
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(
    `${report.findings.length} findings in ${report.values} values and ${report.streams} streams   [${seconds}s]`,
  );
  return report.findings.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
