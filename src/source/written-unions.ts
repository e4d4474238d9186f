import ts from "typescript";
import { nodesOf } from "./marks.ts";
import { membersOf } from "./shapes.ts";

/**
 * Remembers how unions are written. The compiler keeps their members in the order in which it met
 * them first anywhere, so `"on" | "off"` may be `"off" | "on"` after a change in another file.
 */
export class WrittenUnions {
  readonly #checker: ts.TypeChecker;
  readonly #nodes = new Map<ts.Type, ts.UnionTypeNode>();

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker;
  }

  /** Takes note of the unions in the type that something is declared to be. The first counts. */
  note(type: ts.Type, declaration: ts.Node | undefined): void {
    if (declaration === undefined || !("type" in declaration)) return;
    const written = declaration.type;
    if (!isNode(written)) return;
    for (const node of nodesOf(written)) {
      if (!ts.isUnionTypeNode(node)) continue;
      // An optional one is of a type that has undefined as well.
      this.#add(node === written ? type : this.#checker.getTypeFromTypeNode(node), node);
    }
  }

  #add(type: ts.Type, node: ts.UnionTypeNode): void {
    if (!this.#nodes.has(type)) this.#nodes.set(type, node);
  }

  #nodeOf(type: ts.UnionType): ts.UnionTypeNode | undefined {
    const declaration = type.aliasSymbol?.declarations?.[0];
    if (declaration === undefined || !ts.isTypeAliasDeclaration(declaration)) {
      return this.#nodes.get(type);
    }
    return ts.isUnionTypeNode(declaration.type) ? declaration.type : undefined;
  }

  /** The members of a union, in the order of the source where it is known. */
  membersOf(type: ts.UnionType): readonly ts.Type[] {
    const members = membersOf(type);
    const node = this.#nodeOf(type);
    if (node === undefined) return members;
    const places = new Map<ts.Type, number>();
    for (const [place, part] of node.types.entries()) {
      const written = this.#checker.getTypeFromTypeNode(part);
      places.set(written, place);
      // `boolean` is a union itself.
      if (written.isUnion()) for (const one of written.types) places.set(one, place);
    }
    const placeOf = (member: ts.Type): number => places.get(member) ?? places.size;
    return [...members].sort((a, b) => placeOf(a) - placeOf(b));
  }
}

function isNode(value: unknown): value is ts.TypeNode {
  return typeof value === "object" && value !== null && "kind" in value && "pos" in value;
}
