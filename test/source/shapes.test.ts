import { expect, test } from "bun:test";
import ts from "typescript";
import { nodesOf } from "../../src/source/marks.ts";
import { hasKeyword, isInClass, isMarked } from "../../src/source/shapes.ts";

function members(text: string): readonly ts.ClassElement[] {
  const file = ts.createSourceFile("/a.ts", text, ts.ScriptTarget.ESNext, true);
  const found = [...nodesOf(file)].find(ts.isClassLike);
  return found?.members ?? [];
}

test("marks are keywords or tags", () => {
  const text = `class A {
    private a() {}
    protected readonly b = 1;
    /** @private */
    c() {}
    /** @protected says why */ d() {}
    public e() {}
    /** private */
    f() {}
    /**
     * @internal
     */
    g() {}
  }`;
  expect(members(text).map(isMarked)).toEqual([true, true, true, true, false, false, false]);
});

test("keywords are found, and places", () => {
  const [a, b] = members("class A { static a() {} b = 1 }");
  if (a === undefined || b === undefined) throw new Error("no such");
  expect(hasKeyword(a, ts.SyntaxKind.StaticKeyword)).toBe(true);
  expect(hasKeyword(b, ts.SyntaxKind.StaticKeyword)).toBe(false);
  expect(isInClass(a)).toBe(true);
});
