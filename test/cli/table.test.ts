import { expect, test } from "bun:test";
import { type Column, table } from "../../src/cli/table.ts";

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note?: string;
}

const columns: readonly Column<Row>[] = [
  { heading: "NAME", text: ({ name }) => name },
  { heading: "COUNT", text: ({ count }) => `${count}` },
  { heading: "NOTE", text: ({ note }) => note ?? "" },
];

test("columns are as wide as what the terminal shows of their widest cell", () => {
  const rows = [
    { name: "上海", count: 1, note: "x" },
    { name: "Foo", count: 200, note: "" },
  ];
  expect(table(rows, columns)).toBe(
    ["NAME   COUNT   NOTE", "上海   1       x", "Foo    200"].join("\n"),
  );
});

test("a column that is empty in every row is left out", () => {
  expect(table([{ name: "Foo", count: 1 }], columns)).toBe("NAME   COUNT\nFoo    1");
});

test("lines are cut to a width only where one is given", () => {
  const rows = [{ name: "x".repeat(50), count: 1 }];
  expect(table(rows, columns).split("\n")[1]).toHaveLength(54);
  expect(table(rows, columns, 20).split("\n")[1]).toBe("x".repeat(20));
});

test("control characters in a cell are made visible", () => {
  expect(table([{ name: "a\u001b[31m\nb", count: 1 }], columns)).toContain("a\\u001b[31m\\u000ab");
});
