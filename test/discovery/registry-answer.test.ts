import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import {
  parseFailure,
  parseGrant,
  parseHeaderList,
  parseList,
} from "../../src/discovery/registry-answer.ts";
import { member } from "../support/scripted-registry.ts";

const place = { epoch: "e", index: 1, token: "e-1" };
const state = { protocol: 1, ...place, leaseMs: 9_000, warming: false, frozen: false };

test("one bad instance is skipped by name and the rest is listed", () => {
  const instances = [member("a"), { address: "tcp@a:1,tcp@b:2" }, null, { address: "tcp@b:1" }];
  const { members, skipped } = parseList({ ...state, instances });
  expect<unknown[]>(members.map(({ address }) => address)).toEqual(["tcp@host-a:1", "tcp@b:1"]);
  expect(skipped).toEqual([
    expect.stringContaining("answer.instances[1].address: malformed address"),
    "answer.instances[2]: it must be an object",
  ]);
});

test("unknown fields and later protocols are read as far as they are known", () => {
  const later = { ...state, protocol: 2, instances: [{ address: "tcp@a:1", mood: 1 }], more: "x" };
  expect(parseList(later)).toMatchObject({ members: [{ address: "tcp@a:1" }], skipped: [] });
});

test("what is no list is refused", () => {
  const wrong = [null, [], {}, state, { ...state, instances: {} }, { ...state, protocol: "1" }];
  for (const value of wrong) expect(() => parseList(value)).toThrow("answer");
});

test("a whole list has no gone members, and a delta names them", () => {
  const gone = [{ id: member("b").id, address: "tcp@b:1" }, { address: "tcp@c:1" }];
  const instances = [member("a")];
  const whole = parseList({ ...state, instances, gone, hash: "0123456789abcdef" });
  expect(whole).toMatchObject({ ...place, delta: false, gone: [], hash: "0123456789abcdef" });
  const delta = parseList({ ...state, delta: true, instances, gone });
  expect(delta).toMatchObject({ delta: true, members: instances, gone, skipped: [] });
  expect(delta.hash).toBeUndefined();
});

test("what is wrong in a delta is skipped by name", () => {
  const gone = [
    { address: "nonsense" },
    { id: "short", address: "tcp@a:1" },
    { address: "tcp@b:1" },
  ];
  const delta = parseList({ ...state, delta: true, instances: [1], gone });
  expect(delta.gone).toMatchObject([{ address: "tcp@b:1" }]);
  expect(delta.skipped).toEqual([
    "answer.instances[0]: it must be an object",
    expect.stringContaining("answer.gone[0].address: malformed address"),
    expect.stringContaining("answer.gone[1].id: it must match"),
  ]);
});

test.each([
  ["delta", { delta: "yes" }],
  ["gone", { delta: true }],
  ["gone", { delta: true, gone: {} }],
  ["epoch", { epoch: "" }],
  ["epoch", { epoch: undefined }],
  ["index", { index: -1 }],
  ["index", { index: 1.5 }],
  ["token", { token: "a\nb" }],
  ["hash", { hash: "0123" }],
  ["hash", { hash: "0123456789ABCDEF" }],
  ["leaseMs", { leaseMs: "9s" }],
  ["warming", { warming: 1 }],
  ["frozen", { frozen: null }],
])("an answer with a wrong %s is refused: %p", (field, changes) => {
  expect(() => parseList({ ...state, instances: [], ...changes })).toThrow(`answer.${field}`);
});

test("a list beyond the limit is cut, and says so", () => {
  const instances = Array.from({ length: limits.maxInstances + 2 }, (_, index) => ({
    address: `tcp@h${index}:1`,
  }));
  const { members, skipped } = parseList({ ...state, instances });
  expect([members.length, skipped.length]).toEqual([limits.maxInstances, 1]);
});

test("GeeRPC's header is read with its spaces and empty places, and without what is malformed", () => {
  const list = parseHeaderList(" tcp@b:1 ,, tcp@a:1,nonsense, http@c:1,https@d:1,");
  expect(list).toMatchObject({
    members: [{ address: "tcp@b:1" }, { address: "tcp@a:1" }, { address: "http@c:1" }],
    leaseMs: limits.leaseMs,
  });
  expect(list.skipped).toHaveLength(2);
  expect(list.token).toBeUndefined();
  expect(parseHeaderList("").members).toEqual([]);
});

test("a grant says lease and secret; a beat's keeps the secret", () => {
  const granted = { id: member("a").id, secret: "s", leaseMs: 600, index: 3 };
  expect(parseGrant(granted, undefined)).toEqual({ kind: "granted", secret: "s", leaseMs: 600 });
  expect(parseGrant({ leaseMs: 600 }, "t")).toEqual({ kind: "granted", secret: "t", leaseMs: 600 });
  expect(() => parseGrant({ leaseMs: 600 }, undefined)).toThrow("answer.secret: it is missing");
});

test("a lease that would make the server beat without pause, or never, is no grant", () => {
  for (const leaseMs of [0, -1, 199, 300_001, "9s", null]) {
    expect(() => parseGrant({ secret: "s", leaseMs }, undefined)).toThrow("answer.leaseMs");
  }
});

test("an error is believed when a registry would send it, and printed safely", () => {
  const error = { code: "NOT_FOUND", message: "who?\u001b[31m" };
  expect(parseFailure({ error }, "http://r")).toMatchObject({
    code: "NOT_FOUND",
    message: "registry http://r: who?\\u001b[31m",
    executed: "no",
  });
  const ill = { code: "UNAVAILABLE", message: "no etcd answers" };
  expect(parseFailure({ error: ill }, "http://r")).toMatchObject({ code: "UNAVAILABLE" });
  const others = [{ error: { code: "OK", message: "" } }, { error: { code: "CANCELLED" } }, {}, 1];
  for (const value of others) expect(parseFailure(value, "http://r")).toBeUndefined();
});
