import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { memberAt } from "../../src/discovery/member.ts";
import { Strangers } from "../../src/routing/strangers.ts";
import { FakeClock } from "../support/clock.ts";
import { memoryLog } from "../support/memory-log.ts";

const member = memberAt(parseAddress("tcp@127.0.0.1:1"));
const other = memberAt(parseAddress("tcp@127.0.0.1:2"));

const noFrame = (): GeeError => new GeeError("UNAVAILABLE", "http", { reason: "NOT_A_FRAME" });
const wordless = (): GeeError => new GeeError("UNAVAILABLE", "no hello", { reason: "NO_HELLO" });
const refused = (): GeeError => new GeeError("UNAVAILABLE", "no", { reason: "CONNECT_FAILED" });

function strangers(named = false) {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  return { clock, lines, strangers: new Strangers(clock, log, named) };
}

test("an address that speaks something else is left alone for five minutes", () => {
  const { clock, lines, strangers: known } = strangers();
  const error = noFrame();
  known.noteFailure(member, error);
  expect(known.error(member)).toBe(error);
  expect(known.error(other)).toBeUndefined();
  clock.stall(limits.strangerMs - 1);
  expect(known.error(member)).toBe(error);
  clock.stall(1);
  expect(known.error(member)).toBeUndefined();
  expect(lines).toHaveLength(1);
  // The next one is as good as the first.
  known.noteFailure(member, noFrame());
  expect(known.error(member)).toBeDefined();
  expect(lines).toHaveLength(2);
});

test("one that closes without a word is, after the third time; a shared dial counts once", () => {
  const { strangers: known, lines } = strangers();
  const shared = wordless();
  for (let each = 0; each < 5; each++) known.noteFailure(member, shared);
  known.noteFailure(member, wordless());
  expect(known.error(member)).toBeUndefined();
  known.noteFailure(member, wordless());
  expect(known.error(member)).toMatchObject({ reason: "NO_HELLO" });
  expect(lines).toHaveLength(1);
});

test("one that was left alone is given three times again", () => {
  const { clock, strangers: known } = strangers();
  for (let each = 0; each < 3; each++) known.noteFailure(member, wordless());
  clock.stall(limits.strangerMs);
  for (let each = 0; each < 2; each++) known.noteFailure(member, wordless());
  expect(known.error(member)).toBeUndefined();
  known.noteFailure(member, wordless());
  expect(known.error(member)).toBeDefined();
});

test("a hello in between begins the count anew, and ends its being one", () => {
  const { strangers: known } = strangers();
  for (let each = 0; each < 2; each++) known.noteFailure(member, wordless());
  known.noteHello(member);
  for (let each = 0; each < 2; each++) known.noteFailure(member, wordless());
  expect(known.error(member)).toBeUndefined();
  known.noteFailure(member, wordless());
  expect(known.error(member)).toBeDefined();
  known.noteHello(member);
  expect(known.error(member)).toBeUndefined();
});

test("other failures say nothing of that", () => {
  const { strangers: known, lines } = strangers();
  for (let each = 0; each < 10; each++) known.noteFailure(member, refused());
  expect(known.error(member)).toBeUndefined();
  expect(lines).toEqual([]);
});

test("who is listed with what it serves is none, nor is who was named by the user", () => {
  const { strangers: known } = strangers();
  const listed = { ...member, services: ["Foo"] };
  for (let each = 0; each < 3; each++) known.noteFailure(listed, noFrame());
  expect(known.error(listed)).toBeUndefined();
  const { strangers: byName } = strangers(true);
  for (let each = 0; each < 3; each++) byName.noteFailure(member, noFrame());
  expect(byName.error(member)).toBeUndefined();
});

test("who is listed no more is forgotten", () => {
  const { strangers: known } = strangers();
  known.noteFailure(member, noFrame());
  known.noteFailure(other, noFrame());
  known.keepOnly(new Set([other.address]));
  expect(known.error(member)).toBeUndefined();
  expect(known.error(other)).toBeDefined();
});
