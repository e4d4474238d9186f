import { expect, test } from "bun:test";
import { columns } from "../../src/cli/columns.ts";

test("each column is as wide as its widest cell, and lines end with their text", () => {
  const rows = [
    ["a", "bcd", "e"],
    ["abc", "b"],
    ["", "", "x"],
  ];
  expect(columns(rows)).toBe("  a    bcd  e\n  abc  b\n            x");
});
