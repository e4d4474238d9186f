import type { TupleItem, TypeNode } from "./contract.ts";
import { discriminantOf } from "./discriminant.ts";
import type { ObjectMember } from "./discriminant.ts";
import type { Fitting } from "./fitting.ts";
import type { Member } from "./members.ts";
import { typeText } from "./signature.ts";
import { fieldOf, hasField, isPlainObject, kindOf } from "./values.ts";

/** Why a value does not fit: `path` leads to the part that is wrong, from where it was looked at. */
export interface Problem {
  readonly path: string;
  /** `expected number, got string`. */
  readonly text: string;
}

/** As deep as values are looked at, and more than they have on the wire. */
const maxDepth = 64;
const maxType = 80;
const maxValue = 40;

/** A text of at most `max` characters. */
function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 3)}...`.toWellFormed();
}

/** `.name`, or `["a name"]`. */
export function fieldPath(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** Whether a type says all in its name's place: what it is made of is short and has no inside. */
function isFlat(member: Member): boolean {
  return member.kind !== "object" && member.kind !== "array" && member.kind !== "tuple";
}

/** The value itself where a value is expected, else what it is. */
function gotText(value: unknown, members: readonly Member[]): string {
  const isNearly = members.some((member) =>
    member.kind === "literal"
      ? typeof member.value === typeof value
      : member.kind === "bigint-literal" && typeof value === "bigint",
  );
  if (!isNearly) return kindOf(value);
  if (typeof value === "string") return JSON.stringify(cut(value, maxValue));
  return typeof value === "bigint" ? cut(`${value}n`, maxValue) : String(value);
}

/** Finds what is wrong with a value that does not fit. Slow, and needed for wrong values only. */
export class Problems {
  readonly #fitting: Fitting;

  constructor(fitting: Fitting) {
    this.#fitting = fitting;
  }

  /**
   * The first problem of a value that does not fit. `isGiven` false: there is no value at all, where
   * one is expected.
   */
  of(type: TypeNode, value: unknown, isGiven = true): Problem {
    return this.#find(type, value, isGiven, 0) ?? this.#wrong(type, value, isGiven);
  }

  #find(type: TypeNode, value: unknown, isGiven: boolean, depth: number): Problem | undefined {
    const fits = this.#fitting.of(type);
    // Only what is wrong is looked into, so that a long list costs no more than its check.
    if (fits === undefined || depth > maxDepth || fits(value, depth)) return undefined;
    const inner = this.#meant(this.#fitting.members.of(type), value, depth);
    return inner ?? this.#wrong(type, value, isGiven);
  }

  #wrong(type: TypeNode, value: unknown, isGiven: boolean): Problem {
    const members = this.#fitting.members.of(type);
    // A name says more than an object's fields, and less than the few words that it stands for.
    const shown = members.every(isFlat) ? typeText({ kind: "union", of: members }) : typeText(type);
    const got = isGiven ? gotText(value, members) : "nothing";
    return { path: "", text: `expected ${cut(shown, maxType)}, got ${got}` };
  }

  /** What is wrong inside the one member that was meant, when there is one. */
  #meant(members: readonly Member[], value: unknown, depth: number): Problem | undefined {
    const meant = members.filter((member) => hasInside(member, value));
    const [only] = meant;
    if (only === undefined) return undefined;
    if (meant.length === 1) return this.#inside(only, value, depth);
    const objects = meant.filter((member) => member.kind === "object");
    const discriminant = discriminantOf(this.#fitting.members, objects);
    if (discriminant === undefined || !isPlainObject(value)) return undefined;
    const { name, branches } = discriminant;
    const branch = branches.get(value[name]);
    if (branch !== undefined) return this.#inside(branch, value, depth);
    const kinds = objects.flatMap(({ fields }) =>
      fields.filter((field) => field.name === name).map((field) => field.type),
    );
    const tag = this.#wrong({ kind: "union", of: kinds }, value[name], hasField(value, name));
    return under(fieldPath(name), tag);
  }

  #inside(member: Member, value: unknown, depth: number): Problem | undefined {
    if (member.kind === "object" && isPlainObject(value)) return this.#fields(member, value, depth);
    if (!Array.isArray(value)) return undefined;
    if (member.kind === "tuple") return this.#tuple(member.items, value, depth);
    if (member.kind === "array") return this.#items(member.items, value, 0, value.length, depth);
    return undefined;
  }

  #fields(
    member: ObjectMember,
    value: Readonly<Record<string, unknown>>,
    depth: number,
  ): Problem | undefined {
    const named = new Set<string>();
    for (const { name, type, optional } of member.fields) {
      named.add(name);
      const given = fieldOf(value, name);
      if (given === undefined && optional === true) continue;
      const problem = this.#find(type, given, hasField(value, name), depth + 1);
      if (problem !== undefined) return under(fieldPath(name), problem);
    }
    if (member.rest === undefined) return undefined;
    for (const key of Object.keys(value)) {
      if (named.has(key)) continue;
      const problem = this.#find(member.rest, value[key], true, depth + 1);
      if (problem !== undefined) return under(fieldPath(key), problem);
    }
    return undefined;
  }

  #items(
    type: TypeNode,
    values: readonly unknown[],
    from: number,
    to: number,
    depth: number,
  ): Problem | undefined {
    const fits = this.#fitting.of(type);
    for (let index = from; index < to; index++) {
      if (fits?.(values[index], depth) !== false) continue;
      const problem = this.#find(type, values[index], true, depth + 1);
      if (problem !== undefined) return under(`[${index}]`, problem);
    }
    return undefined;
  }

  #tuple(
    items: readonly TupleItem[],
    values: readonly unknown[],
    depth: number,
  ): Problem | undefined {
    const rest = items.findIndex((item) => item.rest === true);
    const tail = rest < 0 ? 0 : items.length - rest - 1;
    // Where the tail begins: at once behind the head when there is nothing between them.
    const tailAt = Math.max(rest, values.length - tail);
    for (const [index, { type, optional, rest: isRest }] of items.entries()) {
      const at = rest >= 0 && index > rest ? tailAt + index - rest - 1 : index;
      if (isRest === true) {
        const problem = this.#items(type, values, at, tailAt, depth);
        if (problem !== undefined) return problem;
      } else if (optional !== true || values[at] !== undefined) {
        const isGiven = at < values.length;
        const problem = this.#find(type, values[at], isGiven, depth + 1);
        if (problem !== undefined) return under(`[${at}]`, problem);
        if (!isGiven) return under(`[${at}]`, this.#wrong(type, undefined, false));
      }
    }
    if (rest >= 0 || values.length <= items.length) return undefined;
    const text = `expected nothing, got ${kindOf(values[items.length])}`;
    return { path: `[${items.length}]`, text };
  }
}

function under(path: string, problem: Problem): Problem {
  return { path: path + problem.path, text: problem.text };
}

/** Whether it is the inside of a value that can be wrong for a member, and not the value as such. */
function hasInside(member: Member, value: unknown): boolean {
  if (member.kind === "object") return isPlainObject(value);
  return (member.kind === "array" || member.kind === "tuple") && Array.isArray(value);
}
