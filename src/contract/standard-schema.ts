/**
 * A schema of any library that keeps to Standard Schema, version 1 (zod, valibot, arktype and others):
 * what of it is used here.
 */
export interface StandardSchema {
  readonly "~standard": {
    readonly version: 1;
    /** The library's name. */
    readonly vendor: string;
    /** The value as it is from here on, or what is wrong with it; perhaps later. */
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
  };
}

/** What a {@link StandardSchema} says of a value. */
export type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  readonly message: string;
  /** Where, from the value on inwards; the value itself when it is left out. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Issues that are named; of the others their number is. */
const maxIssues = 5;

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** Whether a value is a {@link StandardSchema}. Some libraries' schemas are functions. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if (!isObject(value) || !("~standard" in value)) return false;
  const standard = value["~standard"];
  return (
    isObject(standard) &&
    "version" in standard &&
    standard.version === 1 &&
    "validate" in standard &&
    typeof standard.validate === "function"
  );
}

function keyText(key: unknown): string {
  if (typeof key === "number") return `[${key}]`;
  const text = String(key);
  if (typeof key === "symbol") return `[${text}]`;
  if (/^[A-Za-z_$][\w$]*$/.test(text)) return `.${text}`;
  return /^\d+$/.test(text) ? `[${text}]` : `[${JSON.stringify(text)}]`;
}

/**
 * What is wrong with a value, in one line: `root` is what the paths inside it begin with, `whole`
 * what it is called itself.
 */
export function issuesText(
  root: string,
  issues: readonly SchemaIssue[],
  whole: string = root,
): string {
  const told = issues.slice(0, maxIssues).map(({ message, path = [] }) => {
    const keys = path.map((part) => keyText(isObject(part) ? part.key : part));
    return `${keys.length === 0 ? whole : root}${keys.join("")}: ${message}`;
  });
  const more = issues.length - told.length;
  if (told.length === 0) return `${whole}: it does not fit`;
  return more === 0 ? told.join("; ") : `${told.join("; ")}; and ${more} more`;
}
