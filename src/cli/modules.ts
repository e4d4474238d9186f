import { isServiceName } from "../base/names.ts";
import type { ServiceOptions } from "../index.ts";
import { constructorFailure, importModule, resolveModule } from "./load-module.ts";
import { parseModuleOptions } from "./module-options.ts";
import { usageError } from "./usage.ts";

/** What modules have to serve. */
export interface LoadedModules {
  readonly services: Readonly<Record<string, object>>;
  readonly methods: ServiceOptions;
  /** What a person should know, a line each: exports that are not served. */
  readonly notes: readonly string[];
}

/** An export that is to be served, before its class is made. */
interface Servable {
  /** The class or the instance that is exported. */
  readonly value: object;
  readonly constructor: Constructor;
  readonly make: () => object;
}

/** A service that was found, and where. */
interface Found extends Servable {
  readonly file: string;
}

type Constructor = new () => object;

/** Whether a value is made by `class`; only such functions have a fixed prototype. Not built-ins. */
function isClass(value: unknown): value is Constructor {
  if (typeof value !== "function") return false;
  const prototype = Object.getOwnPropertyDescriptor(value, "prototype");
  return prototype?.writable === false && !isNative(value);
}

function isNative(value: object): boolean {
  return /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(value));
}

function isErrorClass(value: Constructor): boolean {
  return value.prototype instanceof Error;
}

/** The class of a module's object; undefined for plain objects, arrays, maps and their like. */
function classOf(value: unknown): Constructor | undefined {
  if (typeof value !== "object" || value === null || value instanceof Error) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== "object" || prototype === null) return undefined;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, "constructor");
  const constructor: unknown = descriptor?.value;
  return isClass(constructor) ? constructor : undefined;
}

/** Whether a class has a method of its own; without one it is data, not a service. */
function hasMethods(constructor: Constructor): boolean {
  const own = Object.getOwnPropertyDescriptors(constructor.prototype);
  return Object.entries(own).some(
    ([name, { value }]) => name !== "constructor" && typeof value === "function",
  );
}

/** How an export is served, or why it is not (empty where its kind says enough). */
function serviceOf(value: unknown): Servable | string {
  if (isClass(value)) {
    if (isErrorClass(value)) return "an error class";
    if (value.length > 0) return "its constructor takes arguments";
    if (!hasMethods(value)) return "it has no methods of its own";
    return { value, constructor: value, make: () => new value() };
  }
  const constructor = classOf(value);
  if (typeof value !== "object" || value === null || constructor === undefined) return "";
  if (!hasMethods(constructor)) return "it has no methods of its own";
  return { value, constructor, make: () => value };
}

/** Under which name an export is served: its own, or for a default export that of the class. */
function serviceName(exported: string, constructor: Constructor, file: string): string {
  if (exported !== "default") {
    if (isServiceName(exported)) return exported;
    throw usageError(`${exported} of ${file} is no name for a service`, {
      reason: "BAD_MODULE",
      hint: "a letter, then up to 63 letters, digits or underscores",
    });
  }
  // Bun calls an anonymous default class "default".
  const { name } = constructor;
  if (name !== "default" && isServiceName(name)) return name;
  throw usageError(`the default export of ${file} has no name`, {
    reason: "BAD_MODULE",
    hint: "name the class, or export it by name: the name is the service's",
  });
}

/**
 * Loads modules and finds what they serve: every exported class whose constructor takes no argument
 * (made once, after all modules are loaded) and every exported instance of a class, by the name of
 * the export. Nothing is made when anything is wrong.
 *
 * @throws GeeError INVALID_ARGUMENT: unreadable, broken, nothing to serve, a name twice or unfit
 */
export async function loadModules(paths: readonly string[]): Promise<LoadedModules> {
  const files = [...new Set(paths.map(resolveModule))];
  const found = new Map<string, Found>();
  const methods: Record<string, ServiceOptions[string]> = {};
  const notes: string[] = [];
  for (const file of files) {
    const ignored: string[] = [];
    const own = new Set<string>();
    const exports = await importModule(file);
    for (const [exported, value] of exports) {
      if (exported === "gee") continue;
      const service = serviceOf(value);
      if (typeof service === "string") {
        ignored.push(service === "" ? exported : `${exported} (${service})`);
        continue;
      }
      const name = serviceName(exported, service.constructor, file);
      const before = found.get(name);
      // `export class Foo {}` and `export default Foo` are one service.
      if (before !== undefined && before.value === value) continue;
      if (before !== undefined) {
        throw usageError(`${name} is exported by ${before.file} and by ${file}`, {
          reason: "BAD_MODULE",
          hint: "each service has a name of its own",
        });
      }
      found.set(name, { file, ...service });
      own.add(name);
    }
    if (ignored.length > 0) notes.push(`${file}: not served: ${ignored.join(", ")}`);
    const options = parseModuleOptions(exports.get("gee"), own, file);
    Object.assign(methods, options.methods);
    notes.push(...options.notes);
  }
  if (found.size === 0) {
    throw usageError(`there is nothing to serve in ${files.join(", ")}`, {
      reason: "NOTHING_TO_SERVE",
      hint: "export a class with methods, such as: export class Foo { Sum(a: number, b: number) { return a + b } }",
    });
  }
  return { services: makeAll(found), methods, notes };
}

function makeAll(found: ReadonlyMap<string, Found>): Record<string, object> {
  return Object.fromEntries(
    [...found].map(([name, { file, make }]): [string, object] => {
      try {
        return [name, make()];
      } catch (thrown) {
        throw constructorFailure(file, name, thrown);
      }
    }),
  );
}
