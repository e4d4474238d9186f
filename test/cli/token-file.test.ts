import { expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { GeeError } from "../../src/base/errors.ts";
import { readSecretFile, readToken } from "../../src/cli/token-file.ts";
import { folder } from "../support/folder.ts";

/** What reading a file that has this text and this mode comes to: its text, or why it is refused. */
async function outcome(
  text: string,
  mode: number,
  read: (path: string) => string | undefined,
): Promise<string | undefined> {
  await using place = await folder();
  const path = await place.write("token", text);
  await chmod(path, mode);
  try {
    return read(path);
  } catch (thrown) {
    const { code, reason, message, hint, executed } = GeeError.from(thrown);
    expect({ code, reason, executed }).toEqual({
      code: "INVALID_ARGUMENT",
      reason: "USAGE",
      executed: "no",
    });
    return `${message}; ${hint}`.replaceAll(place.path, "");
  }
}

test.each([
  ["one token", "s3cret\n", "s3cret"],
  ["one without a line's end", "s3cret", "s3cret"],
  ["one between spaces and empty lines", "\n  s3cret \r\n\n", "s3cret"],
  ["nothing", "", "/token must hold one token, on one line; undefined"],
  ["empty lines", "\n \n", "/token must hold one token, on one line; undefined"],
  ["two lines", "one\ntwo\n", "/token must hold one token, on one line; undefined"],
  ["a line of a registry's", "s3cret read\n", "/token must hold one token, on one line; undefined"],
])("a token is read from a file that holds %s", async (_what, text, expected) => {
  expect(await outcome(text, 0o600, readToken)).toBe(expected);
});

test("without a file there is no token", () => {
  expect(readToken(undefined)).toBeUndefined();
});

test.each([0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o777])(
  "a file of mode 0%o is open to others and refused, with what to do",
  async (mode) => {
    const refused = "others may read /token, which holds secrets; chmod 600 /token";
    expect(await outcome("s3cret\n", mode, readToken)).toBe(refused);
    expect(await outcome("s3cret read\n", mode, readSecretFile)).toBe(refused);
  },
);

test.each([0o600, 0o400, 0o700])("one of mode 0%o is the owner's alone", async (mode) => {
  expect(await outcome("a read\nb write\n", mode, readSecretFile)).toBe("a read\nb write\n");
});

test("a file that is not there is named, and so is what is none", async () => {
  await using place = await folder();
  const { path } = place;
  for (const [at, why] of [
    [`${path}/none`, "cannot be read: ENOENT"],
    [`${await place.write("token", "x")}/x`, "cannot be read: ENOTDIR"],
    [path, "is no file"],
    ["/dev/zero", "is no file"],
  ] as const) {
    for (const read of [readSecretFile, readToken]) expect(() => read(at)).toThrow(`${at} ${why}`);
  }
});

test("a file that is too large to be one of tokens is not read", async () => {
  const large = "/token is larger than 1 MiB; undefined";
  expect(await outcome("x".repeat(1_048_577), 0o600, readSecretFile)).toBe(large);
  const whole = "x".repeat(1_048_576);
  expect((await outcome(whole, 0o600, readSecretFile))?.length).toBe(whole.length);
});

test("a pipe is read to its end", async () => {
  const module = new URL("../../src/cli/token-file.ts", import.meta.url).pathname;
  const code = `console.log(require("${module}").readToken(process.argv.at(-1)))`;
  const script = `"$1" -e '${code}' -- <(sleep 0.1; echo s3cret)`;
  const child = Bun.spawn(["bash", "-c", script, "bash", process.execPath], { stdout: "pipe" });
  expect(await child.stdout.text()).toBe("s3cret\n");
});
