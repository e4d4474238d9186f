import ts from "typescript";
import type { CompilerFiles } from "./compiler-host.ts";
import { packageOf } from "./paths.ts";
import type { Settings } from "./settings.ts";

/** More modules than this are not one person's program; the rest is not looked at. */
const maxFiles = 5_000;

/** What a module is made of. */
export interface Imports {
  /**
   * The module and the modules that it imports, directly or not, as far as they are the project's own:
   * by relative paths or by the tsconfig's. The module first, the others in the order of the imports.
   */
  readonly own: readonly string[];
  /** One of them imports "gee", which is not there: the library's own declarations are needed. */
  readonly lacksLibrary: boolean;
}

/** Follows a module's imports. */
export function followImports(path: string, settings: Settings, files: CompilerFiles): Imports {
  const { options, folder } = settings;
  const lookup = files.lookup(folder);
  const cache = ts.createModuleResolutionCache(folder, (name) => name, options);
  const own = new Set([path]);
  const home = packageOf(path);
  let lacksLibrary = false;
  // The set grows while it is walked.
  for (const file of own) {
    const text = files.read(file);
    if (text === undefined || file.endsWith(".json")) continue;
    for (const name of importsOf(text)) {
      const { resolvedModule } = ts.resolveModuleName(name, file, options, lookup, cache);
      if (resolvedModule === undefined) {
        lacksLibrary ||= name === "gee";
        continue;
      }
      const { resolvedFileName } = resolvedModule;
      if (packageOf(resolvedFileName) !== home || own.size >= maxFiles) continue;
      own.add(resolvedFileName);
      // Declarations say what the JavaScript beside them is, and that is what runs.
      const running = resolvedFileName.replace(/\.d\.([cm]?)ts$/, ".$1js");
      if (files.exists(running)) own.add(running);
    }
  }
  return { own: [...own], lacksLibrary };
}

function importsOf(text: string): string[] {
  try {
    return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  } catch {
    return [];
  }
}
