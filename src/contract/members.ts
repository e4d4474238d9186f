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
  /** Weak, because whoever describes a wrong value asks for types that it made up. */
  readonly #known = new WeakMap<TypeNode, readonly Member[]>();

  constructor(types: Types) {
    this.#types = types;
  }

  /**
   * At least one, and the same array each time, also by another name. `unknown` is always alone, and
   * stands for a name that nothing is known of; `never` is alone too.
   */
  of(type: TypeNode): readonly Member[] {
    const named = this.#named(type);
    const known = this.#known.get(named);
    if (known !== undefined) return known;
    const members = reduce(this.#flat(named));
    this.#known.set(named, members);
    return members;
  }

  /** What a name, or a name for a name, stands for. One that stands for itself says nothing. */
  #named(type: TypeNode): TypeNode {
    const seen = new Set<string>();
    let at = type;
    while (at.kind === "ref") {
      if (seen.has(at.name)) return unknown;
      seen.add(at.name);
      at = namedType(this.#types, at.name)?.type ?? unknown;
    }
    return at;
  }

  /** Not by recursion: a chain of names is as long as its author likes. */
  #flat(type: TypeNode): readonly Member[] {
    const found: Member[] = [];
    const unions = new Set<TypeNode>();
    const open: TypeNode[] = [type];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const named = this.#named(next);
      if (named.kind !== "union") {
        if (named.kind !== "ref") found.push(named);
      } else if (!unions.has(named)) {
        // A union may hold itself, which adds nothing.
        unions.add(named);
        open.push(...named.of.toReversed());
      }
    }
    return found;
  }
}
