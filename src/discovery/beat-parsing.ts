import {
  anything,
  anyText,
  Fields,
  list,
  number,
  type Parse,
  record,
  word,
} from "../base/fields.ts";
import type { Claim } from "./beat-loop.ts";
import type { FromBeatThread, ToBeatThread } from "./beat-messages.ts";
import type { Description } from "./heartbeat.ts";
import { instanceId, lagMs, parseAnnouncement, revision } from "./member.ts";

// Between threads the messages are what the compiler says. From another process they are not sure to be.

const most = Number.MAX_SAFE_INTEGER;
const span = number(0, most);

/** An announcement, before it is numbered. */
const description: Parse<Description> = (value, path) => {
  const all = typeof value === "object" && value !== null ? { ...value, revision: 0 } : value;
  const { revision: _none, lagMs: _measured, ...said } = parseAnnouncement(all, path);
  return said;
};

const claim: Parse<Claim> = (value, path) => {
  const fields = new Fields(value, path);
  return {
    id: fields.need("id", instanceId),
    revision: fields.need("revision", revision),
    secret: fields.need("secret", anyText),
    leaseMs: fields.need("leaseMs", span),
  };
};

/** What the process that is announced says. @throws GeeError INVALID_ARGUMENT, naming the field */
export function parseToBeatThread(value: unknown): ToBeatThread {
  const fields = new Fields(value, "beats");
  const kind = fields.need("kind", word("start", "sign", "update", "withdraw"));
  switch (kind) {
    case "start":
      return {
        kind,
        urls: fields.need("urls", list(most, anyText)),
        token: fields.may("token", anyText),
        description: fields.need("description", description),
        revision: fields.need("revision", revision),
        secret: fields.need("secret", anyText),
        hungAfterMs: fields.need("hungAfterMs", span),
      };
    case "sign":
      return {
        kind,
        description: fields.need("description", description),
        lagMs: fields.need("lagMs", lagMs),
      };
    case "update":
      return { kind, description: fields.need("description", description) };
    case "withdraw":
      return { kind };
  }
}

/** What the process that beats says. @throws GeeError INVALID_ARGUMENT, naming the field */
export function parseFromBeatThread(value: unknown): FromBeatThread {
  const fields = new Fields(value, "beats");
  const kind = fields.need("kind", word("registered", "claim", "log", "withdrawn"));
  switch (kind) {
    case "registered":
      return { kind, url: fields.need("url", anyText) };
    case "claim":
      return { kind, url: fields.need("url", anyText), claim: fields.need("claim", claim) };
    case "log":
      return {
        kind,
        level: fields.need("level", word("debug", "info", "warn", "error")),
        message: fields.need("message", anyText),
        fields: fields.need("fields", record(most, anyText, anything)),
      };
    case "withdrawn":
      return { kind };
  }
}
