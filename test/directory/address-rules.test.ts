import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { checkAddress, headerAddress } from "../../src/directory/address-rules.ts";
import { fine, forbidden, malformed, ownMachine, unspecified } from "../support/addresses.ts";

/** The code and reason of what `work` throws; `"fine"` when it does not. */
function outcome(work: () => unknown): string {
  try {
    work();
    return "fine";
  } catch (thrown) {
    const { code, reason, executed } = GeeError.from(thrown);
    return `${code} ${reason} ${executed}`;
  }
}

const rules: readonly (readonly [all: readonly string[], strict: string, lax: string])[] = [
  [malformed, "INVALID_ARGUMENT BAD_ADDRESS no", "INVALID_ARGUMENT BAD_ADDRESS no"],
  [forbidden, "INVALID_ARGUMENT BAD_ADDRESS no", "INVALID_ARGUMENT BAD_ADDRESS no"],
  [unspecified, "INVALID_ARGUMENT BAD_ADDRESS no", "INVALID_ARGUMENT BAD_ADDRESS no"],
  [ownMachine, "PERMISSION_DENIED LOOPBACK_ADDRESS no", "fine"],
  [fine, "fine", "fine"],
];

test("there are more than 300 of them, each once", () => {
  const all = rules.flatMap(([texts]) => texts);
  expect(all.length).toBeGreaterThan(300);
  expect(new Set(all).size).toBe(all.length);
});

test.each(rules.flatMap(([all, strict, lax]) => all.map((text) => [text, strict, lax] as const)))(
  "%p: %s; where loopback is allowed: %s",
  (text, strict, lax) => {
    expect(outcome(() => checkAddress(parseAddress(text), false))).toBe(strict);
    expect(outcome(() => checkAddress(parseAddress(text), true))).toBe(lax);
    if (unspecified.includes(text)) return;
    expect(outcome(() => headerAddress(text, "10.0.0.9", false))).toBe(strict);
    expect(outcome(() => headerAddress(text, "127.0.0.1", true))).toBe(lax);
  },
);

test("what GeeRPC has behind HTTP is listed by the same rules, and is nobody's own address", () => {
  for (const [texts, strict, lax] of rules.slice(1)) {
    for (const written of texts.filter((one) => one.startsWith("tcp@"))) {
      const text = written.replace("tcp@", "http@");
      expect(outcome(() => parseAddress(text))).toBe("INVALID_ARGUMENT BAD_ADDRESS no");
      if (unspecified.includes(written)) continue;
      expect([text, outcome(() => headerAddress(text, "10.0.0.9", false))]).toEqual([text, strict]);
      expect([text, outcome(() => headerAddress(text, "127.0.0.1", true))]).toEqual([text, lax]);
    }
  }
});

test.each(unspecified)(
  "%p of a header-only peer is its source, where that can be called",
  (text) => {
    const from = (source: string | undefined, lax: boolean) => headerAddress(text, source, lax);
    expect<string>(from("10.0.0.9", false)).toBe("tcp@10.0.0.9:4000");
    expect<string>(from("::ffff:10.0.0.9", false)).toBe("tcp@10.0.0.9:4000");
    expect<string>(from("2001:db8::1", false)).toBe("tcp@[2001:db8::1]:4000");
    // From this machine it is kept as it stands, where this machine is all that counts.
    for (const source of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
      expect(from(source, true)).toBe(parseAddress(text));
      expect(outcome(() => from(source, false))).toBe("PERMISSION_DENIED LOOPBACK_ADDRESS no");
    }
    for (const source of [undefined, "169.254.1.1", "fe80::1", "fe80::1%eth0", "nonsense!"]) {
      expect(outcome(() => from(source, true))).toBe("INVALID_ARGUMENT BAD_ADDRESS no");
    }
  },
);

test("the refusal says what is wrong, and who can change it", () => {
  const words = (text: string): string => {
    try {
      checkAddress(parseAddress(text), false);
    } catch (thrown) {
      return GeeError.from(thrown).message;
    }
    return "";
  };
  expect(words("tcp@169.254.169.254:80")).toEndWith("tcp@169.254.169.254:80: it is link-local");
  expect(words("tcp@[ff02::1]:80")).toEndWith("it is multicast");
  expect(words("tcp@255.255.255.255:80")).toEndWith("it is broadcast");
  expect(words("tcp@[::]:80")).toEndWith("it is unspecified");
  expect(words("tcp@127.0.0.1:80")).toContain("--allow-loopback");
});
