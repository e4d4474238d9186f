import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Beyond so many files a program is no longer looked through to its end. */
const maxFiles = 5_000;

const script = /\.[cm]?[jt]sx?$/;
const endings = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"];

/**
 * What a file imports, types included: what stands in quotes behind `from`, `import` or `require`. By
 * its text, because a file that does not compile is to be looked at as well; what stands in a comment
 * is no harm.
 */
const specifier = /\b(?:from|import|require)\s*\(?\s*(?:"([^"\n]+)"|'([^'\n]+)')/g;

/** The files that a program consists of, packages aside. */
export interface ImportedFiles {
  /** By real path, with their text; the modules that it begins with among them, if they are there. */
  readonly texts: ReadonlyMap<string, string>;
  /** What is imported and is not there: paths as they stand in the import, often without an extension. */
  readonly missing: ReadonlySet<string>;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function realFile(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? realpathSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** By hand, because Bun remembers of a file that was not there that it is not. */
function relativeFile(path: string): string | undefined {
  // A program may name what a compiler would make of a file.
  const source = path.replace(/\.([cm]?)js(x?)$/, ".$1ts$2");
  const candidates = [
    path,
    source,
    ...endings.flatMap((end) => [path + end, `${path}/index${end}`]),
  ];
  for (const candidate of candidates) {
    const file = realFile(candidate);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** The file of an import; undefined for packages and for what is not there. */
function resolved(wanted: string, importer: string): string | undefined {
  if (/^\.{0,2}\//.test(wanted)) return relativeFile(resolve(dirname(importer), wanted));
  try {
    const path = Bun.resolveSync(wanted, dirname(importer));
    return path.startsWith("/") && !path.includes("/node_modules/") ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Follows imports from some modules on: relative ones, and those that a `tsconfig.json` has names for. */
export function importedFiles(modules: readonly string[]): ImportedFiles {
  const texts = new Map<string, string>();
  const missing = new Set<string>();
  const open = [...modules];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (texts.has(path) || texts.size >= maxFiles) continue;
    const text = textOf(path);
    if (text === undefined) {
      missing.add(path);
      continue;
    }
    texts.set(path, text);
    if (!script.test(path)) continue;
    for (const [, inDouble, inSingle] of text.matchAll(specifier)) {
      const wanted = inDouble ?? inSingle ?? "";
      const file = resolved(wanted, path);
      if (file !== undefined) open.push(file);
      else if (/^\.{0,2}\//.test(wanted)) missing.add(resolve(dirname(path), wanted));
    }
  }
  return { texts, missing };
}
