import ts from "typescript";
import type { NamedType, TypeNode } from "../contract/contract.ts";
import { docOf } from "./docs.ts";
import { literalNode } from "./literals.ts";
import { Natives, cannotTravel, innerStream } from "./natives.ts";
import { Endless, OpenTypes } from "./open-types.ts";
import type { OpenType } from "./open-types.ts";
import { readObject } from "./object-reader.ts";
import { isNotFound, isObjectType, isReference, primitiveFlags } from "./shapes.ts";
import { answerItems } from "./streams.ts";
import { readTuple } from "./tuple-reader.ts";
import { TypeNames, genericName, sourceName } from "./type-names.ts";
import type { SourceName } from "./type-names.ts";
import { readUnion } from "./union-reader.ts";
import { WrittenUnions } from "./written-unions.ts";

/** A type without a name that nests deeper than this gets one. */
const maxNesting = 12;
/** A service of more types than this is nobody's to read; what comes after it is unknown. */
const maxTypes = 50_000;

/** A type that has its name, and is still to be taken apart. */
interface Waiting {
  readonly type: ts.Type;
  readonly name: string;
  readonly doc: string | undefined;
  /** What it was found in, for a type that is only part of another. */
  readonly within: readonly OpenType[];
}

/**
 * Reads the types of one service. A type with a name is read once, and stands in `types` under it;
 * so does what contains itself. The rest is written out where it is used.
 */
export class TypeReader {
  readonly checker: ts.TypeChecker;
  readonly natives: Natives;
  readonly unions: WrittenUnions;
  readonly #names: TypeNames;
  readonly #types = new Map<string, NamedType>();
  readonly #waiting: Waiting[] = [];
  readonly #open: OpenTypes;
  #left = maxTypes;

  /** `taken` are names that no type of the service gets. */
  constructor(checker: ts.TypeChecker, natives: Natives, taken: readonly string[]) {
    this.checker = checker;
    this.natives = natives;
    this.unions = new WrittenUnions(checker);
    this.#names = new TypeNames(taken);
    this.#open = new OpenTypes(checker);
  }

  /** The named types, all read; to be asked for at the end. */
  types(): Record<string, NamedType> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#open.restart(next.within);
      this.#types.set(next.name, { type: this.#waited(next), doc: next.doc });
    }
    this.#open.restart([]);
    return Object.fromEntries(this.#types);
  }

  #waited(next: Waiting): TypeNode {
    try {
      return this.#structure(next.type);
    } catch (thrown) {
      // A part of what has no end.
      if (thrown instanceof Endless) return endless(next.name);
      throw thrown;
    }
  }

  /** Reads a type; with `optional` without the `undefined` that being optional stands for. */
  read(type: ts.Type, optional = false): TypeNode {
    if (this.#left-- <= 0) return { kind: "unknown", why: "there are too many types" };
    const { flags } = type;
    if ((flags & ts.TypeFlags.Any) !== 0) {
      return { kind: "unknown", why: isNotFound(type) ? "its type was not found" : "any" };
    }
    if ((flags & ts.TypeFlags.Unknown) !== 0) return { kind: "unknown" };
    const simple = literalNode(type, this.checker);
    if (simple !== undefined) return simple;
    if (type.isUnion()) {
      if (optional && type.types.some(isUndefined)) return readUnion(type, this, true);
      return this.#structured(type);
    }
    if (type.isIntersection()) return this.#intersection(type);
    if (isObjectType(type)) return this.#object(type);
    return this.#deferred(type);
  }

  /** What a type parameter, or what depends on one, is at the least. */
  #deferred(type: ts.Type): TypeNode {
    const base = this.checker.getBaseConstraintOfType(type);
    const name = this.checker.typeToString(type).slice(0, 100);
    if (base === undefined || base === type || (base.flags & ts.TypeFlags.Unknown) !== 0) {
      return { kind: "unknown", why: `${name} may be anything` };
    }
    // `T extends Comparable<T>`
    if (this.#open.has(type)) {
      return { kind: "unknown", why: `${name} depends on itself` };
    }
    return this.#open.within({ type, kind: undefined, source: undefined }, () => this.read(base));
  }

  /** A branded primitive is the primitive; other intersections are one object with all the fields. */
  #intersection(type: ts.IntersectionType): TypeNode {
    for (const member of type.types) {
      if ((member.flags & primitiveFlags) !== 0) return this.read(member);
      const special = isObjectType(member) ? this.#special(member) : undefined;
      if (special !== undefined) return special;
    }
    if (type.types.some(({ flags }) => (flags & ts.TypeFlags.Instantiable) !== 0)) {
      return this.#deferred(type);
    }
    return this.#structured(type);
  }

  /** A type that is not what its fields are; undefined for one that is. */
  #special(type: ts.ObjectType): TypeNode | undefined {
    const { checker } = this;
    if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0) {
      return cannotTravel("function");
    }
    if (checker.isTupleType(type) || checker.isArrayType(type)) return this.#structured(type);
    const native = this.natives.read(type);
    if (native === "list") return this.#structured(type);
    if (native !== undefined) {
      return native.kind === "unknown" && answerItems(type, checker) !== undefined
        ? innerStream
        : native;
    }
    return answerItems(type, checker) === undefined ? undefined : innerStream;
  }

  #object(type: ts.ObjectType): TypeNode {
    return this.#special(type) ?? this.#structured(type);
  }

  /** The arguments of a generic type. */
  readonly #argumentsOf = (type: ts.Type): readonly ts.Type[] => {
    if (!isReference(type) || this.checker.isTupleType(type)) return [];
    const own = type.target.typeParameters?.length ?? 0;
    return this.checker.getTypeArguments(type).slice(0, own);
  };

  /** A type that has types in it: under its name, or written out. */
  #structured(given: ts.Type): TypeNode {
    const type = this.#asDeclared(given);
    const known = this.#names.of(type);
    if (known !== undefined) return { kind: "ref", name: known };
    const source = this.#sourceOf(type);
    if (source !== undefined && source.arguments.length === 0) {
      if (this.#isNothing(type)) return { kind: "unknown" };
      return this.#refer(type, source.name, docOf(source.symbol, this.checker), []);
    }
    const open: OpenType = { type, kind: source?.symbol ?? type.symbol, source };
    if (this.#open.has(type)) return this.#recursive(open);
    if (this.#open.depth >= maxNesting) {
      return this.#refer(type, "Part", undefined, this.#open.all());
    }
    return this.#writtenOut(open);
  }

  #sourceOf(type: ts.Type): SourceName | undefined {
    const source = sourceName(type, this.#argumentsOf);
    // PropertyKey and its like are no names that a caller would look for.
    const isOwn = source !== undefined && !this.natives.isBuiltIn(source.symbol);
    return isOwn || (source?.arguments.length ?? 0) > 0 ? source : undefined;
  }

  /** A class or an interface without parameters is one type, whatever `this` stands for in it. */
  #asDeclared(type: ts.Type): ts.Type {
    const isOne =
      type.aliasSymbol === undefined && isReference(type) && type.target.isClassOrInterface();
    return isOne && this.#argumentsOf(type).length === 0 ? type.target : type;
  }

  #refer(
    type: ts.Type,
    wanted: string,
    doc: string | undefined,
    within: readonly OpenType[],
  ): TypeNode {
    const name = this.#names.give(type, wanted);
    this.#waiting.push({ type, name, doc, within });
    return { kind: "ref", name };
  }

  /** What is inside itself gets a name, under which it stands once it is written out. */
  #recursive({ type, source }: OpenType): TypeNode {
    const wanted =
      source === undefined
        ? "Part"
        : genericName(source, (argument) => this.checker.typeToString(argument));
    return { kind: "ref", name: this.#names.give(type, wanted) };
  }

  #writtenOut({ type, source }: OpenType): TypeNode {
    try {
      return this.#named(type, source, this.#structure(type));
    } catch (thrown) {
      // What is inside may have named it.
      this.#named(type, source, endless(this.checker.typeToString(type)));
      throw thrown;
    }
  }

  /** Puts what was written out under the name that it has got meanwhile, if it has. */
  #named(type: ts.Type, source: SourceName | undefined, node: TypeNode): TypeNode {
    const name = this.#names.of(type);
    if (name === undefined) return node;
    const doc = source === undefined ? undefined : docOf(source.symbol, this.checker);
    this.#types.set(name, { type: node, doc });
    return { kind: "ref", name };
  }

  /** Takes a type apart. @throws Endless from inside a type that goes on without end */
  #structure(type: ts.Type): TypeNode {
    const source = this.#sourceOf(type);
    const kind = source?.symbol ?? type.symbol;
    const isInner = this.#open.hasKind(kind);
    try {
      return this.#open.within({ type, kind, source }, () => this.#inside(type));
    } catch (thrown) {
      // Given up as a whole where it starts: parts of it help nobody.
      const starts = thrown instanceof Endless && thrown.kind === kind && !isInner;
      if (!starts) throw thrown;
      return endless(source?.name ?? "it");
    }
  }

  #inside(type: ts.Type): TypeNode {
    const { checker } = this;
    if (type.isUnion()) return readUnion(type, this, false);
    if (checker.isTupleType(type) && isReference(type)) return readTuple(type, this);
    const isList =
      checker.isArrayType(type) || (isObjectType(type) && this.natives.read(type) === "list");
    if (!isList) return readObject(type, this);
    const items = checker.getIndexTypeOfType(type, ts.IndexKind.Number);
    return { kind: "array", items: items === undefined ? { kind: "unknown" } : this.read(items) };
  }

  /** `{}` and an empty interface: whatever is not null fits. */
  #isNothing(type: ts.Type): boolean {
    return (
      isObjectType(type) &&
      this.checker.getPropertiesOfType(type).length === 0 &&
      this.checker.getIndexInfosOfType(type).length === 0 &&
      !this.checker.isTupleType(type)
    );
  }
}

function endless(name: string): TypeNode {
  return { kind: "unknown", why: `${name} goes on without end` };
}

function isUndefined({ flags }: ts.Type): boolean {
  return (flags & ts.TypeFlags.Undefined) !== 0;
}
