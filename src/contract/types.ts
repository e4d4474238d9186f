import type { NamedType, ServiceContract, Signature, TypeNode } from "./contract.ts";

/** The named types of a contract. */
export type Types = ServiceContract["types"];

/** The type that has a name, or undefined. Names come from outside, so only own fields count. */
export function namedType(types: Types, name: string): NamedType | undefined {
  return Object.hasOwn(types, name) ? types[name] : undefined;
}

/** The types right inside one, in their order; the one that a ref names is not inside it. */
export function innerTypes(type: TypeNode): readonly TypeNode[] {
  switch (type.kind) {
    case "array":
      return [type.items];
    case "tuple":
      return type.items.map((item) => item.type);
    case "object": {
      const fields = type.fields.map((field) => field.type);
      return type.rest === undefined ? fields : [...fields, type.rest];
    }
    case "union":
      return type.of;
    default:
      return [];
  }
}

/** The types in a signature: those of its parameters, then that of its result. */
export function signatureTypes(signature: Signature): readonly TypeNode[] {
  return [...signature.parameters.map((parameter) => parameter.type), signature.result];
}

/** The types in a service: those in the signatures of its methods, then those of its faults. */
export function serviceTypes(service: ServiceContract): readonly TypeNode[] {
  return [
    ...service.methods.flatMap((method) => method.signatures.flatMap(signatureTypes)),
    ...(service.faults ?? []).flatMap(({ details }) => (details === undefined ? [] : [details])),
  ];
}

/** The names of the types that can be reached from `roots`, each once, in the order of first sight. */
export function namesReached(types: Types, roots: Iterable<TypeNode>): ReadonlySet<string> {
  const names = new Set<string>();
  // Not by recursion: a chain of named types is as long as its author likes.
  const open = [...roots].reverse();
  for (let type = open.pop(); type !== undefined; type = open.pop()) {
    if (type.kind !== "ref") {
      open.push(...innerTypes(type).toReversed());
    } else if (!names.has(type.name)) {
      const named = namedType(types, type.name);
      if (named === undefined) continue;
      names.add(type.name);
      open.push(named.type);
    }
  }
  return names;
}
