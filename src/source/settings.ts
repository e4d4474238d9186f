import { dirname } from "node:path";
import ts from "typescript";
import type { SourceHost } from "./host.ts";

/** How modules of one project are read. */
export interface Settings {
  /** Two modules with the same key have the same settings. */
  readonly key: string;
  /** Where `types` are looked for, when no tsconfig says it. */
  readonly folder: string;
  /** Without the platform's names: neither `types` nor the DOM. */
  readonly options: ts.CompilerOptions;
  /** The type packages that the tsconfig names; undefined when it leaves them to TypeScript. */
  readonly types: readonly string[] | undefined;
  /** The declarations beyond the language's own that the tsconfig wants, or may want: the DOM. */
  readonly libs: readonly string[];
}

/** The language's own declarations. It is Bun that runs the source, whatever target it names. */
export const languageLib = "lib.esnext.d.ts";

const domLibs = ["lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"];

/** What a tsconfig may decide, as far as types go. */
const honoured: ReadonlySet<string> = new Set([
  ...["paths", "pathsBasePath", "baseUrl", "rootDirs", "typeRoots", "configFilePath"],
  ...["jsx", "jsxImportSource", "jsxFactory", "jsxFragmentFactory", "reactNamespace"],
  ...["experimentalDecorators", "noUncheckedIndexedAccess", "moduleSuffixes"],
]);

/** Whatever a tsconfig says: without strict null checks `string | null` would be read as string. */
/** Under which conditions Bun takes a package's exports, beside those that every import has. */
const ofBun = ["bun", "node"];

const forced: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowJs: true,
  checkJs: false,
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.Preserve,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  moduleDetection: ts.ModuleDetectionKind.Force,
  // Else every one of the language's declarations is looked for in every node_modules.
  libReplacement: false,
  noErrorTruncation: true,
  lib: [languageLib],
  types: [],
};

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

/** `paths` that would not make the compiler stumble. */
function goodPaths(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(
      ([pattern, targets]) => isTexts(targets) && pattern.split("*").length <= 2,
    )
  );
}

function readConfig(file: string, host: SourceHost): ts.CompilerOptions | undefined {
  try {
    const text = host.readFile(file);
    if (text === undefined) return undefined;
    const { config, error } = ts.parseConfigFileTextToJson(file, text);
    if (error !== undefined || typeof config !== "object" || config === null) return undefined;
    const parsed = ts.parseJsonConfigFileContent(
      config,
      {
        useCaseSensitiveFileNames: true,
        fileExists: (path) => host.fileExists(path),
        readFile: (path) => host.readFile(path),
        // Which files the project has is not asked: modules are named.
        readDirectory: () => [],
      },
      dirname(file),
      undefined,
      file,
    );
    return parsed.options;
  } catch {
    return undefined;
  }
}

/** The settings of the project that a module is in: those of the nearest tsconfig.json that parses. */
export function readSettings(path: string, host: SourceHost): Settings {
  const folder = dirname(path);
  const file = ts.findConfigFile(folder, (name) => host.fileExists(name));
  const config = file === undefined ? undefined : readConfig(file, host);
  if (file === undefined || config === undefined) return plainSettings(path);
  const options: ts.CompilerOptions = {};
  for (const [name, value] of Object.entries(config)) {
    if (honoured.has(name)) options[name] = value;
  }
  if (!goodPaths(options.paths ?? {})) delete options.paths;
  const conditions = isTexts(config.customConditions) ? config.customConditions : [];
  const libs = isTexts(config.lib)
    ? config.lib.filter((lib) => !lib.startsWith("lib.es"))
    : domLibs;
  return {
    key: file,
    folder: dirname(file),
    options: { ...options, ...forced, customConditions: [...ofBun, ...conditions] },
    types: isTexts(config.types) ? config.types : undefined,
    libs: libs.filter((lib) => host.libFile(lib) !== undefined),
  };
}

/** The settings of a module in a folder without a tsconfig.json. */
export function plainSettings(path: string): Settings {
  const folder = dirname(path);
  return {
    key: folder,
    folder,
    options: { ...forced, customConditions: [...ofBun] },
    types: undefined,
    libs: domLibs,
  };
}
