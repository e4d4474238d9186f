import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { parseArguments } from "../../src/cli/args.ts";
import { commandList } from "../../src/cli/commands.ts";

/** What is said of a command line that is wrong. */
function hintOf(line: string): string | undefined {
  try {
    parseArguments(
      line.split(" ").filter((word) => word !== ""),
      {},
    );
  } catch (thrown) {
    const { code, reason, hint } = GeeError.from(thrown);
    expect(code).toBe("INVALID_ARGUMENT");
    expect(["USAGE", "BAD_DURATION"]).toContain(reason ?? "");
    return hint;
  }
  throw new Error(`gee ${line} was accepted`);
}

test.each([
  // Commands.
  ["cal Foo.Sum", "did you mean gee call?"],
  ["CALL Foo.Sum", "did you mean gee call?"],
  ["sever foo.ts", "did you mean gee server?"],
  ["regsitry", "did you mean gee registry?"],
  ["lsit", "did you mean gee list?"],
  ["hlep", "did you mean gee help?"],
  ["descibe Foo", "did you mean gee describe?"],
  ["type Foo", "did you mean gee types?"],
  ["completion bash", "did you mean gee completions?"],
  ["foo.ts", "to serve it: gee server foo.ts"],
  ["Foo.Sum 1 2", "to call it: gee call Foo.Sum"],
  ["toString", "gee help"],
  // Flags, written in full, in part, with one dash, with a value.
  ["list --jsno", "did you mean --json?"],
  ["list -json", "did you mean --json?"],
  ["list --Json", "did you mean --json?"],
  ["list --hlep", "did you mean --help?"],
  ["call Foo.Sum --time-out 5s", "did you mean --timeout?"],
  ["call Foo.Sum --timeuot=5s", "did you mean --timeout?"],
  ["call Foo.Sum --addr tcp@a:1", "did you mean --address?"],
  ["call Foo.Sum --hash_key 5", "did you mean --hash-key?"],
  ["server --token t", "did you mean --token-file?"],
  ["server --no-registry", "did you mean --no-register?"],
  ["list --policy random", "it is one of gee call; gee help list"],
  ["call Foo.Sum --threads 2", "behind -- everything is an argument of the call"],
  ["registry --threads 2", "gee help registry"],
  ["--bogus", "gee help"],
  // Values.
  ["call Foo.Sum --policy round-robbin", "did you mean round-robin?"],
  ["call Foo.Sum --policy P2C", "did you mean p2c?"],
  ["call Foo.Sum --policy x", "p2c, least-in-flight"],
  ["call Foo.Sum --timeout 5sec", "durations look like"],
  ["completions bsh", "did you mean bash?"],
  ["completions powershell", "bash, zsh, fish"],
  ["completions", "gee help completions"],
  // Names of services and methods.
  ["describe Foo/Sum", "for example: gee describe Foo.Sum"],
  ["types Foo.Sum", "did you mean Foo?"],
  ["bench Foo Sum", "did you mean Foo.Sum?"],
  ["call Foo", "for example: gee call Foo.Sum 1 2"],
  ["call Foo Sum 1 2", "did you mean Foo.Sum?"],
  ["call Foo/Sum 1 2", "did you mean Foo.Sum?"],
  ["call Foo::Sum", "did you mean Foo.Sum?"],
  ["call Foo#Sum", "did you mean Foo.Sum?"],
  // Help.
  ["help exit-code", "did you mean gee help exit-codes?"],
  ["help argument", "did you mean gee help arguments?"],
  ["help recipe", "did you mean gee help recipes?"],
  ["help lits", "did you mean gee help list?"],
  ["help Foo.Sum", "what a server says of it: gee describe Foo.Sum"],
  ["help xyzzy", "gee help"],
])("gee %s gets a hint", (line, hint) => {
  const said = hintOf(line);
  expect(said).toStartWith(hint);
});

test("a slip in any command and in any flag is understood", () => {
  for (const { name, flags } of commandList) {
    const slip = `${name.slice(0, 2)}x${name.slice(2)}`;
    expect(hintOf(slip)).toBe(`did you mean gee ${name}?`);
    for (const flag of flags) {
      const word = `--${flag.name.slice(0, 2)}x${flag.name.slice(2)}`;
      expect([name, hintOf(`${name} ${word}`)]).toEqual([name, `did you mean --${flag.name}?`]);
    }
  }
});
