import type { TypeNode } from "./contract.ts";
import { namedType } from "./types.ts";
import type { Types } from "./types.ts";

/** A type that is neither a name nor a choice. */
export type Member = Exclude<TypeNode, { readonly kind: "union" | "ref" }>;

const unknown: Member = { kind: "unknown" };
const never: Member = { kind: "never" };
const boolean: Member = { kind: "boolean" };

/** The kind of which a member is but one value or a part: `"a"` of string. */
function widerKind(member: Member): Member["kind"] | undefined {
  switch (member.kind) {
    case "literal": {
      const name = typeof member.value;
      return name === "string" || name === "number" || name === "boolean" ? name : undefined;
    }
    case "bigint-literal":
      return "bigint";
    case "template":
      return "string";
    default:
      return undefined;
  }
}

/** What makes two members the same without a look inside; undefined when that does not tell. */
function keyOf(member: Member): string | undefined {
  switch (member.kind) {
    case "literal":
      return `${typeof member.value} ${member.value}`;
    case "bigint-literal":
    case "template":
      return `${member.kind} ${member.text}`;
    case "bytes":
      return `bytes ${member.name}`;
    case "array":
    case "tuple":
    case "object":
      return undefined;
    default:
      return member.kind;
  }
}

/** Whether `true` and `false` are both there, which is the same as `boolean`. */
function mergeBooleans(members: readonly Member[]): readonly Member[] {
  const isFlag = (member: Member): boolean =>
    member.kind === "literal" && typeof member.value === "boolean";
  return members.filter(isFlag).length < 2
    ? members
    : [...members.filter((member) => !isFlag(member)), boolean];
}

function reduce(all: readonly Member[]): readonly Member[] {
  const open = all.find((member) => member.kind === "unknown");
  if (open !== undefined) return [open];
  const seen = new Set<string | Member>();
  const each = all.filter((member) => {
    if (member.kind === "never") return false;
    const key = keyOf(member) ?? member;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  const merged = mergeBooleans(each);
  const kinds = new Set(merged.map((member) => member.kind));
  const left = merged.filter((member) => {
    const wider = widerKind(member);
    return wider === undefined || !kinds.has(wider);
  });
  return left.length === 0 ? [never] : left;
}

/**
 * Types as the choices they are: names looked through, unions in unions taken apart, what says nothing
 * beside the rest left out. Two types that take the same values have the same members, but for the
 * insides of arrays, tuples and objects.
 */
export class Members {
  readonly #types: Types;
  readonly #known = new Map<TypeNode, readonly Member[]>();

  constructor(types: Types) {
    this.#types = types;
  }

  /**
   * At least one, and the same objects each time. `unknown` is always alone, and stands for a name
   * that nothing is known of; `never` is alone too.
   */
  of(type: TypeNode): readonly Member[] {
    const known = this.#known.get(type);
    if (known !== undefined) return known;
    const members = reduce(this.#flat(type));
    this.#known.set(type, members);
    return members;
  }

  /** Not by recursion: a chain of names is as long as its author likes. */
  #flat(type: TypeNode): readonly Member[] {
    const found: Member[] = [];
    const names = new Set<string>();
    const open: TypeNode[] = [type];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next.kind === "union") {
        open.push(...next.of.toReversed());
      } else if (next.kind === "ref") {
        // A union may name itself, which adds nothing.
        if (names.has(next.name)) continue;
        names.add(next.name);
        open.push(namedType(this.#types, next.name)?.type ?? unknown);
      } else {
        found.push(next);
      }
    }
    // A name that stands for nothing but itself.
    return found.length === 0 && names.size > 0 ? [unknown] : found;
  }
}
