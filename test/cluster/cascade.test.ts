import { expect, test } from "bun:test";
import { connect } from "../../src/index.ts";
import type { Gee } from "../../src/index.ts";
import { silentLog } from "../../src/base/log.ts";
import type { ServerProcess } from "../support/cluster.ts";
import { failureOf } from "../support/ends.ts";
import { Fleet } from "../support/fleet.ts";
import type { Step } from "../support/fleet.ts";
import { journalNow } from "../support/journal.ts";

// Deadlines and cancelling through three processes, none of which knows the one after the next.

const stages = ["First", "Middle", "Third"] as const;
/** The deadline is kept to 50 ms on machines that do nothing else; here ten times that. */
const lateMs = 500;

function chain(methods: readonly [Step["method"], Step["method"], Step["method"]], middleMs = 0) {
  return stages.map((service, index): Step => ({
    service,
    method: methods[index] ?? "Pass",
    spendMs: service === "Middle" ? middleMs : 0,
  }));
}

/** Three servers that find each other, a client, and connections from each to the next. */
async function openChain(): Promise<
  AsyncDisposable & { fleet: Fleet; gee: Gee; servers: readonly ServerProcess[] }
> {
  const stack = new AsyncDisposableStack();
  const fleet = stack.use(await Fleet.create());
  const { url } = (await fleet.registry()).said;
  const servers = await Promise.all(
    stages.map((stage) => fleet.server({ registry: url, stages: [stage] })),
  );
  const gee = stack.use(connect({ registry: url, log: silentLog }));
  for await (const _ of gee.call("First.Flow", ["warm", chain(["Flow", "Flow", "Flow"])])) break;
  await fleet.written("finally", 3, ({ call }) => call === "warm");
  return { fleet, gee, servers, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function takeAll(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of items) count++;
  return count;
}

test("of a budget of 300 ms of which the second hop spends 200 the third has 100 or less, and all three are told to stop at its end", async () => {
  await using opened = await openChain();
  const { fleet, gee } = opened;
  const budgetMs = 300;
  for (const methods of [
    ["Pass", "Pass", "Pass"],
    ["Flow", "Flow", "Flow"],
    ["Pass", "Pass", "Flow"],
    ["Flow", "Pass", "Pass"],
  ] as const) {
    const call = methods.join(" ");
    const issuedAt = journalNow();
    const answer = gee.call(`First.${methods[0]}`, [call, chain(methods, 200)], {
      timeoutMs: budgetMs,
    });
    const error = await failureOf(methods[0] === "Flow" ? takeAll(answer) : answer);
    const tookMs = journalNow() - issuedAt;
    // Who says it first, the clock here or the first hop's answer, is open.
    expect(error.code).toBe("DEADLINE_EXCEEDED");
    // A hop whose loop was late counts the call as having waited since the turn before.
    expect(tookMs).toBeGreaterThanOrEqual(budgetMs - 50);
    expect(tookMs).toBeLessThan(budgetMs + lateMs);

    const own = ({ call: name }: { readonly call: string }): boolean => name === call;
    const aborted = await fleet.written("aborted", 3, own);
    expect(aborted.map(({ stage }) => stage).sort()).toEqual([...stages].sort());
    for (const { at, code } of aborted) {
      expect(at - issuedAt).toBeGreaterThanOrEqual(budgetMs - 50);
      expect(at - issuedAt).toBeLessThan(budgetMs + lateMs);
      expect(["DEADLINE_EXCEEDED", "CANCELLED"]).toContain(String(code));
    }
    const generators = methods.filter((method) => method === "Flow").length;
    await fleet.written("finally", generators, own);

    const begun = await fleet.written("begun", 3, own);
    const left = stages.map((name) => begun.find(({ stage }) => stage === name)?.remainingMs ?? -1);
    console.log(`${call}: ${left.map((ms) => ms.toFixed(1)).join(", ")} ms left`);
    const [first = -1, middle = -1, third = -1] = left;
    expect(first).toBeLessThanOrEqual(budgetMs);
    // Whole milliseconds travel, rounded up.
    expect(middle).toBeLessThanOrEqual(Math.ceil(first));
    expect(third).toBeLessThanOrEqual(100);
    expect(third).toBeGreaterThan(0);
  }
}, 20_000);

test("an abort at the first hop stops what the third does, a loop and a generator", async () => {
  await using opened = await openChain();
  const { fleet, gee } = opened;
  for (const methods of [
    ["Pass", "Pass", "Pass"],
    ["Pass", "Pass", "Flow"],
    ["Flow", "Flow", "Flow"],
    ["Flow", "Flow", "Pass"],
  ] as const) {
    const call = methods.join(" ");
    const own = ({ call: name }: { readonly call: string }): boolean => name === call;
    const controller = new AbortController();
    const answer = gee.call(`First.${methods[0]}`, [call, chain(methods)], {
      signal: controller.signal,
    });
    const failed = failureOf(methods[0] === "Flow" ? takeAll(answer) : answer);
    // The third works: its loop turns, its items have come to the second or to us.
    await fleet.written(methods[2] === "Pass" ? "ticked" : "begun", 3, own);
    expect((await fleet.journal("aborted")).filter(own)).toEqual([]);
    const abortedAt = journalNow();
    controller.abort();
    expect(await failed).toMatchObject({ code: "CANCELLED", executed: "maybe" });

    const aborted = await fleet.written("aborted", 3, own);
    expect(aborted.map(({ stage }) => stage).sort()).toEqual([...stages].sort());
    const generators = methods.filter((method) => method === "Flow").length;
    const ends = [...aborted, ...(await fleet.written("finally", generators, own))];
    if (methods[2] === "Pass") ends.push(...(await fleet.written("stopped", 1, own)));
    for (const { at } of ends) {
      expect(at).toBeGreaterThanOrEqual(abortedAt - 5);
      expect(at - abortedAt).toBeLessThan(lateMs);
    }
  }
}, 20_000);

test("whoever leaves the loop at the first hop ends the generators of all three", async () => {
  await using opened = await openChain();
  const { fleet, gee } = opened;
  const items: unknown[] = [];
  for await (const item of gee.call("First.Flow", ["left", chain(["Flow", "Flow", "Flow"])])) {
    if (items.push(item) === 6) break;
  }
  const leftAt = journalNow();
  expect(items).toEqual([1, 2, 3, 4, 5, 6]);
  const ended = await fleet.written("finally", 3, ({ call }) => call === "left");
  expect(ended.map(({ stage }) => stage).sort()).toEqual([...stages].sort());
  for (const { at } of ended) expect(at - leftAt).toBeLessThan(lateMs);
}, 20_000);

test("when the first hop is killed the others are told to stop, and its caller hears of it at once", async () => {
  await using opened = await openChain();
  const { fleet, gee, servers } = opened;
  const unary = failureOf(gee.call("First.Pass", ["loop", chain(["Pass", "Pass", "Pass"])]));
  const items = failureOf(
    takeAll(gee.call("First.Flow", ["items", chain(["Flow", "Flow", "Flow"])])),
  );
  await fleet.written("ticked", 3, ({ call }) => call === "loop");
  await fleet.written("begun", 3, ({ call }) => call === "items");
  servers[0]?.signal("SIGKILL");
  const killedAt = journalNow();
  for (const failure of [unary, items]) {
    expect(await failure).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  }
  expect(journalNow() - killedAt).toBeLessThan(2 * lateMs);
  const own = ({ stage, call }: { stage: string; call: string }): boolean =>
    stage !== "First" && call !== "warm";
  const ends = [
    ...(await fleet.written("aborted", 4, own)),
    ...(await fleet.written("finally", 2, own)),
    ...(await fleet.written("stopped", 1, own)),
  ];
  for (const { at } of ends) expect(at - killedAt).toBeLessThan(2 * lateMs);
}, 20_000);
