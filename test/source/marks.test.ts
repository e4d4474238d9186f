import { expect, test } from "bun:test";
import ts from "typescript";
import {
  bareExpression,
  classNames,
  collectMarks,
  guessMarks,
  memberName,
  nodesOf,
  plainMarks,
} from "../../src/source/marks.ts";
import type { Marks } from "../../src/source/marks.ts";

function parse(text: string, name = "/a.ts"): ts.SourceFile {
  return ts.createSourceFile(name, text, ts.ScriptTarget.ESNext, true);
}

function marksIn(text: string, name?: string): ReturnType<typeof plainMarks> {
  const marks: Marks = new Map();
  collectMarks(parse(text, name), marks);
  return plainMarks(marks);
}

function guessed(text: string): ReturnType<typeof plainMarks> {
  const marks: Marks = new Map();
  guessMarks(text, marks);
  return plainMarks(marks);
}

test("every class says what it marks, wherever it is", () => {
  expect(
    marksIn(`
      const key = "c";
      export class A { private a() {} protected b?(): void; private [key]() {} private ["d"]() {} e() {} private #f() {} }
      class B { shown() {} }
      function inside() { return { x: class { /** @private */ a() {} } } }
      namespace N { class C { private static a() {} private field = 1; private get got() { return 1 } } }`),
  ).toEqual({ A: ["a", "b", "c", "d"], B: [], x: ["a"], C: ["a"] });
});

test("two classes of one name are one", () => {
  expect(
    marksIn("{ class A { private a() {} } } { class A { private b() {} } } { class A {} }"),
  ).toEqual({ A: ["a", "b"] });
});

test("an overload that is marked marks them all", () => {
  expect(
    marksIn(
      "class A { private a(b: 1): void; a(b: any) {} b(c: 1): void; protected b(c: any) {} }",
    ),
  ).toEqual({ A: ["a", "b"] });
});

test("declarations do not say what kind a private member is", () => {
  const text = "export declare class A { private a; protected b(): void; c: 1 }";
  expect(marksIn(text, "/a.d.ts")).toEqual({ A: ["a", "b"] });
  expect(marksIn(text)).toEqual({ A: ["b"] });
});

test("JavaScript marks by comments, which may begin on another's line", () => {
  const text = `
    class A {
      /** @private */
      a() {}
      /**
       * What it does.
       * @protected
       */
      b() {} /** @private */ c() {}
      /* @private */
      d() {}
      e() {} // @private
      /** of @privateers */
      f() {}
    }`;
  expect(marksIn(text, "/a.js")).toEqual({ A: ["a", "b", "c"] });
  expect(marksIn(text)).toEqual({ A: ["a", "b", "c"] });
});

/** Where classes get their names from, and what each is called when it runs. */
const named: Readonly<Record<string, unknown>> = (() => {
  const Constant = class {};
  const { Taken = class {} } = {};
  let assigned;
  assigned = class {};
  const object: Record<string, { name: string }> = { Property: class {} };
  object.later = class {};
  const wrapped = class {} satisfies object;
  return {
    "const Constant = class {}": Constant.name,
    "const { Taken = class {} } = {}": Taken.name,
    "let assigned; assigned = class {}": assigned.name,
    "({ Property: class {} })": object.Property?.name,
    "const object = {}; object.later = class {}": object.later?.name,
    "const wrapped = (class {}) satisfies object": wrapped.name,
    "const x = class Own {}": class Own {}.name,
    "[class {}]": [class {}].map((one) => one.name)[0],
  };
})();

test.each(Object.entries(named))("%s is called as it is when it runs", (source, name) => {
  for (const node of nodesOf(parse(source))) {
    if (ts.isClassLike(node)) expect(classNames(node)).toContain(String(name));
  }
});

test("a default export without a name is called default", () => {
  expect(marksIn("export default class { private a() {} }")).toEqual({ default: ["a"] });
  expect(marksIn("export default (class { private a() {} })")).toEqual({ default: ["a"] });
});

test("of a file that cannot be parsed the marks are guessed", () => {
  const text = `export class Foo {
    shown() {}
    private a() {}
    protected async b<T>(of: T) {}
    private static async *c() {}
    /** @private */
    d() {}
    /** Long.
     * @protected
     */ async e?() {}
    private field = 1;
  }`;
  expect(guessed(text)).toEqual({ "": ["a", "b", "c", "d", "e"] });
  expect(guessed("export class Foo { a() {} }")).toEqual({});
});

test("names and values are looked at without what is around them", () => {
  const [statement] = parse("({ a: 1, 'b': 2, [`c`]: 3, [d]: 4, 5: 6 } as const);").statements;
  if (statement === undefined || !ts.isExpressionStatement(statement)) throw new Error("no such");
  const object = bareExpression(statement.expression);
  if (!ts.isObjectLiteralExpression(object)) throw new Error("not bare");
  const names = object.properties.map(
    ({ name }) => name && memberName(name, new Map([["d", "D"]])),
  );
  expect(names).toEqual(["a", "b", "c", "D", "5"]);
});

test("nodes come in the order of the source, however deep", () => {
  const deep = `${"a+".repeat(20_000)}a`;
  let count = 0;
  for (const node of nodesOf(parse(deep))) if (ts.isIdentifier(node)) count++;
  expect(count).toBe(20_001);
});
