import type { ServiceContract, Signature, TypeNode } from "../contract/contract.ts";
import { keyText } from "../contract/type-text.ts";
import { namedType } from "../contract/types.ts";

/** A place in a signature that nothing is known of, and that nothing checks. */
export interface UnknownType {
  /** Such as `args[0] (user).photo`. */
  readonly place: string;
  /** Empty when nobody says. */
  readonly why: string;
}

/** A type that is that large is not taken apart to its end. */
const maxPlaces = 50;

/** Where a signature says `unknown`, each named type once. */
export function unknownTypes(
  service: ServiceContract,
  signature: Signature,
): readonly UnknownType[] {
  const found: UnknownType[] = [];
  const seen = new Set<string>();
  const look = (type: TypeNode, place: string): void => {
    if (found.length >= maxPlaces) return;
    switch (type.kind) {
      case "unknown":
        found.push({ place, why: type.why ?? "" });
        return;
      case "array":
        return look(type.items, `${place}[]`);
      case "tuple":
        return type.items.forEach((item, index) => look(item.type, `${place}[${index}]`));
      case "union":
        return type.of.forEach((one) => look(one, place));
      case "object":
        for (const { name, type: inner } of type.fields) look(inner, `${place}${fieldPath(name)}`);
        if (type.rest !== undefined) look(type.rest, `${place}[key]`);
        return;
      case "ref": {
        const named = namedType(service.types, type.name);
        if (named === undefined || seen.has(type.name)) return;
        seen.add(type.name);
        look(named.type, place);
      }
    }
  };
  signature.parameters.forEach(({ name, type }, index) => look(type, `args[${index}] (${name})`));
  look(signature.result, "result");
  return found;
}

function fieldPath(name: string): string {
  const key = keyText(name);
  return key === name ? `.${name}` : `[${key}]`;
}
