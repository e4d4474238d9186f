import { expect, test } from "bun:test";
import type { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { Admission } from "../../src/rpc/admission.ts";
import type { Admitted } from "../../src/rpc/admission.ts";
import { FakeClock } from "../support/clock.ts";
import { MemoryLink } from "../support/links.ts";

function caller(peer: string, local = false): Admitted & { readonly dropped: GeeError[] } {
  const dropped: GeeError[] = [];
  return { link: new MemoryLink({ peer, local }), dropped, refuse: (why) => dropped.push(why) };
}

test("there is room for so many connections, and for another when one has left", () => {
  const admission = new Admission(8, new FakeClock());
  const callers = Array.from({ length: 8 }, (_, n) => caller(`10.0.0.${n}:1`));
  for (const one of callers) {
    expect(admission.enter(one)).toBeUndefined();
    admission.greeted(one);
  }
  const late = caller("10.0.0.9:1");
  expect(admission.enter(late)).toMatchObject({ reason: "TOO_MANY_CONNECTIONS" });
  admission.left(late);
  const [first] = callers;
  if (first !== undefined) admission.left(first);
  expect(admission.enter(caller("10.0.0.9:2"))).toBeUndefined();
});

test("one address has its share, and this machine has no such limit", () => {
  const admission = new Admission(10_000, new FakeClock());
  for (let port = 1; port <= limits.maxConnectionsPerAddress; port++) {
    const one = caller(`10.0.0.1:${port}`);
    expect(admission.enter(one)).toBeUndefined();
    admission.greeted(one);
  }
  const refused = caller("10.0.0.1:2000");
  expect(admission.enter(refused)).toMatchObject({
    reason: "TOO_MANY_CONNECTIONS",
    message: "1024 connections of 10.0.0.1 are open",
  });
  admission.left(refused);
  expect(admission.enter(caller("10.0.0.2:1"))).toBeUndefined();
  for (let port = 1; port <= 2_000; port++) {
    const one = caller(`127.0.0.1:${port}`, true);
    expect(admission.enter(one)).toBeUndefined();
    admission.greeted(one);
  }
});

test("of those who have not said hello the oldest makes room, and one that has never does", async () => {
  const clock = new FakeClock();
  const admission = new Admission(16, clock);
  const quiet = Array.from({ length: 4 }, (_, n) => caller(`10.0.0.${n}:1`));
  for (const one of quiet) admission.enter(one);
  const [polite, oldest] = quiet;
  if (polite !== undefined) admission.greeted(polite);
  expect(admission.enter(caller("10.0.1.1:1"))).toBeUndefined();
  expect(quiet.flatMap(({ dropped }) => dropped)).toEqual([]);
  await clock.advance(1_000);
  expect(admission.enter(caller("10.0.1.2:1"))).toBeUndefined();
  expect(oldest?.dropped).toMatchObject([{ reason: "TOO_MANY_GREETINGS" }]);
  expect(polite?.dropped).toEqual([]);
});

test("a crowd that comes at once has its chance to speak", () => {
  const admission = new Admission(16, new FakeClock());
  const crowd = Array.from({ length: 16 }, (_, n) => caller(`10.0.0.${n}:1`));
  for (const one of crowd) expect(admission.enter(one)).toBeUndefined();
  expect(crowd.flatMap(({ dropped }) => dropped)).toEqual([]);
});
