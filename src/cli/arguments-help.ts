import { columns } from "./columns.ts";

/** How arguments of `gee call` are read and results are written. */
export const argumentsHelp: string = [
  "Arguments of gee call",
  "",
  columns([
    ["1 -2.5 true null", "JSON where it parses as JSON"],
    ["'[1,2]' '{\"a\":1}'", "arrays and objects"],
    ["hello", "text where it does not"],
    ["'\"42\"'", "quoted as JSON: the text 42"],
    ["{bad", 'a usage error: what starts with { [ or " has to be JSON'],
    ["9007199254740993", "an integer beyond 2^53 is a bigint, no digit is lost"],
    ["-- --x", "behind -- everything is an argument"],
    ["--data JSON", "all arguments as one value: an array is the list, else the only one"],
    ["--data @FILE, @-", "the same from a file, from standard input"],
    ["--stream @FILE, @-", "one JSON value a line: the argument behind all others, item by item"],
  ]),
  "",
  "Lines are read as they come and no faster than the server takes them; empty ones are skipped. A",
  "line that is no JSON takes the call back.",
  "",
  "Results are pretty on a terminal, one line of JSON in a pipe and with --json. Items are printed",
  "the same way, each when it comes; a reader that is slow slows the server down, and one that goes",
  "away (| head -2) ends the call. In JSON, bytes are base64, other typed arrays arrays of numbers, a",
  "bigint a string, a Date its ISO text; NaN, the infinities and undefined are null.",
].join("\n");
