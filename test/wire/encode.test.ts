import { expect, test } from "bun:test";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { encodeMessage } from "../../src/wire/message-writer.ts";
import { frameOf } from "../support/scripted-peer.ts";

/** The bytes of one value, in hex. */
function hexOf(value: unknown): string {
  const frame = frameOf({ kind: "result", id: 1, value, metadata: undefined });
  return frame.toString("hex", 12);
}

/** What is said of a call with these arguments, or `"travels"`. */
function refusalOf(...args: readonly unknown[]): string {
  try {
    encodeMessage(
      {
        kind: "call",
        id: 1,
        method: 1,
        timeoutMs: 1,
        args,
        flags: 0,
        attempt: 0,
        metadata: undefined,
        idempotencyKey: undefined,
        streamArgument: undefined,
        idleMs: undefined,
      },
      limits.maxMessageBytes,
    );
    return "travels";
  } catch (error) {
    if (!(error instanceof GeeError)) throw error;
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "CANNOT_TRAVEL" });
    expect(error.executed).toBe("no");
    return error.message;
  }
}

class Point {
  x = 1;
  readonly #hidden = 2;
  get sum(): number {
    return this.x + this.#hidden;
  }
  move(): void {}
}

class Point3 extends Point {
  z = 3;
}

function* counting(): Generator<number> {
  yield 1;
}

test("a value that cannot travel is refused with its path and its class", () => {
  expect(refusalOf({ when: new URL("http://a") })).toBe("args[0].when: URL cannot travel");
  expect(refusalOf(1, [2, { "odd key": [new Map()] }])).toBe(
    'args[1][1]["odd key"][0]: Map cannot travel',
  );
  expect(refusalOf(new Set())).toBe("args[0]: Set cannot travel");
  expect(refusalOf({ ok: { deep: 1 }, bad: /x/ })).toBe("args[0].bad: RegExp cannot travel");
});

test("functions and symbols are refused", () => {
  expect(refusalOf(() => {})).toBe("args[0]: a function cannot travel");
  expect(refusalOf([class {}])).toBe("args[0][0]: a function cannot travel");
  expect(refusalOf({ s: Symbol("x") })).toBe("args[0].s: a symbol cannot travel");
});

test.each([
  ["Map", new Map([[1, 2]])],
  ["Set", new Set([1])],
  ["WeakMap", new WeakMap()],
  ["WeakSet", new WeakSet()],
  ["Error", new Error("x")],
  ["TypeError", new TypeError("x")],
  ["GeeError", new GeeError("INTERNAL", "x")],
  ["RegExp", /x/],
  ["Promise", Promise.resolve(1)],
  ["Number", Object(1)],
  ["String", Object("a")],
  ["Boolean", Object(true)],
  ["BigInt", Object(1n)],
  ["Symbol", Object(Symbol("x"))],
  ["ArrayBuffer", new ArrayBuffer(4)],
  ["SharedArrayBuffer", new SharedArrayBuffer(4)],
  ["DataView", new DataView(new ArrayBuffer(4))],
  ["Float16Array", new Float16Array(1)],
  ["URL", new URL("http://a")],
  ["URLSearchParams", new URLSearchParams("a=b")],
  ["Headers", new Headers()],
  ["Request", new Request("http://a")],
  ["Response", new Response("x")],
  ["Blob", new Blob(["x"])],
  ["FormData", new FormData()],
  ["AbortController", new AbortController()],
  ["AbortSignal", new AbortController().signal],
  ["ReadableStream", new ReadableStream()],
  ["TextEncoder", new TextEncoder()],
  ["Event", new Event("x")],
  ["WeakRef", new WeakRef({})],
  ["Math", Math],
  ["JSON", JSON],
  ["Generator", counting()],
  ["Array Iterator", [1].values()],
  ["Map Iterator", new Map().keys()],
] as const)("%s is refused", (name, value: unknown) => {
  const refusal = refusalOf(value);
  expect(refusal).toStartWith("args[0]: ");
  expect(refusal).toEndWith(" cannot travel");
  if (!name.endsWith("Iterator") && name !== "Generator") {
    expect(refusal).toBe(`args[0]: ${name} cannot travel`);
  }
});

test("what inherits from a class of the platform is refused, whatever fields it has", () => {
  class Registry extends Map<string, number> {
    owner = "x";
  }
  class Failure extends Error {
    extra = 1;
  }
  class Halves extends Float16Array {}
  expect(refusalOf(new Halves(2))).toBe("args[0]: Halves cannot travel");
  expect(refusalOf(new Registry())).toBe("args[0]: Registry cannot travel");
  expect(refusalOf(new Failure("x"))).toBe("args[0]: Failure cannot travel");
});

test("an instance of a class travels as its own enumerable fields", () => {
  expect(hexOf(new Point())).toBe(hexOf({ x: 1 }));
  expect(hexOf(new Point3())).toBe(hexOf({ x: 1, z: 3 }));
  expect(hexOf(Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }))).toBe(
    hexOf({ own: 2 }),
  );
  const hidden = Object.defineProperty({ seen: 1 }, "unseen", { value: 2, enumerable: false });
  expect(hexOf({ ...hidden, [Symbol("s")]: 3 })).toBe(hexOf({ seen: 1 }));
});

test("an object without a prototype travels as a plain one", () => {
  const bare: Record<string, unknown> = Object.create(null);
  bare["a"] = 1;
  expect(hexOf(bare)).toBe(hexOf({ a: 1 }));
  expect(hexOf(Object.create(null))).toBe("a0");
});

test("a frozen object, a proxy and a getter's value travel", () => {
  expect(hexOf(Object.freeze({ a: 1 }))).toBe(hexOf({ a: 1 }));
  expect(hexOf(new Proxy({ a: 1 }, {}))).toBe(hexOf({ a: 1 }));
  expect(
    hexOf({
      get a() {
        return 1;
      },
    }),
  ).toBe(hexOf({ a: 1 }));
});

test("toJSON is not called", () => {
  const value = { a: 1, toJSON: 5 };
  expect(hexOf(value)).toBe(hexOf({ a: 1, toJSON: 5 }));
  expect(refusalOf({ toJSON: () => "x" })).toBe("args[0].toJSON: a function cannot travel");
});

test("a sparse array travels with undefined in its holes, and a huge one is refused", () => {
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  expect(hexOf(sparse)).toBe("8301f703");
  expect(refusalOf(new Array(4_000_000_000))).toBe(
    "args[0]: more than 131072 items in one message",
  );
});

test("the key __proto__ and a key with a lone surrogate are refused", () => {
  const proto: unknown = JSON.parse('{"a":{"__proto__":1}}');
  expect(refusalOf(proto)).toBe("args[0].a.__proto__: a key named __proto__ cannot travel");
  expect(refusalOf({ "\ud800": 1 })).toBe(
    'args[0]["\\ud800"]: a key with a lone surrogate cannot travel',
  );
});

test("what contains itself is refused at the limit of depth", () => {
  const self: { me?: unknown } = {};
  self.me = self;
  const list: unknown[] = [];
  list.push(list);
  expect(refusalOf(self)).toBe(
    `args[0]${".me".repeat(32)}: more than 32 levels deep (or it contains itself)`,
  );
  expect(refusalOf(list)).toBe(
    `args[0]${"[0]".repeat(32)}: more than 32 levels deep (or it contains itself)`,
  );
});

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

test("32 levels travel and 33 do not, in an argument as in a result", () => {
  expect(refusalOf(nested(32))).toBe("travels");
  expect(refusalOf(1, nested(33))).toContain("more than 32 levels deep");
  expect(hexOf(nested(32)).length).toBeGreaterThan(0);
  expect(() => hexOf(nested(33))).toThrow("result");
});

test("131,072 items travel and one more does not, counted over the whole message", () => {
  expect(hexOf(new Array(131_072).fill(null)).length).toBe(10 + 2 * 131_072);
  expect(() => hexOf(new Array(131_073).fill(null))).toThrow(
    "result: more than 131072 items in one message",
  );
  // The list of arguments counts, and every argument's own items.
  expect(refusalOf(new Array(131_071).fill(null))).toBe("travels");
  expect(refusalOf(new Array(131_070).fill(null), 1)).toBe("travels");
  expect(refusalOf(new Array(131_070).fill(null), [1])).toBe(
    "args[1]: more than 131072 items in one message",
  );
  const pairs = Object.fromEntries(Array.from({ length: 65_536 }, (_, key) => [`k${key}`, null]));
  expect(hexOf(pairs).length).toBeGreaterThan(2 * 65_536);
  expect(() => hexOf([pairs])).toThrow("result[0]: more than 131072 items");
});

test("a bigint of 64 bytes travels and one of 65 does not", () => {
  expect(hexOf(2n ** 512n - 1n)).toBe(`c25840${"ff".repeat(64)}`);
  expect(hexOf(-(2n ** 512n))).toBe(`c35840${"ff".repeat(64)}`);
  expect(refusalOf(2n ** 512n)).toBe("args[0]: a bigint of 65 bytes is longer than 64");
  expect(refusalOf(-(2n ** 512n) - 1n)).toBe("args[0]: a bigint of 65 bytes is longer than 64");
});

test("a getter that throws fails its message with the error as the cause", () => {
  const cause = new Error("mine");
  const value = {
    get a(): number {
      throw cause;
    },
  };
  try {
    hexOf(value);
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "CANNOT_TRAVEL",
      executed: "no",
      message: "the result could not be read",
    });
    expect(error).toHaveProperty("cause", cause);
  }
});

test("a proxy that is hostile and a revoked one fail their message and nothing else", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const hostile = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error("no");
      },
    },
  );
  expect(refusalOf(revoked.proxy)).toBe("the args could not be read");
  expect(refusalOf(hostile)).toBe("the args could not be read");
  expect(refusalOf(Object.create(Uint8Array.prototype))).toBe("the args could not be read");
  expect(refusalOf(Object.create(Date.prototype))).toBe("the args could not be read");
  expect(hexOf({ a: 1 })).toBe("a1616101");
});

test("a getter that takes fields away leaves a map of the announced size", () => {
  const value: Record<string, unknown> = {
    get a() {
      delete value["b"];
      return 1;
    },
    b: 2,
  };
  expect(hexOf(value)).toBe("a261610161" + "62f7");
});

test("-0 travels as 0, and whole numbers beyond 32 bits as floats", () => {
  expect(hexOf(-0)).toBe("00");
  expect(hexOf([-0, { a: -0 }])).toBe("8200a1616100");
  expect(hexOf(2 ** 32)).toBe("fb41f0000000000000");
  expect(hexOf(-(2 ** 31) - 1)).toBe("fbc1e0000000200000");
});

test("views of a part of a buffer travel as that part", () => {
  const whole = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);
  expect(hexOf(whole.subarray(2, 4))).toBe("420203");
  expect(hexOf(Buffer.from(whole.buffer, 1, 2))).toBe("420102");
  expect(hexOf(new Uint16Array(whole.buffer, 2, 1))).toBe("d845420203");
  expect(hexOf(new Int8Array(whole.buffer, 7))).toBe("d8484107");
});

test("a view's and a date's own subclass travels as what it is", () => {
  class Samples extends Float32Array {}
  class Day extends Date {}
  expect(hexOf(new Samples([1]))).toBe(hexOf(new Float32Array([1])));
  expect(hexOf(new Day(5_000))).toBe(hexOf(new Date(5_000)));
});

test("a view larger than a message is refused for its size", () => {
  for (const value of [new Uint8Array(5_000_000), new Float64Array(600_000)]) {
    expect(() =>
      encodeMessage({ kind: "result", id: 1, value, metadata: undefined }, limits.maxMessageBytes),
    ).toThrow("the result would be larger than maxMessageBytes, 4194304");
  }
});

test("after a refusal the next message is encoded as if nothing had been", () => {
  const before = hexOf([1, { a: 2 }]);
  expect(refusalOf({ a: [1, 2, new Map()] })).toBe("args[0].a[2]: Map cannot travel");
  expect(hexOf([1, { a: 2 }])).toBe(before);
});
