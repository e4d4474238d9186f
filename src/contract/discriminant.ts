import type { Member, Members } from "./members.ts";
import { isNamedByObjects } from "./values.ts";

/** An object among the members of a type. */
export type ObjectMember = Member & { readonly kind: "object" };

/** A field by whose value one of several objects is told from the others. */
export interface Discriminant {
  readonly name: string;
  readonly branches: ReadonlyMap<unknown, ObjectMember>;
}

/** The values that a field can have, when they are few and written down. */
function valuesOf(members: readonly Member[]): readonly unknown[] | undefined {
  const values: unknown[] = [];
  for (const member of members) {
    if (member.kind === "literal") values.push(member.value);
    else if (member.kind === "null") values.push(null);
    else if (member.kind === "boolean") values.push(true, false);
    else return undefined;
  }
  return values;
}

function branchesBy(
  name: string,
  members: Members,
  objects: readonly ObjectMember[],
): ReadonlyMap<unknown, ObjectMember> | undefined {
  const branches = new Map<unknown, ObjectMember>();
  for (const object of objects) {
    const field = object.fields.find((one) => one.name === name);
    if (field === undefined || field.optional === true) return undefined;
    const values = valuesOf(members.of(field.type));
    if (values === undefined || values.some((value) => branches.has(value))) return undefined;
    for (const value of values) branches.set(value, object);
  }
  return branches;
}

/** The first field that all objects have, each with other literals: `kind` of most unions. */
export function discriminantOf(
  members: Members,
  objects: readonly ObjectMember[],
): Discriminant | undefined {
  if (objects.length < 2) return undefined;
  for (const { name } of objects[0]?.fields ?? []) {
    // What every object has cannot tell them apart.
    if (isNamedByObjects(name)) continue;
    const branches = branchesBy(name, members, objects);
    if (branches !== undefined) return { name, branches };
  }
  return undefined;
}
