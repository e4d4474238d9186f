import { expect, test } from "bun:test";
import { limits } from "../../src/base/limits.ts";
import { Malformed } from "../../src/wire/heads.ts";
import {
  callerHelloFields,
  parseCallerHello,
  parseServerHello,
  serverHelloFields,
} from "../../src/wire/hello.ts";
import type { CallerHello, ServerHello } from "../../src/wire/hello.ts";

const callerFields = { codec: "cbor", maxMessageBytes: 65_536 };
const serverFields = { ...callerFields, maxInFlight: 1, instance: "i", services: {} };

function callerOf(fields: object): CallerHello {
  return parseCallerHello(1, { ...callerFields, ...fields });
}

function serverOf(fields: object): ServerHello {
  return parseServerHello(1, { ...serverFields, ...fields });
}

test("a caller's hello comes back from its own fields", () => {
  const hellos: readonly CallerHello[] = [
    { version: 1, features: [], maxMessageBytes: 65_536 },
    { version: 1, features: ["parts"], maxMessageBytes: 4_294_967_295, instance: "i-1" },
    { version: 9, features: [], maxMessageBytes: 4_194_304, credentials: "t" },
  ];
  for (const hello of hellos) {
    expect(parseCallerHello(hello.version, callerHelloFields(hello))).toEqual(hello);
  }
});

test("a server's hello comes back from its own fields", () => {
  const hello: ServerHello = {
    version: 1,
    features: ["streams"],
    maxMessageBytes: 4_194_304,
    maxInFlight: 1_024,
    instance: "i-1",
    services: new Map([
      ["Foo", { contract: "c0ffee", methods: new Map([["Sum", { number: 1, flags: 3 }]]) }],
      ["constructor", { methods: new Map() }],
    ]),
    complete: false,
  };
  expect(parseServerHello(1, serverHelloFields(hello))).toEqual(hello);
});

test("keys that a hello need not have have their defaults, and unknown keys are ignored", () => {
  expect(callerOf({ zone: "a", services: 5 })).toEqual({
    version: 1,
    features: [],
    maxMessageBytes: 65_536,
  });
  expect(serverOf({ complete: "maybe", credentials: 7 })).toMatchObject({ complete: true });
});

test("texts of a hello have their limits, exactly", () => {
  expect(callerOf({ instance: "i".repeat(128) }).instance?.length).toBe(128);
  expect(() => callerOf({ instance: "i".repeat(129) })).toThrow(
    "instance is no text of at most 128",
  );
  expect(callerOf({ credentials: "t".repeat(2_048) }).credentials?.length).toBe(2_048);
  expect(() => callerOf({ credentials: "t".repeat(2_049) })).toThrow("credentials is no text");
  expect(serverOf({ instance: "i".repeat(128) }).instance.length).toBe(128);
  expect(() => serverOf({ instance: "i".repeat(129) })).toThrow("instance");
  expect(callerOf({ features: new Array(64).fill("f") }).features.length).toBe(64);
  expect(() => callerOf({ features: new Array(65).fill("f") })).toThrow("features is no list");
});

test("numbers of a hello have their limits, exactly", () => {
  for (const good of [65_536, 4_294_967_295]) {
    expect(callerOf({ maxMessageBytes: good }).maxMessageBytes).toBe(good);
  }
  for (const bad of [0, 65_535, 65_536.5, 4_294_967_296, -1, Number.NaN, 70_000n, "70000", null]) {
    expect(() => callerOf({ maxMessageBytes: bad })).toThrow("maxMessageBytes is no whole number");
  }
  for (const good of [1, 4_294_967_295]) {
    expect(serverOf({ maxInFlight: good }).maxInFlight).toBe(good);
  }
  for (const bad of [0, 4_294_967_296, 1.5, undefined]) {
    expect(() => serverOf({ maxInFlight: bad })).toThrow("maxInFlight is no whole number");
  }
});

test("what is no map is no hello", () => {
  for (const fields of [null, undefined, 1, "x", [], new Date(), new Uint8Array(), new Map()]) {
    expect(() => parseCallerHello(1, fields)).toThrow("hello: not a map");
    expect(() => parseServerHello(1, fields)).toThrow("hello: not a map");
    expect(() => serverOf({ services: fields })).toThrow("hello: services is no map");
  }
});

test("another codec is refused", () => {
  for (const codec of ["json", "", undefined, 1]) {
    expect(() => callerOf({ codec })).toThrow('hello: codec is not "cbor"');
    expect(() => serverOf({ codec })).toThrow(Malformed);
  }
});

test("a server names its instance", () => {
  for (const instance of [undefined, null]) {
    expect(() => serverOf({ instance })).toThrow("hello: no instance");
  }
});

test("services and methods have names of the grammar, numbers and flags", () => {
  const good = { methods: { Sum: [1, 0], sub_2: [4_294_967_295, 7, "new"] } };
  expect(serverOf({ services: { Foo: good } }).services.get("Foo")).toEqual({
    methods: new Map([
      ["Sum", { number: 1, flags: 0 }],
      ["sub_2", { number: 4_294_967_295, flags: 7 }],
    ]),
  });
  for (const services of [
    { "": good },
    { "Foo.Bar": good },
    { _foo: good },
    { Foo: null },
    { Foo: {} },
    { Foo: { methods: [] } },
    { Foo: { methods: { _x: [1, 0] } } },
    { Foo: { methods: { Sum: 1 } } },
    { Foo: { methods: { Sum: [] } } },
    { Foo: { methods: { Sum: [1] } } },
    { Foo: { methods: { Sum: [-1, 0] } } },
    { Foo: { methods: { Sum: [4_294_967_296, 0] } } },
    { Foo: { methods: { Sum: [1.5, 0] } } },
    { Foo: { methods: { Sum: [1, 0.5] } } },
    { Foo: { methods: { Sum: ["1", 0] } } },
    { Foo: { methods: {}, contract: 5 } },
    { Foo: { methods: {}, contract: "c".repeat(129) } },
  ]) {
    expect(() => serverOf({ services })).toThrow(Malformed);
  }
});

test("a method's hash comes back, and what is no hash is not looked at", () => {
  const hash = "0123456789abcdef";
  const entry = (third: unknown): object => ({ Foo: { methods: { Sum: [1, 0, third] } } });
  const read = (third: unknown) =>
    serverOf({ services: entry(third) })
      .services.get("Foo")
      ?.methods.get("Sum");
  for (const good of [hash, "0".repeat(8), "f".repeat(32)]) {
    expect(read(good)).toEqual({ number: 1, flags: 0, hash: good });
  }
  for (const other of ["", "0".repeat(7), "0".repeat(33), "new", hash.toUpperCase(), 5, null, []]) {
    expect(read(other)).toEqual({ number: 1, flags: 0 });
  }
  const hello = serverOf({ services: { Foo: { methods: { Sum: [1, 0, hash], Two: [2, 0] } } } });
  expect(parseServerHello(1, serverHelloFields(hello))).toEqual(hello);
  expect(serverHelloFields(hello)["services"]).toEqual({
    Foo: { methods: { Sum: [1, 0, hash], Two: [2, 0] } },
  });
});

test("a server may have services of its own beside the others", () => {
  const own = { "gee.Health": { methods: { Check: [1, 1] } } };
  expect([...serverOf({ services: own }).services.keys()]).toEqual(["gee.Health"]);
  for (const name of ["gee.", "gee.a.b", "Gee.Health", "gee.gee.Health"]) {
    expect(() => serverOf({ services: { [name]: { methods: {} } } })).toThrow(Malformed);
  }
});

test("a server has at most so many services", () => {
  const services = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`S${index}`, { methods: {} }]));
  expect(serverOf({ services: services(limits.maxServices) }).services.size).toBe(256);
  const own = { "gee.Health": { methods: {} }, "gee.Reflection": { methods: {} } };
  expect(serverOf({ services: { ...services(limits.maxServices), ...own } }).services.size).toBe(
    258,
  );
  expect(() => serverOf({ services: services(limits.maxServices + 1) })).toThrow(
    "too many services",
  );
});
