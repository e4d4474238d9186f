import { nearest } from "../base/names.ts";
import { isStandardSchema } from "../contract/standard-schema.ts";
import type { MethodOptions, ServiceOptions } from "../index.ts";
import { usageError } from "./usage.ts";

/** What a module's `gee` export says. */
export interface ModuleOptions {
  readonly methods: ServiceOptions;
  /** A line for each option that this version does not know. */
  readonly notes: readonly string[];
}

const known = ["idempotent", "timeoutMs", "concurrency", "schema"];

const noSchema = "is no Standard Schema, version 1";
const schemaHint =
  "schemas of zod, valibot and arktype are; of several arguments, an array with one each";

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads the export `gee` of a module: `{ Foo: { Sum: { idempotent: true, timeoutMs: 500 } } }`.
 * Whether the methods exist is for the server to say, which knows what it serves.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_OPTION, with the path of what is wrong
 */
export function parseModuleOptions(
  value: unknown,
  services: ReadonlySet<string>,
  file: string,
): ModuleOptions {
  const notes: string[] = [];
  const refuse = (path: string, why: string, hint?: string): never => {
    throw usageError(`${path} in ${file} ${why}`, { reason: "BAD_OPTION", hint });
  };
  const fields = (part: unknown, path: string): Readonly<Record<string, unknown>> =>
    isRecord(part) ? part : refuse(path, "is no object");

  const readSchema = (part: unknown, path: string): MethodOptions["schema"] => {
    if (part === undefined || isStandardSchema(part)) return part;
    const entries: readonly unknown[] = Array.isArray(part)
      ? part
      : refuse(path, noSchema, schemaHint);
    return entries.map((entry, index) =>
      entry === undefined || isStandardSchema(entry)
        ? entry
        : refuse(`${path}[${index}]`, noSchema, schemaHint),
    );
  };
  const readMethod = (part: unknown, path: string): MethodOptions => {
    const options = fields(part, path);
    const { idempotent, timeoutMs, concurrency } = options;
    for (const name of Object.keys(options)) {
      if (known.includes(name)) continue;
      const near = nearest(name, known);
      const meant = near === undefined ? "" : `; did you mean ${near}?`;
      notes.push(`${path}.${name} in ${file} is no option, ignored${meant}`);
    }
    if (idempotent !== undefined && typeof idempotent !== "boolean") {
      refuse(`${path}.idempotent`, "is true or false");
    }
    if (
      timeoutMs !== undefined &&
      !(typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs < Infinity)
    ) {
      refuse(`${path}.timeoutMs`, "is a number of milliseconds above 0");
    }
    if (
      concurrency !== undefined &&
      !(typeof concurrency === "number" && Number.isInteger(concurrency) && concurrency > 0)
    ) {
      refuse(`${path}.concurrency`, "is a whole number above 0");
    }
    const schema = readSchema(options["schema"], `${path}.schema`);
    return {
      ...(typeof idempotent === "boolean" ? { idempotent } : {}),
      ...(typeof timeoutMs === "number" ? { timeoutMs } : {}),
      ...(typeof concurrency === "number" ? { concurrency } : {}),
      ...(schema === undefined ? {} : { schema }),
    };
  };

  const methods: Record<string, Record<string, MethodOptions>> = {};
  for (const [service, part] of Object.entries(value === undefined ? {} : fields(value, "gee"))) {
    if (!services.has(service)) {
      const near = nearest(service, services);
      refuse(`gee.${service}`, "is for no service of that module", near && `did you mean ${near}?`);
    }
    const path = `gee.${service}`;
    methods[service] = Object.fromEntries(
      Object.entries(fields(part, path)).map(([method, entry]) => [
        method,
        readMethod(entry, `${path}.${method}`),
      ]),
    );
  }
  return { methods, notes };
}
