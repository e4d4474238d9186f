import type { Field, TupleItem, TypeNode } from "./contract.ts";
import { typeHashes } from "./hash.ts";
import { Members } from "./members.ts";
import type { Member } from "./members.ts";
import { typeText } from "./signature.ts";
import { isIdentifier } from "./type-text.ts";
import type { Types } from "./types.ts";

/** Where one type does not fit another, and what stands there in each, as text. */
export interface Misfit {
  /** From the type's root: `.address.zip`, `[]` for the items of an array. */
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

const nothing = "nothing";
const maxText = 120;

function text(type: TypeNode): string {
  const whole = typeText(type);
  return whole.length <= maxText ? whole : `${whole.slice(0, maxText - 3)}...`;
}

function fieldPath(name: string): string {
  return isIdentifier(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

function isStructure(member: Member): boolean {
  return member.kind === "object" || member.kind === "array" || member.kind === "tuple";
}

const never: TypeNode = { kind: "never" };

/** A list by its places: those that are fixed, and what each one behind them may be. */
interface Places {
  readonly fixed: readonly TupleItem[];
  readonly rest: TypeNode | undefined;
}

function placesOf(member: Member & { readonly kind: "array" | "tuple" }): Places {
  if (member.kind === "array") return { fixed: [], rest: member.items };
  const repeated = member.items.findIndex(({ rest }) => rest === true);
  if (repeated < 0) return { fixed: member.items, rest: undefined };
  // Behind a part that repeats a place can no longer be told by its number.
  const behind = member.items.slice(repeated).map(({ type }) => type);
  return {
    fixed: member.items.slice(0, repeated),
    rest: behind.length === 1 ? behind[0] : { kind: "union", of: behind },
  };
}

/**
 * Whether every value of types on one side is a value of types on the other. Types that are unknown on
 * either side fit: nothing can be said of them.
 */
export class Fit {
  readonly #fromTypes: Types;
  readonly #toTypes: Types;
  readonly #from: Members;
  readonly #to: Members;
  /**
   * Pairs that are taken to fit, those that are being looked at included: a type that contains itself
   * fits unless something else in it does not. When a pair turns out not to fit, it goes, and with it
   * all that was found behind it, which may have been found by relying on it.
   */
  readonly #taken: (readonly [from: Member, to: Member])[] = [];
  readonly #index = new Map<Member, Set<Member>>();
  /** Pairs that do not fit, whatever else is taken to. */
  readonly #failed = new Map<Member, Map<Member, Misfit | "whole">>();

  constructor(fromTypes: Types, toTypes: Types) {
    this.#fromTypes = fromTypes;
    this.#toTypes = toTypes;
    this.#from = new Members(fromTypes);
    this.#to = new Members(toTypes);
  }

  /** Where `from` does not fit `to`, or `to` left out when it may be; undefined when it does. */
  misfit(from: TypeNode, to: TypeNode, mayLack = false): Misfit | undefined {
    // The same structure fits, however large it is.
    if (typeHashes(this.#fromTypes).of(from) === typeHashes(this.#toTypes).of(to)) return undefined;
    const choices = this.#to.of(to);
    if (choices.some(({ kind }) => kind === "unknown")) return undefined;
    for (const member of this.#from.of(from)) {
      if (mayLack && member.kind === "undefined") continue;
      const inner = this.#memberMisfit(member, choices);
      if (inner === "whole") return { path: "", from: text(from), to: text(to) };
      if (inner !== undefined) return inner;
    }
    return undefined;
  }

  /** Where one of the values' kinds fits none of the choices; `"whole"` when no place inside tells. */
  #memberMisfit(member: Member, choices: readonly Member[]): Misfit | "whole" | undefined {
    if (member.kind === "unknown" || member.kind === "never") return undefined;
    const inner: (Misfit | "whole")[] = [];
    for (const choice of choices) {
      const misfit = this.#pair(member, choice);
      if (misfit === undefined) return undefined;
      if (isStructure(member) && isStructure(choice)) inner.push(misfit);
    }
    // With one candidate the place inside it is what a person wants to know.
    return inner.length === 1 ? inner[0] : "whole";
  }

  #pair(from: Member, to: Member): Misfit | "whole" | undefined {
    if (this.#index.get(from)?.has(to) === true) return undefined;
    const known = this.#failed.get(from)?.get(to);
    if (known !== undefined) return known;
    const before = this.#taken.length;
    this.#take(from, to);
    const misfit = this.#inside(from, to);
    if (misfit !== undefined) {
      this.#forget(before);
      const failed = this.#failed.get(from) ?? new Map<Member, Misfit | "whole">();
      this.#failed.set(from, failed.set(to, misfit));
    }
    return misfit;
  }

  #take(from: Member, to: Member): void {
    this.#taken.push([from, to]);
    const known = this.#index.get(from);
    if (known === undefined) this.#index.set(from, new Set([to]));
    else known.add(to);
  }

  #forget(before: number): void {
    for (const [from, to] of this.#taken.splice(before)) this.#index.get(from)?.delete(to);
  }

  #inside(from: Member, to: Member): Misfit | "whole" | undefined {
    const fits = (isFit: boolean): "whole" | undefined => (isFit ? undefined : "whole");
    switch (from.kind) {
      case "literal":
        return fits(
          to.kind === typeof from.value || (to.kind === from.kind && to.value === from.value),
        );
      case "template":
        return fits(to.kind === "string" || (to.kind === from.kind && to.text === from.text));
      case "bigint-literal":
        return fits(to.kind === "bigint" || (to.kind === from.kind && to.text === from.text));
      case "bytes":
        return fits(to.kind === "nonprimitive" || (to.kind === from.kind && to.name === from.name));
      case "date":
        return fits(to.kind === "date" || to.kind === "nonprimitive");
      case "array":
      case "tuple":
        if (to.kind === "nonprimitive") return undefined;
        return to.kind === "array" || to.kind === "tuple"
          ? this.#listMisfit(placesOf(from), placesOf(to))
          : "whole";
      case "object":
        if (to.kind === "nonprimitive") return undefined;
        return to.kind === "object" ? this.#objectMisfit(from, to) : "whole";
      default:
        return fits(to.kind === from.kind);
    }
  }

  #listMisfit(from: Places, to: Places): Misfit | undefined {
    const count = Math.max(from.fixed.length, to.fixed.length);
    for (let index = 0; index < count; index++) {
      const path = `[${index}]`;
      const own = from.fixed[index];
      const wanted = to.fixed[index];
      const ownType = own?.type ?? from.rest;
      const wantedType = wanted?.type ?? to.rest;
      const mayLack = own === undefined || own.optional === true;
      if (wanted !== undefined && wanted.optional !== true && mayLack) {
        return { path, from: nothing, to: text(wanted.type) };
      }
      if (ownType === undefined) continue;
      if (wantedType === undefined) return { path, from: text(ownType), to: nothing };
      const misfit = this.misfit(ownType, wantedType, wanted?.optional === true);
      if (misfit !== undefined) return { ...misfit, path: `${path}${misfit.path}` };
    }
    if (from.rest === undefined) return undefined;
    if (to.rest === undefined) return { path: "[]", from: text(from.rest), to: nothing };
    const misfit = this.misfit(from.rest, to.rest);
    return misfit === undefined ? undefined : { ...misfit, path: `[]${misfit.path}` };
  }

  #objectMisfit(
    from: Member & { readonly kind: "object" },
    to: Member & { readonly kind: "object" },
  ): Misfit | undefined {
    const own = new Map(from.fields.map((field) => [field.name, field]));
    for (const wanted of to.fields) {
      const path = fieldPath(wanted.name);
      const field = own.get(wanted.name);
      if (field === undefined) {
        if (wanted.optional !== true) return { path, from: nothing, to: text(wanted.type) };
        // What is not named may still be there, when there are further fields.
        const misfit = from.rest === undefined ? undefined : this.misfit(from.rest, wanted.type);
        if (misfit !== undefined) return { ...misfit, path: `${path}${misfit.path}` };
        continue;
      }
      const misfit = this.#fieldMisfit(field, wanted);
      if (misfit !== undefined) return { ...misfit, path: `${path}${misfit.path}` };
    }
    if (to.rest === undefined) return undefined;
    const named = new Set(to.fields.map(({ name }) => name));
    for (const field of from.fields) {
      if (named.has(field.name)) continue;
      const misfit = this.misfit(field.type, to.rest);
      if (misfit !== undefined)
        return { ...misfit, path: `${fieldPath(field.name)}${misfit.path}` };
    }
    const misfit = this.misfit(from.rest ?? never, to.rest);
    return misfit === undefined ? undefined : { ...misfit, path: `[]${misfit.path}` };
  }

  #fieldMisfit(field: Field, wanted: Field): Misfit | undefined {
    if (field.optional === true && wanted.optional !== true) {
      const choices = this.#to.of(wanted.type).map(({ kind }) => kind);
      if (!choices.includes("undefined") && !choices.includes("unknown")) {
        return { path: "", from: `${text(field.type)} or nothing`, to: text(wanted.type) };
      }
    }
    // An optional field may hold undefined, whether or not its type says so.
    return this.misfit(field.type, wanted.type, wanted.optional === true);
  }
}
