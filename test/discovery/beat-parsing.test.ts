import { expect, test } from "bun:test";
import type { FromBeatThread, ToBeatThread } from "../../src/discovery/beat-messages.ts";
import { parseFromBeatThread, parseToBeatThread } from "../../src/discovery/beat-parsing.ts";
import { newSecret } from "../../src/discovery/member.ts";
import { announcement } from "../support/registry.ts";

const { revision, ...plain } = announcement({ leaseMs: 900 });
const description = { ...plain, load: 3, group: "web", tags: { stage: "canary" } };
const secret = newSecret();

const start: ToBeatThread = {
  kind: "start",
  urls: ["http://127.0.0.1:9999/_geerpc_/registry"],
  token: "t".repeat(20),
  description,
  revision,
  secret,
  hungAfterMs: 60_000,
};

const toThread: readonly ToBeatThread[] = [
  start,
  { ...start, token: undefined },
  { kind: "sign", description, lagMs: 12.5 },
  { kind: "update", description },
  { kind: "withdraw" },
];

const fromThread: readonly FromBeatThread[] = [
  { kind: "registered", url: "http://a" },
  {
    kind: "claim",
    url: "http://a",
    claim: { id: plain.id, revision: 3, secret, leaseMs: 9_000 },
  },
  { kind: "log", level: "warn", message: "m", fields: { url: "http://a", n: [1, null] } },
  { kind: "withdrawn" },
];

test.each(toThread.map((message) => [message.kind, message] as const))(
  "%s comes to the one that beats as it was said",
  (_kind, message) => {
    expect(parseToBeatThread(JSON.parse(JSON.stringify(message)))).toEqual(message);
  },
);

test.each(fromThread.map((message) => [message.kind, message] as const))(
  "%s comes from the one that beats as it was said",
  (_kind, message) => {
    expect(parseFromBeatThread(JSON.parse(JSON.stringify(message)))).toEqual(message);
  },
);

test.each([
  ["beats: it must be an object", 5],
  ["beats.kind: it must be one of", { kind: "stop" }],
  ["beats.urls: it must be an array", { ...start, urls: "http://a" }],
  ["beats.token", { ...start, token: 5 }],
  ["beats.description: it must be an object", { ...start, description: 5 }],
  ["beats.description.id: it must match", { ...start, description: { ...plain, id: "x" } }],
  ["beats.description.address", { kind: "sign", description: { ...plain, address: 1 }, lagMs: 0 }],
  ["beats.lagMs: it must be a number", { kind: "sign", description, lagMs: "0" }],
  ["beats.revision", { ...start, revision: -1 }],
  ["beats.hungAfterMs: it must be a number", { ...start, hungAfterMs: null }],
])("%s", (words, message) => {
  expect(() => parseToBeatThread(message)).toThrow(words);
});

test.each([
  ["beats.kind: it is missing", {}],
  ["beats.url: it must be a string", { kind: "registered", url: 5 }],
  ["beats.claim.id: it is missing", { kind: "claim", url: "u", claim: {} }],
  ["beats.level: it must be one of", { kind: "log", level: "loud", message: "", fields: {} }],
])("%s", (words, message) => {
  expect(() => parseFromBeatThread(message)).toThrow(words);
});
