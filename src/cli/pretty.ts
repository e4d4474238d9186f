import { toJson, typedElements } from "./json.ts";

/** How {@link pretty} writes. */
export interface PrettyOptions {
  readonly colours: boolean;
  /** Columns that one line may take before a value is spread over several. */
  readonly width: number;
}

const maxShownBytes = 256;

/** Wraps text in a colour of the terminal's own palette. */
export function paint(text: string, colour: keyof typeof palette, colours: boolean): string {
  return colours ? `\u001b[${palette[colour]}m${text}\u001b[39m\u001b[22m` : text;
}

const palette = {
  red: "1;31",
  green: "32",
  yellow: "33",
  magenta: "35",
  cyan: "36",
  grey: "90",
} as const;

function bytesText(bytes: Uint8Array): string {
  const rest = bytes.length - maxShownBytes;
  const shown = bytes.subarray(0, maxShownBytes).toBase64();
  const tail = rest > 0 ? `... and ${rest} more` : "";
  return `<${bytes.length} ${bytes.length === 1 ? "byte" : "bytes"}, base64 ${shown}${tail}>`;
}

function fieldName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : toJson(name);
}

/**
 * A value for eyes, like `Bun.inspect` and on one line where it fits. Own code, because text from
 * elsewhere is in it: every string and name goes through JSON's escapes, so that no control
 * character of theirs reaches the terminal.
 */
export function pretty(value: unknown, options: PrettyOptions): string {
  const { colours, width } = options;

  function leaf(plain: unknown): string {
    switch (typeof plain) {
      case "string":
        return paint(toJson(plain), "green", colours);
      case "number":
      case "boolean":
        return paint(String(plain), "yellow", colours);
      case "bigint":
        return paint(`${plain}n`, "yellow", colours);
      default:
        return paint(String(plain), "grey", colours);
    }
  }

  /** Brackets and items of what has parts; undefined for a leaf. */
  function parts(whole: object): { open: string; close: string; items: [string, unknown][] } {
    const elements = Array.isArray(whole) ? whole : typedElements(whole);
    if (elements === undefined) {
      const items = Object.entries(whole).map(([name, part]): [string, unknown] => [
        `${fieldName(name)}: `,
        part,
      ]);
      return { open: "{", close: "}", items };
    }
    const kind = Array.isArray(whole) ? "" : `${whole.constructor.name} `;
    return {
      open: `${kind}[`,
      close: "]",
      items: elements.map((part): [string, unknown] => ["", part]),
    };
  }

  function write(part: unknown, indent: number): string {
    if (typeof part !== "object" || part === null) return leaf(part);
    if (part instanceof Uint8Array) return paint(bytesText(part), "magenta", colours);
    if (part instanceof Date) {
      const text = Number.isNaN(part.getTime()) ? "invalid date" : part.toISOString();
      return paint(text, "magenta", colours);
    }
    const { open, close, items } = parts(part);
    if (items.length === 0) return open + close;
    const written = items.map(([name, item]) => name + write(item, indent + 2));
    const gap = open === "{" ? " " : "";
    const line = `${open}${gap}${written.join(", ")}${gap}${close}`;
    if (!line.includes("\n") && indent + Bun.stringWidth(line) <= width) return line;
    const margin = " ".repeat(indent + 2);
    return `${open}\n${written.map((item) => `${margin}${item},\n`).join("")}${" ".repeat(indent)}${close}`;
  }

  return write(value, 0);
}
