import { Fields, flag, list, record, text, word } from "../base/fields.ts";
import type { Parse } from "../base/fields.ts";
import { GeeError } from "../base/errors.ts";
import { bytesNames, plainKinds } from "./contract.ts";
import type {
  FaultContract,
  Field,
  MethodContract,
  ModuleContract,
  NamedType,
  Parameter,
  ServiceContract,
  Signature,
  TupleItem,
  TypeNode,
} from "./contract.ts";

const maxEntries = 20_000;
const maxNesting = 64;

const anyText = text(1_000_000, /^[^]*$/);
const name = text(1_024, /^[^]*$/);

type Names<K extends string> = { readonly [N in K]: Parse<unknown> };

/** Those fields that are there, each read: what is left out stays out. */
function optional<T extends Names<string>>(
  fields: Fields,
  parsers: T,
): { [N in keyof T]?: ReturnType<T[N]> };
function optional(fields: Fields, parsers: Names<string>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [field, parse] of Object.entries(parsers)) {
    const value = fields.may(field, parse);
    if (value !== undefined) found[field] = value;
  }
  return found;
}

function literal(value: unknown, path: string): string | number | boolean {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  throw new GeeError("INVALID_ARGUMENT", `${path}: it must be a string, a number or a boolean`, {
    executed: "no",
  });
}

const kinds = [
  "unknown",
  ...plainKinds,
  "template",
  "literal",
  "bigint-literal",
  "bytes",
  "array",
  "tuple",
  "object",
  "union",
  "ref",
] as const;

function typeAt(depth: number): Parse<TypeNode> {
  return (value, path) => {
    if (depth > maxNesting) {
      throw new GeeError("INVALID_ARGUMENT", `${path}: nested more than ${maxNesting} deep`, {
        executed: "no",
      });
    }
    const fields = new Fields(value, path);
    const inner = typeAt(depth + 1);
    const kind = fields.need("kind", word(...kinds));
    switch (kind) {
      case "unknown":
        return { kind, ...optional(fields, { why: anyText }) };
      case "template":
        return { kind, text: fields.need("text", anyText) };
      case "bigint-literal":
        return { kind, text: fields.need("text", anyText) };
      case "literal":
        return { kind, value: fields.need("value", literal) };
      case "bytes":
        return { kind, name: fields.need("name", word(...bytesNames)) };
      case "array":
        return { kind, items: fields.need("items", inner) };
      case "tuple":
        return { kind, items: fields.need("items", list(maxEntries, tupleItem(inner))) };
      case "union":
        return { kind, of: fields.need("of", list(maxEntries, inner)) };
      case "ref":
        return { kind, name: fields.need("name", name) };
      case "object":
        return {
          kind,
          fields: fields.need("fields", list(maxEntries, fieldOf(inner))),
          ...optional(fields, { rest: inner }),
        };
      default:
        return { kind };
    }
  };
}

const typeNode = typeAt(1);

function tupleItem(inner: Parse<TypeNode>): Parse<TupleItem> {
  return (value, path) => {
    const fields = new Fields(value, path);
    return {
      type: fields.need("type", inner),
      ...optional(fields, { name, optional: flag, rest: flag }),
    };
  };
}

function fieldOf(inner: Parse<TypeNode>): Parse<Field> {
  return (value, path) => {
    const fields = new Fields(value, path);
    return {
      name: fields.need("name", name),
      type: fields.need("type", inner),
      ...optional(fields, { optional: flag, doc: anyText }),
    };
  };
}

function parameter(value: unknown, path: string): Parameter {
  const fields = new Fields(value, path);
  return {
    name: fields.need("name", name),
    type: fields.need("type", typeNode),
    ...optional(fields, {
      optional: flag,
      rest: flag,
      stream: flag,
      default: anyText,
      doc: anyText,
    }),
  };
}

function signature(value: unknown, path: string): Signature {
  const fields = new Fields(value, path);
  return {
    parameters: fields.need("parameters", list(1_000, parameter)),
    result: fields.need("result", typeNode),
    ...optional(fields, { stream: flag }),
  };
}

function method(value: unknown, path: string): MethodContract {
  const fields = new Fields(value, path);
  return {
    name: fields.need("name", name),
    signatures: fields.need("signatures", list(1_000, signature)),
    ...optional(fields, { doc: anyText, deprecated: anyText, why: anyText }),
  };
}

function namedType(value: unknown, path: string): NamedType {
  const fields = new Fields(value, path);
  return { type: fields.need("type", typeNode), ...optional(fields, { doc: anyText }) };
}

function faultContract(value: unknown, path: string): FaultContract {
  const fields = new Fields(value, path);
  return {
    code: fields.need("code", name),
    reason: fields.need("reason", name),
    ...optional(fields, { details: typeNode }),
  };
}

/**
 * Reads the contract of a service from outside.
 *
 * @throws GeeError INVALID_ARGUMENT, naming the field
 */
export function parseServiceContract(value: unknown, path = "contract"): ServiceContract {
  const fields = new Fields(value, path);
  return {
    name: fields.need("name", name),
    methods: fields.need("methods", list(maxEntries, method)),
    types: fields.need("types", record(maxEntries, name, namedType)),
    ...optional(fields, { doc: anyText, faults: list(1_000, faultContract) }),
  };
}

/**
 * Reads what was found in a module.
 *
 * @throws GeeError INVALID_ARGUMENT, naming the field
 */
export function parseModuleContract(value: unknown, path = "module"): ModuleContract {
  const fields = new Fields(value, path);
  const names = record(maxEntries, name, list(maxEntries, name));
  return {
    services: fields.need("services", list(maxEntries, parseServiceContract)),
    hidden: fields.need("hidden", names),
    marks: fields.need("marks", names),
    files: fields.need("files", list(maxEntries, anyText)),
  };
}

/**
 * Reads what a client was built against: one contract, or several.
 *
 * @throws GeeError INVALID_ARGUMENT, naming the field
 */
export function parseContracts(value: unknown): readonly ServiceContract[] {
  const contracts = Array.isArray(value)
    ? list(maxEntries, parseServiceContract)(value, "contract")
    : [parseServiceContract(value, "contract")];
  const names = new Set<string>();
  for (const [index, contract] of contracts.entries()) {
    if (names.has(contract.name)) {
      throw new GeeError(
        "INVALID_ARGUMENT",
        `contract[${index}].name: ${contract.name} is there twice`,
        { executed: "no" },
      );
    }
    names.add(contract.name);
  }
  return contracts;
}
