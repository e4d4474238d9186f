import ts from "typescript";
import type { SourceName } from "./type-names.ts";

/** A generic type that contains itself, larger each time, more often than this has no end. */
const maxGrowth = 4;

/** A type that is being taken apart. */
export interface OpenType {
  readonly type: ts.Type;
  /** What it shares with other forms of the same generic type. */
  readonly kind: ts.Symbol | undefined;
  readonly source: SourceName | undefined;
}

/** Thrown through the types inside a generic type that would go on for ever, up to the outermost. */
export class Endless extends Error {
  readonly kind: ts.Symbol;

  constructor(kind: ts.Symbol) {
    super("a type that goes on without end");
    this.kind = kind;
  }
}

/** The types that are being taken apart, each inside the one before. */
export class OpenTypes {
  readonly #checker: ts.TypeChecker;
  #open: OpenType[] = [];
  /** So many are only where a part was found: they are written out already. */
  #outer = 0;

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker;
  }

  /** Begins with a part of types that were taken apart before. */
  restart(within: readonly OpenType[]): void {
    this.#open = [...within];
    this.#outer = within.length;
  }

  /** All of them, for a part that is taken apart later. */
  all(): readonly OpenType[] {
    return [...this.#open];
  }

  /** How deep the current type is, from where it was begun. */
  get depth(): number {
    return this.#open.length - this.#outer;
  }

  /** Whether a type is being taken apart, from where it was begun. */
  has(type: ts.Type): boolean {
    return this.#open.findLastIndex((open) => open.type === type) >= this.#outer;
  }

  /** Whether the current type is inside another of its kind. */
  hasKind(kind: ts.Symbol | undefined): boolean {
    return kind !== undefined && this.#open.some((open) => open.kind === kind);
  }

  /**
   * Takes a type apart by `run`.
   *
   * @throws Endless when it has no end; whatever `run` throws
   */
  within<T>(open: OpenType, run: () => T): T {
    const { kind } = open;
    if (kind !== undefined && this.#growth(open) > maxGrowth) throw new Endless(kind);
    this.#open.push(open);
    try {
      return run();
    } finally {
      this.#open.pop();
    }
  }

  /** Inside how many smaller ones of its kind a type is: one that ends is inside larger ones. */
  #growth({ type, kind }: OpenType): number {
    const same = this.#open.filter((outer) => outer.kind === kind);
    if (same.length <= maxGrowth) return 0;
    const size = this.#size(type);
    return same.filter((outer) => this.#size(outer.type) < size).length;
  }

  #size(type: ts.Type): number {
    const { NoTruncation } = ts.TypeFormatFlags;
    return this.#checker.typeToString(type, undefined, NoTruncation).length;
  }
}
