import type { PlainKind, TypeNode } from "./contract.ts";
import { discriminantOf } from "./discriminant.ts";
import type { ObjectMember } from "./discriminant.ts";
import { Members } from "./members.ts";
import type { Member } from "./members.ts";
import {
  fitsAmong,
  fitsAny,
  fitsArray,
  fitsLater,
  fitsOnce,
  fitsOptional,
  fitsTuple,
  plainFits,
  ValueTable,
} from "./small-fits.ts";
import type { Fits } from "./small-fits.ts";
import type { Types } from "./types.ts";
import { bytesTests, fieldOf, isNamedByObjects, isPlainObject } from "./values.ts";

/** Inner types are made together with the outer ones so deep down, and from there when they are used. */
const maxEager = 64;

interface Made {
  readonly fits: Fits;
  /** It leads back to itself, or to something that does. */
  readonly loops: boolean;
}

interface FieldFits {
  readonly name: string;
  readonly fits: Fits;
  readonly isInherited: boolean;
  /** A choice is decided by what is cheap to see, before the rest is looked at. */
  readonly cost: number;
}

const isContainer = ({ kind }: Member): boolean =>
  kind === "object" || kind === "array" || kind === "tuple";

/** Makes functions that tell whether values are of the types of one contract, each type once. */
export class Fitting {
  readonly members: Members;
  readonly #known = new Map<Member, Made>();
  readonly #choices = new Map<readonly Member[], Made>();
  /** Those that are being made. */
  readonly #open = new Set<Member>();
  /** How often something was used that leads back to itself. */
  #loops = 0;

  constructor(types: Types) {
    this.members = new Members(types);
  }

  /** Undefined when every value fits. */
  of(type: TypeNode, optional?: boolean): Fits | undefined {
    const members = this.members.of(type);
    const [first] = members;
    if (first === undefined || first.kind === "unknown") return undefined;
    const fits =
      members.length === 1
        ? this.#member(first)
        : this.#keep(this.#choices, members, () => this.#choice(members));
    return optional === true ? fitsOptional(fits) : fits;
  }

  #keep<K>(known: Map<K, Made>, key: K, make: () => Fits): Fits {
    const before = known.get(key);
    if (before !== undefined) {
      if (before.loops) this.#loops += 1;
      return before.fits;
    }
    const loops = this.#loops;
    const fits = make();
    known.set(key, { fits, loops: this.#loops > loops });
    return fits;
  }

  #member(member: Member): Fits {
    if (!this.#known.has(member) && (this.#open.has(member) || this.#open.size >= maxEager)) {
      this.#loops += 1;
      return fitsLater(() => this.#member(member));
    }
    return this.#keep(this.#known, member, () => {
      this.#open.add(member);
      const fits = this.#make(member);
      this.#open.delete(member);
      return fits;
    });
  }

  #make(member: Member): Fits {
    switch (member.kind) {
      case "unknown":
        return () => true;
      case "template":
        return plainFits.string;
      case "literal":
        return fitsAmong([member.value]);
      case "bigint-literal":
        return /^-?\d+$/.test(member.text) ? fitsAmong([BigInt(member.text)]) : plainFits.bigint;
      case "bytes":
        return bytesTests[member.name];
      case "array":
        return fitsArray(this.of(member.items));
      case "tuple":
        return this.#tuple(member);
      case "object":
        return this.#object(member);
      default:
        return plainFits[member.kind];
    }
  }

  #tuple({ items }: Member & { readonly kind: "tuple" }): Fits {
    const each = items.map((item) => this.of(item.type, item.optional));
    const at = items.findIndex((item) => item.rest === true);
    const end = at < 0 ? items.length : at;
    return fitsTuple({
      head: each.slice(0, end),
      rest: at < 0 ? null : each[at],
      tail: each.slice(end + 1),
      needed: items.slice(0, end).filter((item) => item.optional !== true).length,
    });
  }

  #object(member: ObjectMember): Fits {
    const fields: FieldFits[] = [];
    for (const { name, type, optional } of member.fields) {
      const fits = this.of(type, optional);
      if (fits === undefined) continue;
      const cost = this.members.of(type).some(isContainer) ? 1 : 0;
      fields.push({ name, fits, isInherited: isNamedByObjects(name), cost });
    }
    fields.sort((a, b) => a.cost - b.cost);
    const named = new Set(member.fields.map(({ name }) => name));
    const rest = member.rest === undefined ? undefined : this.of(member.rest);
    // Hardly ever needed.
    let fitsOther: Fits | undefined;
    return (value, depth) => {
      if (!isPlainObject(value)) {
        fitsOther ??= this.#other(member);
        return fitsOther(value, depth);
      }
      for (const { name, fits, isInherited } of fields) {
        if (!fits(isInherited ? fieldOf(value, name) : value[name], depth)) return false;
      }
      if (rest === undefined) return true;
      for (const key of Object.keys(value)) {
        if (!named.has(key) && !rest(value[key], depth)) return false;
      }
      return true;
    };
  }

  /**
   * What is no plain object fits when it has what is asked for all the same: a list has a length.
   * `{}` asks for nothing and is everything but null and undefined.
   */
  #other({ fields, rest }: ObjectMember): Fits {
    const needed = fields
      .filter((field) => field.optional !== true)
      .map(({ name, type }) => ({ name, fits: this.of(type) }));
    const items = rest === undefined ? undefined : fitsArray(this.of(rest));
    const isOpen = fields.length === 0 && rest === undefined;
    return (value, depth) => {
      if (value === null || value === undefined) return false;
      if (needed.length === 0) return isOpen;
      const object: unknown = Object(value);
      if (typeof object !== "object" || object === null) return false;
      for (const { name, fits } of needed) {
        const isTheirs = isNamedByObjects(name) && !Object.hasOwn(object, name);
        if (isTheirs ? fits !== undefined : !(name in object)) return false;
        if (fits?.(Reflect.get(object, name), depth) === false) return false;
      }
      return items === undefined || !Array.isArray(value) || items(value, depth);
    };
  }

  #choice(members: readonly Member[]): Fits {
    const values: unknown[] = [];
    const kinds = new Set<PlainKind>();
    const others: Member[] = [];
    for (const member of members) {
      switch (member.kind) {
        case "literal":
          values.push(member.value);
          break;
        case "null":
          values.push(null);
          break;
        case "undefined":
        case "string":
        case "number":
        case "boolean":
        case "bigint":
          kinds.add(member.kind);
          break;
        default:
          others.push(member);
      }
    }
    const all: Fits[] = [...kinds].map((kind) => plainFits[kind]);
    if (values.length > 0) all.push(fitsAmong(values));
    if (others.length > 0) all.push(this.#others(others));
    return fitsAny(all);
  }

  #others(members: readonly Member[]): Fits {
    const loops = this.#loops;
    const objects = members.filter((member) => member.kind === "object");
    const discriminant = discriminantOf(this.members, objects);
    const tried =
      discriminant === undefined ? members : members.filter((one) => one.kind !== "object");
    const all = tried.map((member) => this.#member(member));
    if (discriminant !== undefined) {
      const { name, branches } = discriminant;
      const table = new ValueTable([...branches].map(([value, one]) => [value, this.#member(one)]));
      all.push((value, depth) => {
        if (!isPlainObject(value)) return false;
        const fits = table.get(value[name]);
        return fits !== undefined && fits(value, depth);
      });
    }
    const fits = fitsAny(all);
    const containers = tried.filter(isContainer).map(({ kind }) => kind === "object");
    const isOpen = containers.length > new Set(containers).size;
    return isOpen && this.#loops > loops ? fitsOnce(fits) : fits;
  }
}
