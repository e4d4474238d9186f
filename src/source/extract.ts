import ts from "typescript";
import type { ModuleContract, ServiceContract } from "../contract/contract.ts";
import { CompilerFiles, libraryPath } from "./compiler-host.ts";
import type { SourceHost } from "./host.ts";
import { followImports } from "./imports.ts";
import type { Imports } from "./imports.ts";
import { collectMarks, guessMarks, plainMarks } from "./marks.ts";
import type { Marks } from "./marks.ts";
import { Natives } from "./natives.ts";
import { isPlatform } from "./paths.ts";
import { createProgram } from "./programs.ts";
import { exportsOf, findServices } from "./service-finder.ts";
import { readInterfaces, readService } from "./service-reader.ts";
import { plainSettings, readSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";

export type { SourceHost } from "./host.ts";

/** A module that was asked for. */
interface Asked {
  readonly path: string;
  readonly imports: Imports;
}

/** The modules of one project, which are read together. */
interface Project {
  readonly settings: Settings;
  readonly asked: readonly Asked[];
}

function projectsOf(
  paths: readonly string[],
  host: SourceHost,
  files: CompilerFiles,
): readonly Project[] {
  const projects = new Map<string, { settings: Settings; asked: Asked[] }>();
  for (const path of new Set(paths)) {
    const settings = readSettings(path, host);
    let project = projects.get(settings.key);
    if (project === undefined) projects.set(settings.key, (project = { settings, asked: [] }));
    project.asked.push({ path, imports: importsOf(path, settings, files) });
  }
  return [...projects.values()];
}

function importsOf(path: string, settings: Settings, files: CompilerFiles): Imports {
  try {
    return followImports(path, settings, files);
  } catch {
    return { own: [path], lacksLibrary: false };
  }
}

/** A program of a project. What a tsconfig says may make the compiler stumble: then it says nothing. */
function programOf({ settings, asked }: Project, files: CompilerFiles): ts.Program | undefined {
  const paths = asked.map(({ path }) => path);
  const imports = {
    own: [...new Set(asked.flatMap((module) => module.imports.own))],
    lacksLibrary: asked.some((module) => module.imports.lacksLibrary),
  };
  for (const tried of [settings, plainSettings(paths[0] ?? "/")]) {
    try {
      return createProgram(paths, imports, tried, files);
    } catch {
      // The plain settings are next.
    }
  }
  return undefined;
}

/**
 * What the classes mark in all the source that a program has, without the language's own, and in the
 * project's files that it has not.
 */
function programMarks(program: ts.Program, own: readonly string[], files: CompilerFiles): Marks {
  const marks: Marks = new Map();
  for (const file of program.getSourceFiles()) {
    if (program.isSourceFileDefaultLibrary(file) || isPlatform(file.fileName)) continue;
    if (file.fileName === libraryPath) continue;
    collectMarks(file, marks);
  }
  const others = own.filter((path) => program.getSourceFile(path) === undefined);
  parseMarks(others, files, marks);
  return marks;
}

/** What the parser alone finds. */
function parseMarks(paths: readonly string[], files: CompilerFiles, marks: Marks): void {
  for (const path of paths) {
    if (!/\.[cm]?[jt]sx?$/.test(path)) continue;
    const text = files.read(path);
    if (text === undefined) continue;
    try {
      collectMarks(ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true), marks);
    } catch {
      guessMarks(text, marks);
    }
  }
}

function marksAlone(module: Asked, files: CompilerFiles): ModuleContract {
  const marks: Marks = new Map();
  const { own } = module.imports;
  parseMarks(own, files, marks);
  return { services: [], hidden: {}, marks: plainMarks(marks), files: own };
}

/** A module's exports; none for what is no module, or is not there. */
function moduleExports(path: string, program: ts.Program): ReadonlyMap<string, ts.Symbol> {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(path);
  const symbol = file === undefined ? undefined : checker.getSymbolAtLocation(file);
  return symbol === undefined ? new Map() : exportsOf(symbol, checker);
}

function readModule(
  module: Asked,
  program: ts.Program,
  natives: Natives,
  marks: ModuleContract["marks"],
): ModuleContract {
  const checker = program.getTypeChecker();
  const exported = moduleExports(module.path, program);
  const services: ServiceContract[] = [];
  const hidden: Record<string, readonly string[]> = {};
  for (const found of findServices(exported, checker)) {
    const service = readService(found, exported, checker, natives);
    if (service.contract !== undefined) services.push(service.contract);
    if (service.hidden !== undefined) hidden[found.name] = service.hidden;
  }
  return { services, hidden, marks, files: module.imports.own };
}

function readProject(project: Project, files: CompilerFiles): Map<string, ModuleContract> {
  const program = programOf(project, files);
  const read = new Map<string, ModuleContract>();
  if (program === undefined) {
    for (const module of project.asked) read.set(module.path, marksAlone(module, files));
    return read;
  }
  const natives = new Natives(program);
  const own = new Set(project.asked.flatMap((module) => module.imports.own));
  const marks = plainMarks(programMarks(program, [...own], files));
  for (const module of project.asked) {
    try {
      read.set(module.path, readModule(module, program, natives, marks));
    } catch {
      // The compiler gives up on some source. What is private stays so.
      read.set(module.path, marksAlone(module, files));
    }
  }
  return read;
}

/**
 * What modules promise, as the TypeScript checker reads them: one contract for each path, in their
 * order. Never throws for what stands in the source, nor for a path where there is nothing.
 */
export function extractModules(paths: readonly string[], host: SourceHost): ModuleContract[] {
  const files = new CompilerFiles(host);
  const read = new Map<string, ModuleContract>();
  for (const project of projectsOf(paths, host, files)) {
    for (const [path, module] of readProject(project, files)) read.set(path, module);
  }
  return paths.map((path) => read.get(path) ?? nothing(path));
}

function nothing(path: string): ModuleContract {
  return { services: [], hidden: {}, marks: {}, files: [path] };
}

/**
 * What the parser alone can say, without types: which methods are marked private or protected, by
 * class (`marks`), and which files belong to a module. There are no services and nothing is hidden.
 */
export function readMarks(paths: readonly string[], host: SourceHost): ModuleContract[] {
  const files = new CompilerFiles(host);
  return paths.map((path) => {
    return marksAlone({ path, imports: importsOf(path, readSettings(path, host), files) }, files);
  });
}

/**
 * Exported interfaces as services, for declarations as `gee types` prints them: each interface with
 * methods is a service of its name.
 */
export function extractInterfaces(path: string, host: SourceHost): ModuleContract {
  const files = new CompilerFiles(host);
  const settings = readSettings(path, host);
  const asked = { path, imports: importsOf(path, settings, files) };
  const empty = { services: [], hidden: {}, marks: {}, files: asked.imports.own };
  const program = programOf({ settings, asked: [asked] }, files);
  if (program === undefined) return empty;
  try {
    const exported = moduleExports(path, program);
    const checker = program.getTypeChecker();
    return { ...empty, services: readInterfaces(exported, checker, new Natives(program)) };
  } catch {
    return empty;
  }
}
