import type {
  MethodContract,
  Parameter,
  ServiceContract,
  Signature,
  TupleItem,
  TypeNode,
} from "./contract.ts";
import { namesReached, namedType, signatureTypes } from "./types.ts";

/** A JSON Schema, or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** What JSON Schema 2020-12 says of a method. */
export interface MethodSchema extends Schema {
  /** Of the list of arguments. */
  readonly parameters: Schema;
  /** Of the result, or of each item of a stream. */
  readonly result: Schema;
}

/**
 * A method as JSON Schema, draft 2020-12: `parameters` for the list of arguments, `result` for the
 * answer, both over the same `$defs`. Values are described as `gee call` shows them: bytes as base64,
 * a date as its ISO text, other typed arrays as lists, a bigint as a whole number. What is not known
 * is `{}`, and so is what a method without a signature takes and gives.
 */
export function methodSchema(service: ServiceContract, method: MethodContract): MethodSchema {
  const { signatures } = method;
  const names = namesReached(service.types, signatures.flatMap(signatureTypes));
  const defs = [...names].map((name): [string, Schema] => {
    const named = namedType(service.types, name);
    return [name, { ...described(named?.doc), ...schemaOf(named?.type ?? { kind: "unknown" }) }];
  });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `${service.name}.${method.name}`,
    ...described(method.doc),
    ...(method.deprecated === undefined ? {} : { deprecated: true }),
    parameters: anyOf(signatures.map(parametersSchema)),
    result: anyOf(signatures.map(({ result }) => schemaOf(result))),
    ...(signatures.some(({ stream }) => stream === true) ? { stream: true } : {}),
    ...(defs.length === 0 ? {} : { $defs: Object.fromEntries(defs) }),
  };
}

function described(doc: string | undefined): Schema {
  return doc === undefined || doc === "" ? {} : { description: doc };
}

/** Any of several, of which equal ones count once; of none nothing is known. */
function anyOf(schemas: readonly Schema[]): Schema {
  const different = [
    ...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values(),
  ];
  return different.length > 1 ? { anyOf: different } : (different[0] ?? {});
}

function parametersSchema({ parameters }: Signature): Schema {
  return listSchema(
    parameters.map(({ type, optional, rest, ...parameter }) => ({
      optional,
      rest,
      schema: parameterSchema(type, parameter),
    })),
  );
}

function parameterSchema(
  type: TypeNode,
  { name, doc, stream }: Pick<Parameter, "name" | "doc" | "stream">,
): Schema {
  const own = { title: name, ...described(doc) };
  return stream === true
    ? { ...own, type: "array", items: schemaOf(type), stream: true }
    : { ...own, ...schemaOf(type) };
}

interface Place {
  readonly schema: Schema;
  readonly optional: boolean | undefined;
  readonly rest: boolean | undefined;
}

/** A list by its places. Behind one that may repeat nothing can be told by its place any more. */
function listSchema(places: readonly Place[]): Schema {
  const repeated = places.findIndex(({ rest }) => rest === true);
  const fixed = repeated < 0 ? places : places.slice(0, repeated);
  const open = repeated < 0 ? [] : places.slice(repeated);
  const least = places.filter(({ optional, rest }) => optional !== true && rest !== true).length;
  return {
    type: "array",
    ...(fixed.length === 0 ? {} : { prefixItems: fixed.map(({ schema }) => schema) }),
    ...(repeated < 0 ? { maxItems: fixed.length } : { items: anyOf(open.map((p) => p.schema)) }),
    minItems: least,
  };
}

function tupleSchema(items: readonly TupleItem[]): Schema {
  return listSchema(
    items.map(({ type, name, optional, rest }) => ({
      optional,
      rest,
      schema: { ...(name === undefined ? {} : { title: name }), ...schemaOf(type) },
    })),
  );
}

function schemaOf(type: TypeNode): Schema {
  switch (type.kind) {
    case "unknown":
      return type.why === undefined ? {} : { $comment: type.why };
    case "string":
    case "number":
    case "boolean":
    case "null":
      return { type: type.kind };
    case "undefined":
      return { type: "null" };
    case "bigint":
      return { type: "integer" };
    case "date":
      return { type: "string", format: "date-time" };
    case "nonprimitive":
      return { type: ["object", "array"] };
    case "never":
      return { not: {} };
    case "template":
      return { type: "string", $comment: type.text };
    case "literal":
      return { const: type.value };
    case "bigint-literal":
      // As a number it might lose digits; JSON itself has no limit, and a pattern is for text.
      return { type: "integer", $comment: type.text };
    case "bytes":
      return type.name === "Uint8Array"
        ? { type: "string", contentEncoding: "base64" }
        : { type: "array", items: { type: type.name.startsWith("Big") ? "integer" : "number" } };
    case "array":
      return { type: "array", items: schemaOf(type.items) };
    case "tuple":
      return tupleSchema(type.items);
    case "object": {
      const required = type.fields.filter(({ optional }) => optional !== true);
      return {
        type: "object",
        properties: Object.fromEntries(
          type.fields.map(({ name, doc, type: field }) => [
            name,
            { ...described(doc), ...schemaOf(field) },
          ]),
        ),
        ...(required.length === 0 ? {} : { required: required.map(({ name }) => name) }),
        ...(type.rest === undefined ? {} : { additionalProperties: schemaOf(type.rest) }),
      };
    }
    case "union":
      return unionSchema(type.of);
    case "ref":
      return { $ref: `#/$defs/${type.name.replaceAll("~", "~0").replaceAll("/", "~1")}` };
  }
}

/** Literals of a union are one list of values. */
function unionSchema(types: readonly TypeNode[]): Schema {
  const values = types.flatMap((type) => (type.kind === "literal" ? [type.value] : []));
  const others = types.filter(({ kind }) => kind !== "literal").map(schemaOf);
  return anyOf([
    ...(values.length > 1 ? [{ enum: values }] : values.map((value) => ({ const: value }))),
    ...others,
  ]);
}
