import { limits } from "../base/limits.ts";
import type { TypeNode } from "./contract.ts";
import { Members } from "./members.ts";
import type { Member } from "./members.ts";
import type { Types } from "./types.ts";

/** A member and the types in it, each of them as its members. */
interface Shape {
  readonly label: string;
  readonly slots: (readonly Shape[])[];
  state: "new" | "entered" | "left";
  /** It holds itself, or something that does. */
  circular: boolean;
  /** Of one that is not circular. */
  hash: string;
  /** Of a circular one: what tells it from others so many levels down, by levels. */
  readonly rounds: string[];
}

/**
 * Values nest so deep at the most, so that types which differ further down only are the same to
 * everybody. A circular type is looked at to this depth, and so needs no name for what it goes back to.
 */
const levels = limits.maxValueDepth + 2;

/** Texts up to this length are their own hash. */
const maxPlainText = 64;

/** The first `digits` hex digits of the SHA-256 of a text. */
export function digest(text: string, digits: number): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, digits);
}

function shorten(text: string): string {
  return text.length <= maxPlainText ? text : `#${digest(text, 32)}`;
}

const flagOf = (part: { readonly optional?: boolean | undefined }): string =>
  part.optional === true ? "?" : "";

/** Hashes of types by what they are made of, whatever they are called. */
export class TypeHashes {
  readonly #members: Members;
  readonly #shapes = new Map<Member, Shape>();
  readonly #known = new Map<TypeNode, string>();

  constructor(types: Types) {
    this.#members = new Members(types);
  }

  /** The same text for types that take the same values, in this contract and in any other. */
  of(type: TypeNode, optional?: boolean): string {
    if (optional === true) return this.#hash(type, true);
    let hash = this.#known.get(type);
    if (hash === undefined) {
      hash = this.#hash(type, false);
      this.#known.set(type, hash);
    }
    return hash;
  }

  #hash(type: TypeNode, optional: boolean): string {
    const slot = this.#slot(type, optional);
    this.#visit(slot);
    return slotText(slot, levels);
  }

  /** What may be left out may be undefined, said or not. */
  #slot(type: TypeNode, optional: boolean): readonly Shape[] {
    const members = this.#members.of(type);
    const slot: Shape[] = [];
    for (const member of members) {
      if (optional && member.kind === "undefined" && members.length > 1) continue;
      let shape = this.#shapes.get(member);
      if (shape === undefined) {
        const label = labelOf(member);
        shape = { label, slots: [], state: "new", circular: false, hash: "", rounds: [""] };
        this.#shapes.set(member, shape);
        this.#fresh.push([member, shape]);
      }
      slot.push(shape);
    }
    return slot;
  }

  /** Shapes whose slots are still to be filled. */
  readonly #fresh: [Member, Shape][] = [];

  #fill(): void {
    for (let next = this.#fresh.pop(); next !== undefined; next = this.#fresh.pop()) {
      const [member, { slots }] = next;
      if (member.kind === "array") {
        slots.push(this.#slot(member.items, false));
      } else if (member.kind === "tuple") {
        for (const item of member.items) slots.push(this.#slot(item.type, item.optional === true));
      } else if (member.kind === "object") {
        for (const field of sorted(member.fields)) {
          slots.push(this.#slot(field.type, field.optional === true));
        }
        if (member.rest !== undefined) slots.push(this.#slot(member.rest, false));
      }
    }
  }

  /** Hashes everything that can be reached: depth first, and not by recursion. */
  #visit(roots: readonly Shape[]): void {
    this.#fill();
    const circular: Shape[] = [];
    const path: { readonly shape: Shape; readonly inner: readonly Shape[]; at: number }[] = [];
    const enter = (shape: Shape): void => {
      shape.state = "entered";
      path.push({ shape, inner: shape.slots.flat(), at: 0 });
    };
    for (const root of roots) {
      if (root.state === "new") enter(root);
      for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
        const { shape } = step;
        const next = step.inner[step.at];
        if (next === undefined) {
          shape.state = "left";
          if (shape.circular) circular.push(shape);
          else shape.hash = shapeText(shape, 0);
          path.pop();
        } else if (next.state === "new") {
          enter(next);
        } else {
          if (next.state === "entered" || next.circular) shape.circular = true;
          step.at += 1;
        }
      }
    }
    for (let level = 1; level <= levels; level++) {
      for (const shape of circular) shape.rounds.push(shapeText(shape, level - 1));
    }
  }
}

function slotText(slot: readonly Shape[], level: number): string {
  const hashes = slot.map((shape) => (shape.circular ? (shape.rounds[level] ?? "") : shape.hash));
  return hashes.length === 1 ? (hashes[0] ?? "") : shorten([...new Set(hashes)].sort().join("|"));
}

function shapeText(shape: Shape, level: number): string {
  if (shape.slots.length === 0) return shorten(shape.label);
  const slots = shape.slots.map((slot) => slotText(slot, level));
  return shorten(JSON.stringify([shape.label, ...slots]));
}

function sorted<T extends { readonly name: string }>(parts: readonly T[]): readonly T[] {
  return parts.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function labelOf(member: Member): string {
  switch (member.kind) {
    case "literal":
      return JSON.stringify(["is", typeof member.value, String(member.value)]);
    case "bigint-literal":
    case "template":
      return JSON.stringify([member.kind, member.text]);
    case "bytes":
      return member.name;
    case "tuple": {
      const items = member.items.map((item) => (item.rest === true ? "*" : `.${flagOf(item)}`));
      return `tuple${items.join("")}`;
    }
    case "object": {
      const fields = sorted(member.fields).map((field) => [field.name, flagOf(field)]);
      return JSON.stringify([member.rest === undefined ? "object" : "record", ...fields]);
    }
    default:
      return member.kind;
  }
}
