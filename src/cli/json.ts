import { limits } from "../base/limits.ts";

/** Where a text stops being JSON, as an offset in UTF-16 units, and what was wrong there. */
export interface JsonFault {
  readonly offset: number;
  readonly message: string;
}

/** What {@link parseJson} made of a text. */
export type JsonReading =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "fault"; readonly fault: JsonFault };

/** Nesting that is read; what a call carries is far below it, and a stack is not endless. */
const maxDepth = 512;
const maxInteger = 1n << BigInt(limits.maxBigintBytes * 8);

const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const plainText = /[^"\\\u0000-\u001f]*/y;
const space = /[ \t\n\r]*/y;
const words: readonly (readonly [string, unknown])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];
const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/**
 * Reads one JSON value. Own code and not `JSON.parse`, for two reasons: Bun's does not say where a
 * text is wrong, and it rounds integers beyond 2^53 without a word. Here such an integer becomes a
 * bigint, which travels whole; one beyond what travels is a fault. All else is as in `JSON.parse`.
 */
export function parseJson(text: string): JsonReading {
  let at = 0;

  const stop = (message: string): never => {
    throw new SyntaxError(message);
  };
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at += match[0].length;
    return match;
  };
  const expected = (what: string): never =>
    stop(
      at >= text.length
        ? `expected ${what}, but the text ends here`
        : `expected ${what}, found ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))}`,
    );

  function readNumber(): unknown {
    const match = take(number);
    if (match === null) return expected("a number");
    const [digits, fraction, exponent] = match;
    if (fraction !== undefined || exponent !== undefined) return Number(digits);
    const value = Number(digits);
    if (Number.isSafeInteger(value)) return value;
    const whole = BigInt(digits);
    if (whole < maxInteger && whole > -maxInteger) return whole;
    at -= digits.length;
    return stop(`an integer has at most ${limits.maxBigintBytes} bytes`);
  }

  function readString(): string {
    at += 1;
    let value = "";
    for (;;) {
      value += take(plainText)?.[0] ?? "";
      const character = text[at];
      if (character === '"') {
        at += 1;
        return value;
      }
      if (character === undefined) return expected('a closing "');
      if (character !== "\\") return stop("a control character in a string is written as \\u00..");
      const letter = text[at + 1] ?? "";
      if (letter === "u") {
        const hex = text.slice(at + 2, at + 6);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) return stop("\\u needs four hex digits");
        value += String.fromCharCode(Number.parseInt(hex, 16));
        at += 6;
      } else {
        value += escapes.get(letter) ?? stop(`there is no escape \\${letter}`);
        at += 2;
      }
    }
  }

  function readList<T>(close: string, read: () => T): T[] {
    at += 1;
    const items: T[] = [];
    take(space);
    if (text[at] === close) {
      at += 1;
      return items;
    }
    for (;;) {
      items.push(read());
      take(space);
      if (text[at] === close) {
        at += 1;
        return items;
      }
      if (text[at] !== ",") return expected(`, or ${close}`);
      at += 1;
      take(space);
    }
  }

  function readValue(depth: number): unknown {
    take(space);
    const character = text[at] ?? "";
    if (depth > maxDepth) return stop(`a value is nested at most ${maxDepth} deep`);
    if (character === '"') return readString();
    if (character === "[") return readList("]", () => readValue(depth + 1));
    if (character === "{") {
      const fields = readList("}", (): [string, unknown] => {
        if (text[at] !== '"') return expected('a name in "');
        const name = readString();
        take(space);
        if (text[at] !== ":") return expected(":");
        at += 1;
        return [name, readValue(depth + 1)];
      });
      // Makes "__proto__" an ordinary field, as JSON.parse does; an assignment would not.
      return Object.fromEntries(fields);
    }
    if (character === "-" || (character >= "0" && character <= "9")) return readNumber();
    for (const [word, value] of words) {
      if (!text.startsWith(word, at)) continue;
      at += word.length;
      return value;
    }
    return expected("a value");
  }

  try {
    const value = readValue(0);
    take(space);
    if (at < text.length) return expected("the end");
    return { kind: "value", value };
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return { kind: "fault", fault: { offset: at, message: thrown.message } };
  }
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value;
}

/** The elements of a typed array that is no byte array; undefined for anything else. */
export function typedElements(value: unknown): readonly unknown[] | undefined {
  if (!ArrayBuffer.isView(value) || value instanceof Uint8Array) return undefined;
  return isIterable(value) ? [...value] : undefined;
}

function unfit(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return value.toBase64();
  return typedElements(value) ?? value;
}

/**
 * Any value that can travel, as one line of JSON. What JSON cannot hold: bytes become base64,
 * other typed arrays arrays of numbers, a bigint a string, a Date its ISO text, NaN and the
 * infinities null, undefined null (as a field of an object it is left out).
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value, unfit) ?? "null";
  // Legal in JSON, but a terminal acts on some of them and a line-based reader breaks on others.
  return text.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
