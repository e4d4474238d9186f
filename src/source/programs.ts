import ts from "typescript";
import { libraryPath } from "./compiler-host.ts";
import type { CompilerFiles } from "./compiler-host.ts";
import type { Imports } from "./imports.ts";
import { missingNames } from "./missing-names.ts";
import { languageLib } from "./settings.ts";
import type { Settings } from "./settings.ts";

/** The type packages that the project has: those that its tsconfig names, else all of them. */
function typePackages(settings: Settings, files: CompilerFiles): readonly string[] {
  if (settings.types !== undefined) return settings.types;
  const options = { ...settings.options };
  delete options.types;
  return ts.getAutomaticTypeDirectiveNames(options, files.lookup(settings.folder));
}

/** Those of the DOM's declarations that say something of a name that is missing. */
function wantedLibs(
  missing: ReadonlySet<string>,
  settings: Settings,
  files: CompilerFiles,
): readonly string[] {
  const words = [...missing].filter((name) => /^\w+$/.test(name));
  if (words.length === 0) return [];
  const declares = new RegExp(`^(?:declare \\w+|interface|type) (?:${words.join("|")})\\b`, "m");
  const isWanted = settings.libs.some((lib) => declares.test(files.lib(lib) ?? ""));
  return isWanted ? settings.libs : [];
}

/** Whether a source plainly needs the platform's types, so that it need not be found out. */
function isPlatforms(text: string | undefined): boolean {
  return text !== undefined && /\bfrom ["'](?:node:|bun["':])|\bBun\.|\bBuffer\b/.test(text);
}

/**
 * The program of some modules of one project. The platform's own types and the DOM's are in it only
 * when the source needs them: with both it takes three times as long.
 */
export function createProgram(
  paths: readonly string[],
  { own, lacksLibrary }: Imports,
  settings: Settings,
  files: CompilerFiles,
): ts.Program {
  const roots = lacksLibrary ? [...paths, libraryPath] : [...paths];
  const make = (types: readonly string[], libs: readonly string[]): ts.Program => {
    const options = { ...settings.options, types: [...types], lib: [languageLib, ...libs] };
    return ts.createProgram(roots, options, files.compilerHost(settings.folder));
  };
  const missingIn = (program: ts.Program): ReadonlySet<string> => {
    const sources = own.flatMap((path) => program.getSourceFile(path) ?? []);
    return missingNames(
      sources.filter(({ isDeclarationFile }) => !isDeclarationFile),
      program.getTypeChecker(),
    );
  };
  let types = own.some((path) => isPlatforms(files.read(path)))
    ? typePackages(settings, files)
    : [];
  let program = make(types, []);
  let missing = missingIn(program);
  if (missing.size > 0 && types.length === 0) {
    types = typePackages(settings, files);
    if (types.length > 0) {
      program = make(types, []);
      missing = missingIn(program);
    }
  }
  const libs = wantedLibs(missing, settings, files);
  return libs.length === 0 ? program : make(types, libs);
}
