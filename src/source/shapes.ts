import ts from "typescript";

// What the compiler's own declarations leave to casts, asked for.

/** The flags of types whose values are primitives, their literals included. */
export const primitiveFlags: ts.TypeFlags =
  ts.TypeFlags.StringLike |
  ts.TypeFlags.NumberLike |
  ts.TypeFlags.BigIntLike |
  ts.TypeFlags.BooleanLike |
  ts.TypeFlags.ESSymbolLike;

/** Whether a type is an object type: an interface, a class, a literal, an array. */
export function isObjectType(type: ts.Type): type is ts.ObjectType {
  return (type.flags & ts.TypeFlags.Object) !== 0;
}

/** Whether a type is a class or an interface with arguments given for its parameters, or a tuple. */
export function isReference(type: ts.Type): type is ts.TypeReference {
  return isObjectType(type) && (type.objectFlags & ts.ObjectFlags.Reference) !== 0;
}

/** Whether a tuple's type is that of the tuple itself, which knows its elements' names. */
export function isTupleTarget(type: ts.Type): type is ts.TupleType {
  return isObjectType(type) && (type.objectFlags & ts.ObjectFlags.Tuple) !== 0;
}

function isType(value: unknown): value is ts.Type {
  return (
    typeof value === "object" &&
    value !== null &&
    "flags" in value &&
    typeof value.flags === "number" &&
    "checker" in value
  );
}

/**
 * The members of a union as it was written, where the compiler remembers it: `Color | null` instead
 * of each color and null.
 */
export function membersOf(type: ts.UnionType): readonly ts.Type[] {
  const origin: unknown = "origin" in type ? type.origin : undefined;
  return isType(origin) && origin.isUnion() ? origin.types : type.types;
}

/** Whether a type stands for a name that was not found; the compiler then goes on with `any`. */
export function isNotFound(type: ts.Type): boolean {
  return "intrinsicName" in type && type.intrinsicName === "error";
}

/** Whether it is one of true and false. */
export function literalFlag(type: ts.Type): boolean | undefined {
  if ((type.flags & ts.TypeFlags.BooleanLiteral) === 0 || !("intrinsicName" in type)) {
    return undefined;
  }
  return type.intrinsicName === "true";
}

/** Whether a declaration is in the body of a class. */
export function isInClass(declaration: ts.Declaration): boolean {
  return ts.isClassLike(declaration.parent);
}

/** Whether a declaration is marked private or protected, by a keyword or in its comment. */
export function isMarked(declaration: ts.Node): boolean {
  if (ts.canHaveModifiers(declaration)) {
    const marked = ts
      .getModifiers(declaration)
      ?.some(
        ({ kind }) =>
          kind === ts.SyntaxKind.PrivateKeyword || kind === ts.SyntaxKind.ProtectedKeyword,
      );
    if (marked === true) return true;
  }
  return (
    ts.getJSDocPrivateTag(declaration) !== undefined ||
    ts.getJSDocProtectedTag(declaration) !== undefined ||
    isMarkedBeside(declaration)
  );
}

/**
 * Whether the comment that marks it begins on the line of what stands before it: `{ /** @private`.
 * The compiler takes such a comment for that of the brace. Its author did not.
 */
function isMarkedBeside(declaration: ts.Node): boolean {
  const { text } = declaration.getSourceFile();
  const comments = ts.getTrailingCommentRanges(text, declaration.pos) ?? [];
  return comments.some(({ pos, end }) => {
    const comment = text.slice(pos, end);
    return comment.startsWith("/**") && /@(?:private|protected)\b/.test(comment);
  });
}

/** Whether a declaration has a keyword before its name. */
export function hasKeyword(declaration: ts.Node, keyword: ts.ModifierSyntaxKind): boolean {
  return (
    ts.canHaveModifiers(declaration) &&
    (ts.getModifiers(declaration)?.some(({ kind }) => kind === keyword) ?? false)
  );
}
