import type { Parameter, ServiceContract, Signature, TypeNode } from "./contract.ts";
import { namedType } from "./types.ts";

/** Levels of objects in an example; what lies deeper is left out where it may be. */
const maxDepth = 4;

/** A day that every reader knows for an example. */
const exampleDate = "2000-01-01T00:00:00.000Z";

/**
 * Arguments to try a method with, as JSON holds them: numbers count up from 1, a text is the name of
 * its place, of a choice it is the first, what may be left out is left out. A date, which JSON does
 * not have, is its ISO text. A stream argument is a list of two items.
 */
export function exampleArguments(
  service: ServiceContract,
  { parameters }: Signature,
): readonly unknown[] {
  const made = new Example(service);
  // One that may be left out, before one that may not, has a place of its own.
  const last = parameters.findLastIndex(({ optional, rest }) => optional !== true && rest !== true);
  return parameters.slice(0, last + 1).map((parameter) => made.argument(parameter));
}

class Example {
  readonly #service: ServiceContract;
  #numbers = 0;

  constructor(service: ServiceContract) {
    this.#service = service;
  }

  argument({ name, type, stream }: Parameter): unknown {
    if (stream !== true) return this.#value(type, name, 0);
    return [this.#value(type, name, 0), this.#value(type, name, 0)];
  }

  #value(type: TypeNode, name: string, depth: number): unknown {
    switch (type.kind) {
      case "number":
      case "bigint":
        return ++this.#numbers;
      case "string":
        return name;
      case "template":
        return templateExample(type.text, ++this.#numbers);
      case "boolean":
        return true;
      case "literal":
        return type.value;
      case "bigint-literal":
        return Number(type.text);
      case "date":
        return exampleDate;
      case "nonprimitive":
        return {};
      case "unknown":
      case "null":
      case "undefined":
      case "never":
        return null;
      case "bytes":
        return [1, 2, 3];
      case "array":
        return depth > maxDepth ? [] : [this.#value(type.items, name, depth + 1)];
      case "tuple":
        return type.items
          .filter(({ optional, rest }) => optional !== true && rest !== true)
          .map((item) => this.#value(item.type, item.name ?? name, depth + 1));
      case "object":
        return Object.fromEntries(
          type.fields
            .filter((field) => field.optional !== true)
            .map((field) => [field.name, this.#value(field.type, field.name, depth + 1)]),
        );
      case "union":
        return this.#value(this.#choice(type.of, depth), name, depth);
      case "ref": {
        const named = namedType(this.#service.types, type.name);
        // A type that cannot be without itself has no example at all.
        return named === undefined || depth > 2 * maxDepth
          ? null
          : this.#value(named.type, name, depth + 1);
      }
    }
  }

  /** The first that says something; in the depth, the first that goes no deeper. */
  #choice(types: readonly TypeNode[], depth: number): TypeNode {
    const empty = ["null", "undefined", "never"];
    const telling = types.filter(({ kind }) => !empty.includes(kind));
    const deep = ["ref", "object", "array", "tuple"];
    const shallow = types.find(({ kind }) => !deep.includes(kind));
    if (depth >= maxDepth && shallow !== undefined) return shallow;
    return telling[0] ?? types[0] ?? { kind: "unknown" };
  }
}

/** A template literal type with something in its gaps. */
function templateExample(text: string, number: number): string {
  return text.replace(/^`|`$/g, "").replaceAll(/\$\{([^}]*)\}/g, (_gap, inner: string) => {
    const kind = inner.trim();
    return kind === "number" || kind === "bigint" ? `${number}` : kind === "boolean" ? "true" : "a";
  });
}
