import { expect, test } from "bun:test";
import { codeNumbers } from "../../src/base/errors.ts";
import { exitCodes } from "../../src/cli/exit-codes-help.ts";

test("there is one line for each exit code, in their order, and every status has its own", () => {
  const rows = exitCodes();
  const codes = rows.map(({ exitCode }) => exitCode);
  expect(codes).toEqual([...new Set(codes)].sort((left, right) => left - right));
  expect(rows.filter(({ meaning }) => meaning === "")).toEqual([]);
  for (const [name, number] of Object.entries(codeNumbers)) {
    expect(rows.find((row) => row.name === name)?.exitCode).toBe(64 + number);
  }
});
