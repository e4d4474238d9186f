import { GeeError } from "../base/errors.ts";

const unitMs: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/**
 * A duration as people write it, in milliseconds: `500ms`, `1.5s`, `5m`, `1h`. A number without a
 * unit is refused, because half of its readers take it for seconds; 0 needs none.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_DURATION
 */
export function parseDuration(text: string): number {
  const refuse = (why: string): never => {
    throw new GeeError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no duration: ${why}`, {
      reason: "BAD_DURATION",
      executed: "no",
      hint: "durations look like 500ms, 9s, 5m or 1h",
    });
  };
  if (text === "0") return 0;
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text);
  if (match === null) return refuse("it is not a number with a unit");
  const [, digits = "", unit = ""] = match;
  if (unit === "") return refuse("it has no unit");
  const factor = unitMs.get(unit);
  if (factor === undefined) return refuse(`there is no unit ${unit}, only ms, s, m, h and d`);
  const durationMs = Number(digits) * factor;
  return Number.isSafeInteger(Math.ceil(durationMs)) ? durationMs : refuse("it is too long");
}

function two(count: number): string {
  return String(count).padStart(2, "0");
}

/** Milliseconds for people: `1.4ms`, `320ms`, `1.2s`, `5m`, `2m05s`, `2h04m`, `9d`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 9.95) return `${Number(durationMs.toFixed(1))}ms`;
  if (durationMs < 999.5) return `${Math.round(durationMs)}ms`;
  if (durationMs < 59_950) return `${Number((durationMs / 1_000).toFixed(1))}s`;
  const seconds = Math.round(durationMs / 1_000);
  if (seconds < 3_600) {
    const rest = seconds % 60;
    return `${Math.floor(seconds / 60)}m${rest === 0 ? "" : `${two(rest)}s`}`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 2_880) {
    const rest = minutes % 60;
    return `${Math.floor(minutes / 60)}h${rest === 0 ? "" : `${two(rest)}m`}`;
  }
  return `${Math.floor(minutes / 1_440)}d`;
}
