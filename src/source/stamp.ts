import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { contentHash, readBytes } from "./inputs.ts";
import { executableStamp } from "./surroundings.ts";

/**
 * What reads contracts here, by its content: TypeScript and the files around it. With another one,
 * the same source may give another contract. From source it is taken from disk; it is what the
 * build puts into the executable, too.
 */
export function sourceStamp(): string {
  const parts: string[] = [];
  const add = (path: string): void => {
    const file = readBytes(path);
    parts.push(file === undefined ? "" : contentHash(file.bytes));
  };
  for (const folder of ["../contract/", "./"]) {
    const path = fileURLToPath(new URL(folder, import.meta.url));
    for (const name of readdirSync(path).sort()) {
      parts.push(name);
      add(path + name);
    }
  }
  add(fileURLToPath(new URL("../package.json", import.meta.resolve("typescript"))));
  return contentHash(parts.join("\n"));
}

let stamp: string | undefined;

/** The stamp of what reads contracts for this process. */
export function ownStamp(): string {
  return (stamp ??= executableStamp ?? sourceStamp());
}
