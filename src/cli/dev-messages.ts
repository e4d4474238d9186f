import { codeNumbers, GeeError, type Code } from "../base/errors.ts";
import { Fields, list, record, type Parse } from "../base/fields.ts";

/** What a server of `gee dev` tells the process that started it. */
export type DevMessage =
  /** What it would have printed: where it is and what it serves, as JSON. */
  | { readonly kind: "data"; readonly text: string }
  | {
      readonly kind: "talk";
      readonly event: string;
      readonly text: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "error"; readonly error: GeeError };

/** Where a server is and what it serves. */
export interface Served {
  readonly address: string;
  readonly id: string;
  readonly services: readonly { readonly name: string; readonly methods: readonly string[] }[];
}

const string: Parse<string> = (value, path) => {
  if (typeof value === "string") return value;
  throw new GeeError("INVALID_ARGUMENT", `${path}: it must be a string`, { executed: "no" });
};
const any: Parse<unknown> = (value) => value;
const most = Number.MAX_SAFE_INTEGER;

function isCode(text: string): text is Code {
  return Object.hasOwn(codeNumbers, text);
}

function error(value: unknown, path: string): GeeError {
  const fields = new Fields(value, path);
  const code = fields.need("code", string);
  return new GeeError(isCode(code) ? code : "UNKNOWN", fields.need("message", string), {
    reason: fields.may("reason", string),
    hint: fields.may("hint", string),
    details: fields.may("details", any),
    executed: "no",
  });
}

/** Reads a message; undefined for what is none. */
export function parseDevMessage(value: unknown): DevMessage | undefined {
  try {
    return message(value);
  } catch {
    return undefined;
  }
}

function message(value: unknown): DevMessage {
  const fields = new Fields(value, "message");
  const kind = fields.need("kind", string);
  switch (kind) {
    case "data":
      return { kind, text: fields.need("text", string) };
    case "talk":
      return {
        kind,
        event: fields.need("event", string),
        text: fields.need("text", string),
        fields: fields.need("fields", record(most, string, any)),
      };
    case "error":
      return { kind, error: fields.need("error", error) };
    default:
      throw new GeeError("INVALID_ARGUMENT", `there is no message ${kind}`, { executed: "no" });
  }
}

/** Reads what `gee server --json` prints at its start. @throws GeeError INVALID_ARGUMENT, SyntaxError */
export function parseServed(text: string): Served {
  const fields = new Fields(JSON.parse(text), "server");
  return {
    address: fields.need("address", string),
    id: fields.need("id", string),
    services: fields.need(
      "services",
      list(most, (value, path) => {
        const service = new Fields(value, path);
        return {
          name: service.need("name", string),
          methods: service.need("methods", list(most, string)),
        };
      }),
    ),
  };
}
