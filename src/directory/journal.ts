import type { Log } from "../base/log.ts";
import type { Mode } from "./lapses.ts";
import type { Change } from "./table-types.ts";

/** One line for what happened to a member; that one is forgotten matters to nobody. */
export function logChange(log: Log, { kind, address, id }: Change): void {
  const level = kind === "forgotten" ? "debug" : kind === "suspect" ? "warn" : "info";
  log[level](`member ${kind}`, { address, id });
}

/** One line for how the registry as a whole stands now. */
export function logMode(log: Log, mode: Mode): void {
  if (mode.kind === "warm") return log.info("warm: everybody had a lease to say hello");
  const { of, late, total } = mode;
  const fields = { of, late, total };
  if (mode.kind === "thawed") return log.warn("removals go on", fields);
  log.warn("removals stop, as too many fell silent at once", fields);
}
