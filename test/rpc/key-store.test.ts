import { describe, expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { digestOf, KeyStore } from "../../src/rpc/key-store.ts";
import type { Begun, KeyedCall, KeyEntry, KeyWaiter } from "../../src/rpc/key-store.ts";
import { idOffset } from "../../src/wire/frame.ts";
import { FakeClock } from "../support/clock.ts";
import { frameOf } from "../support/scripted-peer.ts";

const mebibyte = 1_048_576;

function keyed(key: string, change: Partial<KeyedCall> = {}): KeyedCall {
  return { method: "Foo.Sum", caller: "alice", key, argsDigest: "1, 2", ...change };
}

/** An answer of so many bytes, each of them `fill`. */
function answerOf(size: number, fill = 0): Buffer {
  return Buffer.alloc(size, fill);
}

function entryOf(begun: Begun, kind: "new" | "running"): KeyEntry {
  if (begun.kind !== kind) throw new Error(`the call is ${begun.kind} and not ${kind}`);
  return begun.entry;
}

function begin(store: KeyStore, key: string, change: Partial<KeyedCall> = {}): KeyEntry {
  return entryOf(store.begin(keyed(key, change)), "new");
}

/** A call that is begun and has ended. */
function finished(store: KeyStore, key: string, answer: Buffer = answerOf(10)): void {
  store.finish(begin(store, key), answer);
}

function refusal(store: KeyStore, call: KeyedCall): GeeError | undefined {
  try {
    store.begin(call);
  } catch (error) {
    if (error instanceof GeeError) return error;
    throw error;
  }
  return undefined;
}

/** Which of the keys have their answer still; asking is what a repeated call does. */
function answered(store: KeyStore, keys: readonly string[]): readonly string[] {
  return keys.filter((key) => {
    const begun = store.begin(keyed(key));
    if (begun.kind === "new") store.forget(begun.entry);
    return begun.kind === "answered";
  });
}

class Waiter implements KeyWaiter {
  readonly heard: (Buffer | undefined)[] = [];
  readonly #then: () => void;

  constructor(then: () => void = () => {}) {
    this.#then = then;
  }

  answered(answer: Buffer | undefined): void {
    this.heard.push(answer);
    this.#then();
  }
}

describe("the same call again", () => {
  test("gets the answer that was there", () => {
    const store = new KeyStore(new FakeClock());
    const frame = frameOf({ kind: "result", id: 7, value: [1, 2n, "x"], metadata: undefined });
    finished(store, "k", frame);
    for (let times = 0; times < 3; times++) {
      expect(store.begin(keyed("k"))).toEqual({ kind: "answered", answer: frame });
    }
  });

  test("gets a frame that is another call's answer once its id is put in", () => {
    const store = new KeyStore(new FakeClock());
    finished(store, "k", frameOf({ kind: "result", id: 7, value: "x", metadata: undefined }));
    const begun = store.begin(keyed("k"));
    if (begun.kind !== "answered") throw new Error(begun.kind);
    const mine: Buffer = Buffer.from(begun.answer);
    mine.writeUInt32BE(0x0102_0304, idOffset);
    expect(mine).toEqual(
      frameOf({ kind: "result", id: 0x0102_0304, value: "x", metadata: undefined }),
    );
  });

  test("waits while the first is at work, and all who wait are told once", () => {
    const store = new KeyStore(new FakeClock());
    const entry = begin(store, "k");
    const waiters = Array.from({ length: 5 }, () => {
      const waiter = new Waiter();
      const running = entryOf(store.begin(keyed("k")), "running");
      expect(running).toBe(entry);
      running.wait(waiter);
      return waiter;
    });
    expect(waiters.flatMap(({ heard }) => heard)).toStrictEqual([]);
    const answer = answerOf(10, 1);
    store.finish(entry, answer);
    store.finish(entry, answerOf(10, 2));
    store.forget(entry);
    expect(waiters.map(({ heard }) => heard)).toStrictEqual(
      Array.from({ length: 5 }, () => [answer]),
    );
    expect(store.begin(keyed("k"))).toEqual({ kind: "answered", answer });
    expect(store.bytes).toBe(10);
  });

  test("whoever waits and is taken back is not told", () => {
    const store = new KeyStore(new FakeClock());
    const entry = begin(store, "k");
    const [gone, stays] = [new Waiter(), new Waiter()];
    entry.unwait(gone);
    entry.wait(gone);
    entry.wait(stays);
    entry.unwait(gone);
    entry.unwait(gone);
    store.finish(entry, answerOf(10));
    expect(gone.heard).toStrictEqual([]);
    expect(stays.heard).toHaveLength(1);
  });

  test("whoever is told may take another one back", () => {
    const store = new KeyStore(new FakeClock());
    const entry = begin(store, "k");
    const second = new Waiter();
    const first = new Waiter(() => entry.unwait(second));
    entry.wait(first);
    entry.wait(second);
    store.finish(entry, answerOf(10));
    expect(first.heard).toHaveLength(1);
    expect(second.heard).toStrictEqual([]);
  });

  test("whoever is told finds the answer in the store", () => {
    const store = new KeyStore(new FakeClock());
    const entry = begin(store, "k");
    const found: string[] = [];
    entry.wait(new Waiter(() => found.push(store.begin(keyed("k")).kind)));
    store.finish(entry, answerOf(10));
    expect(found).toEqual(["answered"]);
  });
});

describe("a call is another one", () => {
  test.each([
    ["another method", { method: "Foo.Mul" }],
    ["another caller", { caller: "bob" }],
    ["another key", { key: "l" }],
    ["the caller's end in the key", { caller: "alic", key: "ek" }],
    ["the key's start in the caller", { caller: "alicek", key: "" }],
    ["a caller that looks like a length", { caller: "5:alice" }],
  ] as const)("with %s", (_what, change) => {
    const store = new KeyStore(new FakeClock());
    finished(store, "k");
    begin(store, "k", { argsDigest: "3, 4", ...change });
    expect(store.size).toBe(2);
  });
});

describe("a key that comes with other arguments is refused", () => {
  const reused = {
    code: "FAILED_PRECONDITION",
    reason: "KEY_REUSED",
    executed: "no",
    message: "the idempotency key of this Foo.Sum came before with other arguments",
  };

  test("while the first call is at work", () => {
    const store = new KeyStore(new FakeClock());
    const entry = begin(store, "k");
    expect(refusal(store, keyed("k", { argsDigest: "3, 4" }))).toMatchObject(reused);
    store.finish(entry, answerOf(10));
    expect(store.begin(keyed("k")).kind).toBe("answered");
  });

  test("and when it has ended, with or without its answer", () => {
    const store = new KeyStore(new FakeClock(), { maxBytes: 100 });
    finished(store, "small", answerOf(10));
    finished(store, "large", answerOf(101));
    for (const key of ["small", "large"]) {
      expect(refusal(store, keyed(key, { argsDigest: "3, 4" }))).toMatchObject(reused);
    }
  });

  test("but not when the first was not started, or is over for long", async () => {
    const clock = new FakeClock();
    const store = new KeyStore(clock);
    store.forget(begin(store, "k"));
    store.finish(begin(store, "k", { argsDigest: "3, 4" }), answerOf(10));
    await clock.advance(limits.idempotencyWindowMs);
    begin(store, "k", { argsDigest: "5, 6" });
  });
});

describe("a call that was not started", () => {
  test("keeps no key, and those who waited hear of no answer", () => {
    const store = new KeyStore(new FakeClock());
    const entry = begin(store, "k");
    const waiters = [new Waiter(), new Waiter()];
    for (const waiter of waiters) entry.wait(waiter);
    store.forget(entry);
    expect(waiters.map(({ heard }) => heard)).toStrictEqual([[undefined], [undefined]]);
    expect(store.size).toBe(0);
  });

  test("is started by the first of those who waited, and the others wait for that one", () => {
    const store = new KeyStore(new FakeClock());
    const entry = begin(store, "k");
    const begun: Begun[] = [];
    for (let count = 0; count < 3; count++) {
      entry.wait(new Waiter(() => begun.push(store.begin(keyed("k")))));
    }
    store.forget(entry);
    expect(begun.map(({ kind }) => kind)).toEqual(["new", "running", "running"]);
  });

  test("does not end the one that has its key since", () => {
    const store = new KeyStore(new FakeClock());
    const first = begin(store, "k");
    store.forget(first);
    const second = begin(store, "k");
    store.forget(first);
    store.finish(first, answerOf(10, 1));
    expect(entryOf(store.begin(keyed("k")), "running")).toBe(second);
    expect(store.bytes).toBe(0);
  });
});

describe("time", () => {
  test("an answer is kept so long from its coming, however long its handler took", async () => {
    const clock = new FakeClock();
    const store = new KeyStore(clock);
    const entry = begin(store, "k");
    await clock.advance(10 * limits.idempotencyWindowMs);
    entryOf(store.begin(keyed("k")), "running");
    store.finish(entry, answerOf(10));
    await clock.advance(limits.idempotencyWindowMs - 1);
    expect(store.begin(keyed("k")).kind).toBe("answered");
    await clock.advance(1);
    expect(store.begin(keyed("k")).kind).toBe("new");
  });

  test("an answer that is asked for again is not kept for longer", async () => {
    const clock = new FakeClock();
    const store = new KeyStore(clock, { windowMs: 1_000 });
    finished(store, "k");
    await clock.advance(900);
    expect(store.begin(keyed("k")).kind).toBe("answered");
    await clock.advance(100);
    expect(store.begin(keyed("k")).kind).toBe("new");
  });

  test("what is over is not found, though nothing has swept it yet", () => {
    const clock = new FakeClock();
    const store = new KeyStore(clock, { windowMs: 1_000 });
    for (let index = 0; index < 100; index++) finished(store, `k${index}`);
    clock.stall(1_000);
    begin(store, "k99");
    // One by its name, and the eight oldest.
    expect(store.size).toBe(100 - 8 - 1 + 1);
    expect(store.bytes).toBe(10 * (100 - 8 - 1));
    // Taken out of the middle, it leaves the others in their order.
    for (let call = 0; call < 12; call++) begin(store, `l${call}`);
    expect(store.bytes).toBe(0);
    expect(store.size).toBe(13);
  });

  test("a timer lets the last answers go, and does not keep the process alive", async () => {
    const clock = new FakeClock();
    const store = new KeyStore(clock);
    const entry = begin(store, "a");
    expect(clock.pending()).toBe(0);
    store.finish(entry, answerOf(10));
    await clock.advance(limits.idempotencyWindowMs / 2);
    finished(store, "b");
    expect(clock.pending()).toBe(1);
    expect(clock.pending("foreground")).toBe(0);
    await clock.advance(limits.idempotencyWindowMs / 2 + 1_000);
    expect([store.size, store.bytes]).toEqual([1, 10]);
    await clock.advance(limits.idempotencyWindowMs / 2);
    expect([store.size, store.bytes]).toEqual([0, 0]);
    expect(clock.pending()).toBe(0);
    finished(store, "c");
    expect(clock.pending()).toBe(1);
  });

  test("a jump of the wall clock changes nothing", () => {
    const clock = new FakeClock();
    const store = new KeyStore(clock);
    finished(store, "k");
    clock.jumpWall(10 * limits.idempotencyWindowMs);
    expect(store.begin(keyed("k")).kind).toBe("answered");
  });
});

describe("room", () => {
  test("beyond so many keys the oldest answer goes", () => {
    const store = new KeyStore(new FakeClock(), { maxKeys: 3 });
    const c = begin(store, "c");
    for (const key of ["a", "b"]) finished(store, key);
    store.finish(c, answerOf(10));
    begin(store, "d");
    expect([store.size, store.bytes]).toEqual([3, 20]);
    expect(answered(store, ["b", "c"])).toEqual(["b", "c"]);
    expect(answered(store, ["a"])).toEqual([]);
  });

  test("a call that is refused or comes again pushes nothing out", () => {
    const store = new KeyStore(new FakeClock(), { maxKeys: 2 });
    for (const key of ["a", "b"]) finished(store, key);
    expect(refusal(store, keyed("b", { argsDigest: "3, 4" }))?.reason).toBe("KEY_REUSED");
    expect(answered(store, ["a", "b"])).toEqual(["a", "b"]);
  });

  test("beyond so many bytes the oldest answers go, as many as it takes", () => {
    const store = new KeyStore(new FakeClock(), { maxBytes: 100 });
    for (const key of ["a", "b", "c", "d"]) finished(store, key, answerOf(25));
    expect(store.bytes).toBe(100);
    finished(store, "e", answerOf(26));
    expect([store.size, store.bytes]).toEqual([3, 76]);
    expect(answered(store, ["a", "b", "c", "d", "e"])).toEqual(["c", "d", "e"]);
    finished(store, "f", answerOf(100));
    expect([store.size, store.bytes]).toEqual([1, 100]);
    finished(store, "g", answerOf(0));
    expect(answered(store, ["f", "g"])).toEqual(["f", "g"]);
  });

  test("a call at work is never pushed out", () => {
    const store = new KeyStore(new FakeClock(), { maxKeys: 3, maxBytes: 100 });
    const working = [begin(store, "a"), begin(store, "b")];
    for (let index = 0; index < 10; index++) finished(store, `k${index}`, answerOf(90));
    for (const [index, key] of ["a", "b"].entries()) {
      expect<KeyEntry | undefined>(entryOf(store.begin(keyed(key)), "running")).toBe(
        working[index],
      );
    }
  });

  test("when all keys are of calls at work, a further one is refused until one ends", () => {
    const store = new KeyStore(new FakeClock(), { maxKeys: 2 });
    const a = begin(store, "a");
    const b = begin(store, "b");
    expect(refusal(store, keyed("c"))).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "KEYS_FULL",
      executed: "no",
      message: "calls with 2 idempotency keys are at work",
    });
    entryOf(store.begin(keyed("a")), "running");
    store.forget(a);
    const c = begin(store, "c");
    expect(refusal(store, keyed("d"))?.reason).toBe("KEYS_FULL");
    store.finish(b, answerOf(10));
    begin(store, "d");
    store.finish(c, answerOf(10));
    expect(store.size).toBe(2);
  });

  test("an answer larger than all of them is not kept, and its call is not done again", async () => {
    const clock = new FakeClock();
    const store = new KeyStore(clock, { maxBytes: 100 });
    finished(store, "small", answerOf(60));
    const large = begin(store, "large");
    const waiter = new Waiter();
    large.wait(waiter);
    const answer = answerOf(101);
    store.finish(large, answer);
    expect(waiter.heard).toStrictEqual([answer]);
    expect([store.size, store.bytes]).toEqual([2, 60]);
    expect(refusal(store, keyed("large"))).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "ANSWER_NOT_KEPT",
      executed: "yes",
    });
    expect(answered(store, ["small"])).toEqual(["small"]);
    await clock.advance(limits.idempotencyWindowMs);
    begin(store, "large");
  });

  test("the default room is what the limits say", () => {
    const store = new KeyStore(new FakeClock());
    const answer = answerOf(mebibyte);
    for (let index = 0; index < 17; index++) finished(store, `large${index}`, answer);
    expect(store.bytes).toBe(limits.maxIdempotencyBytes);
    for (let index = 0; index < limits.maxIdempotencyKeys; index++) begin(store, `k${index}`);
    expect([store.size, store.bytes]).toEqual([limits.maxIdempotencyKeys, 0]);
    expect(refusal(store, keyed("one more"))?.reason).toBe("KEYS_FULL");
  });
});

test("100,000 keys over time keep memory flat, and nothing is left when all is over", async () => {
  // In a process of its own: what other tests have left to collect is no business of this one.
  const script = new URL("../support/key-store-memory.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, script], { stdout: "pipe", stderr: "inherit" });
  const broken = await new Response(child.stdout).json();
  expect([await child.exited, broken]).toEqual([0, []]);
});

test("a long mix of calls agrees with a plain list of what should be kept", () => {
  const clock = new FakeClock();
  const [maxKeys, maxBytes, windowMs] = [20, 1_000, 500];
  const store = new KeyStore(clock, { maxKeys, maxBytes, windowMs });
  const working = new Map<string, KeyEntry>();
  let kept: { readonly key: string; readonly size: number; readonly until: number }[] = [];
  let seed = 12_345;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const outcomes = { new: 0, running: 0, answered: 0, full: 0 };
  for (let step = 0; step < 20_000; step++) {
    if (random(4) === 0) clock.stall(random(30));
    const now = clock.now();
    const key = `k${random(60)}`;
    const entry = working.get(key);
    if (entry !== undefined && random(3) > 0) {
      working.delete(key);
      if (random(5) === 0) {
        store.forget(entry);
        continue;
      }
      const size = random(200);
      store.finish(entry, answerOf(size));
      kept.push({ key, size, until: now + windowMs });
      while (kept.reduce((sum, each) => sum + each.size, 0) > maxBytes) kept.shift();
      continue;
    }
    // What is over and not swept takes room, but it goes before all that is not.
    kept = kept.filter(({ until }) => until > now);
    let expected: keyof typeof outcomes = "new";
    if (entry !== undefined) expected = "running";
    else if (kept.some((each) => each.key === key)) expected = "answered";
    else if (working.size === maxKeys) expected = "full";
    else if (working.size + kept.length === maxKeys) kept.shift();
    outcomes[expected]++;
    if (expected === "full") {
      expect(refusal(store, keyed(key))?.reason).toBe("KEYS_FULL");
      continue;
    }
    const begun = store.begin(keyed(key));
    expect(begun.kind).toBe(expected);
    if (begun.kind === "new") working.set(key, begun.entry);
  }
  for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(50);
});

describe("the digest of arguments", () => {
  const date = new Date(1_700_000_000_000);
  const same: readonly (readonly [what: string, one: unknown[], other: unknown[]])[] = [
    ["no arguments", [], []],
    ["-0, which travels as 0", [-0], [0]],
    ["equal objects", [{ a: 1, b: [2] }], [{ a: 1, b: [2] }]],
    ["equal bytes", [new Uint8Array([1, 2])], [Buffer.from([1, 2])]],
    ["equal dates", [date], [new Date(date)]],
  ];
  test.each(same)("is the same for %s", (_what, one, other) => {
    expect(digestOf(one)).toBe(digestOf(other));
  });

  const different: readonly (readonly [what: string, one: unknown[], other: unknown[]])[] = [
    ["none and undefined", [], [undefined]],
    ["undefined and null", [undefined], [null]],
    ["a number and a text", [1], ["1"]],
    ["a number and a bigint", [1], [1n]],
    ["arguments and one list of them", [1, 2], [[1, 2]]],
    ["where one text ends", ["ab", "c"], ["a", "bc"]],
    ["the last bit of a fraction", [0.1 + 0.2], [0.3]],
    ["bytes and text", [Buffer.from("a")], ["a"]],
    ["bytes and a list", [Buffer.from([1])], [[1]]],
    ["one bit of bytes", [new Uint8Array([1])], [new Uint8Array([2])]],
    ["sorts of typed arrays", [new Int16Array([1])], [new Uint16Array([1])]],
    ["a date and its number", [date], [date.getTime()]],
    ["a millisecond", [date], [new Date(date.getTime() + 1)]],
    ["the order of keys", [{ a: 1, b: 2 }], [{ b: 2, a: 1 }]],
  ];
  test.each(different)("tells apart %s", (_what, one, other) => {
    expect(digestOf(one)).not.toBe(digestOf(other));
  });

  test("is SHA-256 over the arguments as they travel", () => {
    const bytes = Buffer.from("82 01 61 78".replaceAll(" ", ""), "hex");
    const expected = new Bun.CryptoHasher("sha256").update(bytes).digest("base64");
    expect(digestOf([1, "x"])).toBe(expected);
  });

  test("takes arguments of any size, and a small one after a large one", () => {
    const small = digestOf([1]);
    const large = digestOf([Buffer.alloc(3 * limits.maxMessageBytes)]);
    expect(large).not.toBe(digestOf([Buffer.alloc(3 * limits.maxMessageBytes - 1)]));
    expect(digestOf([1])).toBe(small);
  });

  test("is right although a getter takes another digest meanwhile", () => {
    const nested = {
      before: "x",
      get inner() {
        return digestOf(["something else"]);
      },
      after: "y",
    };
    const plain = { before: "x", inner: digestOf(["something else"]), after: "y" };
    expect(digestOf([nested])).toBe(digestOf([plain]));
  });

  test("of what cannot travel is none, and the next one is right", () => {
    const before = digestOf(["a"]);
    expect(() => digestOf(["b", () => {}])).toThrow("a function cannot travel");
    expect(digestOf(["a"])).toBe(before);
  });
});
