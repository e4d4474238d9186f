import { readFileSync } from "node:fs";
import type { SourceHost } from "../../src/source/host.ts";

const libFolder = new URL("../../node_modules/typescript/lib/", import.meta.url);
const libs = new Map<string, string | undefined>();

/** One of TypeScript's own declarations, from the package. */
export function libFile(name: string): string | undefined {
  if (!libs.has(name)) {
    let text: string | undefined;
    try {
      text = readFileSync(new URL(name, libFolder), "utf8");
    } catch {
      text = undefined;
    }
    libs.set(name, text);
  }
  return libs.get(name);
}

/** A machine that has these files, by their absolute paths, and nothing else. */
export function memoryHost(
  files: Readonly<Record<string, string>>,
  own: Partial<SourceHost> = {},
): SourceHost {
  const paths = Object.keys(files);
  const inside = (folder: string): string[] =>
    paths.filter((path) => path.startsWith(folder === "/" ? "/" : `${folder}/`));
  const host: SourceHost = {
    readFile: (path) => files[path],
    fileExists: (path) => path in files,
    directoryExists: (path) => inside(path).length > 0,
    getDirectories: (path) => {
      const names = inside(path).map((file) => file.slice(path.length).split("/").filter(Boolean));
      return [...new Set(names.flatMap(([name, more]) => (name && more ? [name] : [])))];
    },
    realpath: (path) => path,
    libFile,
  };
  // What it has of its own may be there only when it is asked for.
  return Object.defineProperties(host, Object.getOwnPropertyDescriptors(own));
}
