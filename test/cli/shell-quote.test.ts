import { expect, test } from "bun:test";
import { shellQuote } from "../../src/cli/shell-quote.ts";

const odd = [
  "",
  "a",
  "a b",
  "it's",
  '{"a":"it\'s"}',
  "$(x)",
  "`x`",
  "a\nb",
  "\\",
  "*",
  "~",
  "é",
  "!",
];

test("a shell reads every text as the word that it was", async () => {
  const script = `printf '%s\\0' ${odd.map(shellQuote).join(" ")}`;
  const child = Bun.spawn(["sh", "-c", script], { stdout: "pipe" });
  expect((await child.stdout.text()).split("\0")).toEqual([...odd, ""]);
});

test("what needs no quotes has none", () => {
  for (const text of ["1", "-1", "2.5", "Foo.Sum", "http://a:1/b", "a,b", "tcp@127.0.0.1:1"]) {
    expect(shellQuote(text)).toBe(text);
  }
});
