import { expect, test } from "bun:test";
import { parseAddress, parsePeerAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import {
  addressKey,
  decodeRecord,
  encodeRecord,
  instanceKey,
  keyOf,
} from "../../src/directory/etcd-records.ts";
import { brokenRecords, loopbackRecord, soundRecord } from "../support/broken-records.ts";
import { storedInstance } from "./stored-members.ts";
import { id } from "./table-bench.ts";

const old = { address: parseAddress("tcp@a:1"), old: true } as const;
const one = storedInstance(1);

/** A key as the API gives it. */
function entry(key: string, value: string | Uint8Array | undefined, lease = "5") {
  const coded = value === undefined ? undefined : Buffer.from(value).toString("base64");
  return { key, rawKey: Buffer.from(key).toString("base64"), revision: 3, lease, value: coded };
}

test("what is written is read as it was", () => {
  expect(keyOf(one)).toBe(`gee/i/${id(1)}`);
  expect(decodeRecord(entry(keyOf(one), encodeRecord(one)), false)).toMatchObject(one);
  expect(keyOf(old)).toBe("gee/a/tcp@a:1");
  const peer = { address: parsePeerAddress("http@a:1"), old: true } as const;
  expect(decodeRecord(entry(keyOf(peer), encodeRecord(peer), "0"), false)).toEqual(peer);
  expect(decodeRecord(entry(keyOf(old), encodeRecord(old), "0"), false)).toEqual(old);
});

const good = encodeRecord(one);

test.each([
  ["it is no JSON text", entry(instanceKey(id(1)), "")],
  ["it is no JSON text", entry(instanceKey(id(1)), "{")],
  ["it is no JSON text", entry(instanceKey(id(1)), Uint8Array.of(0x22, 0xff, 0x22))],
  ["it is larger", entry(instanceKey(id(1)), undefined)],
  ["record of another key", entry(instanceKey(id(2)), good)],
  ["record of another key", entry(`gee/x/${id(1)}`, good)],
  ["record of another key", entry(addressKey(parseAddress("tcp@b:1")), encodeRecord(old))],
  ["under no lease", entry(instanceKey(id(1)), good, "0")],
  ["record.state", entry(instanceKey(id(1)), good.replace(`"up"`, `"gone"`))],
  ["record.leaseMs", entry(instanceKey(id(1)), good.replace("9000", "1"))],
  ["record.announcement.address", entry(instanceKey(id(1)), good.replace("tcp@", "tcp@me@"))],
  ["record.address", entry("gee/a/tcp@a:1,tcp@b:2", `{"old":true,"address":"tcp@a:1,tcp@b:2"}`)],
])("it is refused: %s", (why, broken) => {
  let thrown: unknown;
  try {
    decodeRecord(broken, true);
  } catch (error) {
    thrown = error;
  }
  expect(GeeError.from(thrown).code).toBe("INVALID_ARGUMENT");
  expect(GeeError.from(thrown).message).toContain(why);
});

/** What reading a record fails with; "fine" when it does not. */
function outcome({ key, value }: { key: string; value: string | Uint8Array }, lax: boolean) {
  try {
    // A larger one is left out by the API.
    const given = value.length > limits.maxRegistryBodyBytes + 4 ? undefined : value;
    decodeRecord(entry(key, given), lax);
    return "fine";
  } catch (thrown) {
    return GeeError.from(thrown).code;
  }
}

test("whatever else is written there is refused, each with a code and none with a crash", () => {
  expect(brokenRecords.length).toBeGreaterThanOrEqual(500);
  expect(new Set(brokenRecords.map(({ key }) => key)).size).toBe(brokenRecords.length);
  const taken = brokenRecords.filter((broken) => outcome(broken, true) !== "INVALID_ARGUMENT");
  expect(taken.map(({ words }) => words)).toEqual([]);
});

test("what they are made from is fine, and an own machine's address where that is", () => {
  expect(outcome(soundRecord(1), false)).toBe("fine");
  expect(outcome(loopbackRecord(1), true)).toBe("fine");
  expect(outcome(loopbackRecord(1), false)).toBe("PERMISSION_DENIED");
});
