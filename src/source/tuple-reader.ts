import ts from "typescript";
import type { TupleItem, TypeNode } from "../contract/contract.ts";
import { isTupleTarget } from "./shapes.ts";
import type { TypeReader } from "./type-reader.ts";

/** An element of a tuple, its type still to be read. */
export interface TupleElement {
  readonly type: ts.Type;
  readonly name: string | undefined;
  readonly optional: boolean;
  /** Any number of them. */
  readonly rest: boolean;
}

/** The elements of a tuple type. */
export function tupleElements(
  type: ts.TypeReference,
  checker: ts.TypeChecker,
): readonly TupleElement[] {
  const { target } = type;
  if (!isTupleTarget(target)) return [];
  return checker
    .getTypeArguments(type)
    .slice(0, target.elementFlags.length)
    .map((element, index): TupleElement => {
      const flags = target.elementFlags[index] ?? ts.ElementFlags.Required;
      const label = target.labeledElementDeclarations?.[index]?.name;
      // `...T` of a T that is not known yet: any number of what T is a list of.
      const isSpread = (flags & ts.ElementFlags.Variadic) !== 0;
      const items = isSpread ? checker.getIndexTypeOfType(element, ts.IndexKind.Number) : undefined;
      return {
        type: items ?? element,
        name: label !== undefined && ts.isIdentifier(label) ? label.text : undefined,
        optional: (flags & ts.ElementFlags.Optional) !== 0,
        rest: (flags & ts.ElementFlags.Variable) !== 0,
      };
    });
}

/** Reads a tuple. */
export function readTuple(type: ts.TypeReference, reader: TypeReader): TypeNode {
  return {
    kind: "tuple",
    items: tupleElements(type, reader.checker).map(
      ({ type: element, name, optional, rest }): TupleItem => ({
        type: reader.read(element, optional),
        ...(name === undefined ? {} : { name }),
        ...(optional ? { optional } : {}),
        ...(rest ? { rest } : {}),
      }),
    ),
  };
}
