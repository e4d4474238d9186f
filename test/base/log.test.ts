import { expect, test } from "bun:test";
import { createLog, printable } from "../../src/base/log.ts";

function linesOf(level: "debug" | "info" | "warn" | "error"): string[] {
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line), level);
  log.debug("d");
  log.info("i");
  log.warn("w");
  log.error("e");
  return lines;
}

test("a log writes its level and what matters more", () => {
  expect(linesOf("debug")).toEqual(["debug d", "info i", "warn w", "error e"]);
  expect(linesOf("warn")).toEqual(["warn w", "error e"]);
});

test("fields follow as key=value, quoted where they are not plain, left out when undefined", () => {
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line));
  const fields = { url: "http://a", text: "two words", n: 3, none: undefined, big: 5n, list: [1] };
  log.info("said", { ...fields, error: new Error("no luck") });
  expect(lines).toEqual([
    'info said url=http://a text="two words" n=3 big=5 list=[1] error="no luck"',
  ]);
});

test("text from elsewhere stays on its line and is cut", () => {
  expect(printable("a\nb\u001b[31m\u2028")).toBe("a\\u000ab\\u001b[31m\\u2028");
  expect(printable("x".repeat(300))).toHaveLength(259);
  const lines: string[] = [];
  createLog((line) => lines.push(line)).info("m\nforged", { k: "v\ninfo forged" });
  expect(lines.join("")).not.toContain("\n");
});
