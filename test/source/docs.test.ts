import { expect, test } from "bun:test";
import ts from "typescript";
import { defaultText, deprecationOf } from "../../src/source/docs.ts";
import { readModule, serviceIn } from "../support/source-modules.ts";

function initializer(text: string): ts.Expression {
  const file = ts.createSourceFile("/a.ts", `const x = ${text};`, ts.ScriptTarget.ESNext, true);
  const [statement] = file.statements;
  const declared =
    statement && ts.isVariableStatement(statement)
      ? statement.declarationList.declarations[0]
      : undefined;
  if (declared?.initializer === undefined) throw new Error("no such");
  return declared.initializer;
}

test("a default is one line of at most 200 characters", () => {
  expect(defaultText(initializer("{ a: 'x  y' }"))).toBe("{ a: 'x  y' }");
  expect(defaultText(initializer("{\r\n  a: 1,\n\n  b: 2,\n}"))).toBe("{ a: 1, b: 2, }");
  const long = defaultText(initializer(`"${"x".repeat(500)}"`));
  expect(long).toHaveLength(200);
  expect(long.endsWith("x…")).toBe(true);
});

test("a comment is read with any line ends, and cut when it is a book", () => {
  const comment = `/**\r\n * One.\r\n *\r\n * - two\r\n * {@link Foo}\r\n */`;
  const source = `\u{feff}${comment}\r\nexport class Foo {\r\n  /** ${"x".repeat(30_000)} */\r\n  a() {}\r\n}`;
  const service = serviceIn(readModule(source));
  expect(service.doc).toBe("One.\n\n- two\n{@link Foo}");
  expect(service.methods[0]?.doc).toHaveLength(20_000);
});

test("what is not there says nothing", () => {
  expect(deprecationOf([])).toBeUndefined();
  expect(serviceIn(readModule("/** */ export class Foo { /** @returns 1 */ a() {} }"))).toEqual({
    name: "Foo",
    methods: [{ name: "a", signatures: [{ parameters: [], result: { kind: "undefined" } }] }],
    types: {},
  });
});
