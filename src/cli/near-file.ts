import { readdirSync } from "node:fs";
import { nearest } from "../base/names.ts";

/**
 * The file beside one that is not there that was likely meant, as a path like the one given. Of the
 * names in its folder only those are looked at that `fits` lets through. Undefined when none is near.
 */
export function nearFile(
  path: string,
  fits: (name: string) => boolean = () => true,
): string | undefined {
  const start = path.lastIndexOf("/") + 1;
  const [folder, name] = [path.slice(0, start), path.slice(start)];
  try {
    const near = nearest(name, readdirSync(folder === "" ? "." : folder).filter(fits));
    return near === undefined || near === name ? undefined : folder + near;
  } catch {
    return undefined;
  }
}

/** What to say beside "there is no such file". */
export function nearFileHint(path: string): string | undefined {
  const near = nearFile(path);
  return near === undefined ? undefined : `did you mean ${near}?`;
}
