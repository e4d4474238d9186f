// The process that reads TypeScript source: one request on stdin, one answer on stdout, both JSON.
// It loads TypeScript, which nothing else does, and runs nothing of what it reads.

import { GeeError } from "../base/errors.ts";
import { type ChildAnswer, parseRequest, type ReadModule } from "./child-messages.ts";
import { DiskHost } from "./disk-host.ts";
import { embeddedLibrary } from "./embedded-library.ts";
import { extractInterfaces, extractModules, readMarks } from "./extract.ts";
import type { SourceHost } from "./host.ts";
import { libFile } from "./lib-files.ts";
import { rollUpLibrary } from "./roll-up.ts";

function marks(paths: readonly string[], host: SourceHost, why?: string): ReadModule[] {
  return readMarks(paths, host).map((module) => ({ module, why }));
}

/** When the checker fails, each module is tried by itself; the one at fault gives its marks alone. */
function contracts(paths: readonly string[], host: SourceHost): ReadModule[] {
  try {
    return extractModules(paths, host).map((module) => ({ module }));
  } catch (thrown) {
    if (paths.length > 1) return paths.flatMap((path) => contracts([path], host));
    return marks(paths, host, GeeError.from(thrown).message);
  }
}

/** Carries out a request from outside. @throws whatever keeps it from an answer */
export function answer(value: unknown): ChildAnswer {
  const { mode, paths } = parseRequest(value);
  const library = (): string => embeddedLibrary ?? rollUpLibrary();
  const host = new DiskHost({ libFile, library });
  const modules = (): readonly ReadModule[] => {
    switch (mode) {
      case "contracts":
        return contracts(paths, host);
      case "marks":
        return marks(paths, host);
      case "interfaces":
        return paths.map((path) => ({ module: extractInterfaces(path, host) }));
      case "library":
        return [];
    }
  };
  return {
    modules: modules(),
    inputs: host.inputs(),
    ...(mode === "library" ? { library: library() } : {}),
  };
}

/** The whole life of the child. Returns its exit code. */
export async function runChild(): Promise<number> {
  await Bun.write(Bun.stdout, JSON.stringify(answer(await Bun.stdin.json())));
  return 0;
}

if (import.meta.main) process.exit(await runChild());
