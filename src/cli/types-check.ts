import { compareServices } from "../contract/compare.ts";
import type { ServiceContract } from "../contract/contract.ts";
import { counted } from "./describe-text.ts";
import type { Output } from "./output.ts";

/** One thing in which what runs is not what callers were built with. */
export interface Drift {
  readonly service: string;
  /** Undefined: the whole service. */
  readonly method: string | undefined;
  /** Whether callers that were built with it no longer fit. */
  readonly breaks: boolean;
  readonly text: string;
}

/** What differs, what breaks first. `before`: what callers were built with. */
export function driftOf(
  before: readonly ServiceContract[],
  now: readonly ServiceContract[],
): readonly Drift[] {
  const running = new Map(now.map((service) => [service.name, service]));
  const found: Drift[] = [];
  for (const service of before) {
    const { name } = service;
    const after = running.get(name);
    running.delete(name);
    if (after === undefined) {
      found.push({ service: name, method: undefined, breaks: true, text: `${name} is gone` });
      continue;
    }
    found.push(...compareServices(service, after).map((one) => ({ service: name, ...one })));
  }
  for (const name of running.keys()) {
    found.push({ service: name, method: undefined, breaks: false, text: `${name} is new` });
  }
  return [...found.filter(({ breaks }) => breaks), ...found.filter(({ breaks }) => !breaks)];
}

/**
 * Says what differs: what fails the check as data, what does not as talk. Returns the exit code: 1 when
 * something breaks, or with `exact` when anything differs.
 */
export async function tellDrift(
  file: string,
  drift: readonly Drift[],
  exact: boolean,
  output: Output,
): Promise<number> {
  const breaking = drift.filter(({ breaks }) => breaks);
  const fails = breaking.length > 0 || (exact && drift.length > 0);
  if (output.json) await output.value(drift);
  else if (fails) {
    const lines = drift.map(({ breaks, text }) => `${breaks ? "breaks" : "differs"}  ${text}`);
    await output.data(lines.join("\n"));
  }
  await output.talk(fails ? "drift" : "fits", verdict(file, drift, breaking.length, fails), {
    file,
    breaking: breaking.length,
    others: drift.length - breaking.length,
  });
  return fails ? 1 : 0;
}

function verdict(file: string, drift: readonly Drift[], breaking: number, fails: boolean): string {
  if (breaking > 0) {
    const what = counted(breaking, "difference");
    return `${file} no longer fits: ${what} break${breaking === 1 ? "s" : ""} its callers`;
  }
  if (fails) return `${file} still fits, but is not exact: ${counted(drift.length, "difference")}`;
  if (drift.length === 0) return `${file} fits`;
  const lines = drift.map(({ text }) => `  ${text}`);
  return [`${file} still fits; gee types would add:`, ...lines].join("\n");
}
