import { readFileSync } from "node:fs";
import { limits } from "../base/limits.ts";

/** What a process may have where nobody says: the usual soft limit. */
const usualDescriptors = 1_024;
const leastConnections = 16;

/**
 * How many connections this process may hold: below its limit of file descriptors, because a
 * process that runs into that can no longer accept, open a file, or reach its registry.
 */
export function maxConnections(limitsText: () => string = readLimits): number {
  const found = /^Max open files\s+(\d+|unlimited)/m.exec(limitsText())?.[1];
  if (found === "unlimited") return limits.maxConnections;
  const descriptors = found === undefined ? usualDescriptors : Number(found);
  const room = descriptors - limits.reservedDescriptors;
  return Math.max(leastConnections, Math.min(limits.maxConnections, room));
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}
