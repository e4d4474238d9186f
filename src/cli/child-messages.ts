import { codeNumbers, GeeError, type Code } from "../base/errors.ts";
import { anything, anyText, Fields, list, record } from "../base/fields.ts";

/** What a server tells the process that started it. */
export type ChildMessage =
  /** What it would have printed: where it is and what it serves, as JSON. */
  | { readonly kind: "data"; readonly text: string }
  | {
      readonly kind: "talk";
      readonly event: string;
      readonly text: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "error"; readonly error: GeeError }
  /** For whoever beats for it. */
  | { readonly kind: "beats"; readonly message: unknown };

/** Where a server is and what it serves. */
export interface Served {
  readonly address: string;
  readonly id: string;
  readonly services: readonly {
    readonly name: string;
    readonly methods: readonly string[];
    /** The hash of its contract, where that is known. */
    readonly contract?: string | undefined;
  }[];
}

const most = Number.MAX_SAFE_INTEGER;

function isCode(text: string): text is Code {
  return Object.hasOwn(codeNumbers, text);
}

function error(value: unknown, path: string): GeeError {
  const fields = new Fields(value, path);
  const code = fields.need("code", anyText);
  return new GeeError(isCode(code) ? code : "UNKNOWN", fields.need("message", anyText), {
    reason: fields.may("reason", anyText),
    hint: fields.may("hint", anyText),
    details: fields.may("details", anything),
    executed: "no",
  });
}

/** Reads a message; undefined for what is none. */
export function parseChildMessage(value: unknown): ChildMessage | undefined {
  try {
    return message(value);
  } catch {
    return undefined;
  }
}

function message(value: unknown): ChildMessage {
  const fields = new Fields(value, "message");
  const kind = fields.need("kind", anyText);
  switch (kind) {
    case "data":
      return { kind, text: fields.need("text", anyText) };
    case "talk":
      return {
        kind,
        event: fields.need("event", anyText),
        text: fields.need("text", anyText),
        fields: fields.need("fields", record(most, anyText, anything)),
      };
    case "error":
      return { kind, error: fields.need("error", error) };
    case "beats":
      return { kind, message: fields.need("message", anything) };
    default:
      throw new GeeError("INVALID_ARGUMENT", `there is no message ${kind}`, { executed: "no" });
  }
}

/** Reads what `gee server --json` prints at its start. @throws GeeError INVALID_ARGUMENT, SyntaxError */
export function parseServed(text: string): Served {
  const fields = new Fields(JSON.parse(text), "server");
  return {
    address: fields.need("address", anyText),
    id: fields.need("id", anyText),
    services: fields.need(
      "services",
      list(most, (value, path) => {
        const service = new Fields(value, path);
        return {
          name: service.need("name", anyText),
          methods: service.need("methods", list(most, anyText)),
          contract: service.may("contract", anyText),
        };
      }),
    ),
  };
}
