import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { createLog } from "../../src/base/log.ts";
import { logChange, logMode } from "../../src/directory/journal.ts";

test("what happens is one line each, and a silence is a warning", () => {
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line), "debug");
  const address = parseAddress("tcp@a:1");
  logChange(log, { kind: "joined", address, id: "0a" });
  logChange(log, { kind: "suspect", address, id: "0a" });
  logChange(log, { kind: "expired", address, id: undefined });
  logChange(log, { kind: "forgotten", address, id: "0a" });
  logMode(log, { kind: "frozen", of: "old peers", late: 3, total: 10 });
  logMode(log, { kind: "thawed", of: "instances", late: 2, total: 10 });
  logMode(log, { kind: "warm" });
  expect(lines).toEqual([
    "info member joined address=tcp@a:1 id=0a",
    "warn member suspect address=tcp@a:1 id=0a",
    "info member expired address=tcp@a:1",
    "debug member forgotten address=tcp@a:1 id=0a",
    'warn removals stop, as too many fell silent at once of="old peers" late=3 total=10',
    "warn removals go on of=instances late=2 total=10",
    "info warm: everybody had a lease to say hello",
  ]);
});
