import { expect, test } from "bun:test";
import { type Address, parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Access, type Writer } from "../../src/directory/access.ts";
import { LocalDirectory } from "../../src/directory/local-directory.ts";
import { MemoryStore } from "../../src/directory/store.ts";
import { parseTokens } from "../../src/directory/token-rules.ts";
import { FakeClock } from "../support/clock.ts";
import { announcement, idOf } from "../support/registry.ts";

const reader = "reads-everything-0001";
const foo = "writes-foo-in-ten-0002";
const bar = "writes-bar-0003xxxx";
const all = "writes-everything-0004";

const tokens = `${reader} read
${foo} write services=Foo addresses=10.0.0.0/8
${bar} write services=Bar
${all} write`;

interface SetUp {
  readonly clock: FakeClock;
  readonly directory: LocalDirectory;
  enter(token?: string): Writer;
}

function setUp(text: string | undefined = tokens): SetUp {
  const clock = new FakeClock();
  const directory = new LocalDirectory({ clock, log: silentLog, store: new MemoryStore() });
  const access = new Access(directory, clock, text === "" ? undefined : parseTokens(text));
  const header = (token?: string): string | null =>
    token === undefined ? null : `Bearer ${token}`;
  return { clock, directory, enter: (token) => access.enter(header(token)) };
}

async function failureOf(work: () => unknown): Promise<GeeError> {
  try {
    await work();
  } catch (thrown) {
    return GeeError.from(thrown);
  }
  throw new Error("it did not fail");
}

/** An instance id with a number in it. */
function idNumber(n: number): string {
  return n.toString(16).padStart(32, "0");
}

function addressNumber(n: number): Address {
  return parseAddress(`tcp@10.1.${n >> 8}.${n & 255}:4000`);
}

const inTen = parseAddress("tcp@10.0.0.1:4000");

test("without tokens everybody may do everything", async () => {
  const { enter } = setUp("");
  const writer = enter();
  expect(enter("whatever")).toBe(writer);
  expect(writer.name).toBeUndefined();
  writer.begin();
  const { id, secret } = await writer.put(announcement(), undefined);
  expect((await writer.renew(id, secret, 1, {})).id).toBe(id);
  await writer.leave(id, secret, 2);
  await writer.putAddress(inTen);
  writer.end();
});

test("no other token takes the address of an instance that is up, and nothing comes of trying", async () => {
  const { clock, directory, enter } = setUp();
  const [own, other] = [idNumber(1), idNumber(2)];
  const { secret } = await enter(foo).put(announcement({ id: own, address: inTen }), undefined);
  const intruder = announcement({ id: other, address: inTen, services: ["Bar"] });
  const before = directory.status;
  const list = directory.list();
  const error = await failureOf(() => enter(bar).put(intruder, undefined));
  expect(error).toMatchObject({ code: "FAILED_PRECONDITION", reason: "ADDRESS_HELD" });
  expect([directory.status, directory.list()]).toEqual([before, list]);
  await enter(foo).renew(own, secret, 1, {});
  // Nor does an instance that is somewhere else already.
  const elsewhere = parseAddress("tcp@10.0.0.2:4000");
  const { secret: key } = await enter(bar).put({ ...intruder, address: elsewhere }, undefined);
  const move = { ...intruder, revision: 2 };
  expect((await failureOf(() => enter(bar).put(move, key))).reason).toBe("ADDRESS_HELD");
  expect(directory.list().map(({ address, state }) => `${address} ${state}`)).toEqual([
    `${inTen} up`,
    `${elsewhere} up`,
  ]);
  // Silent for its lease, it is a suspect, and whoever speaks from there is there.
  await clock.advance(limits.leaseMs + 50);
  await enter(bar).put(move, key);
  expect(directory.list().map(({ id, state }) => [id, state])).toEqual([
    [own, "left"],
    [other, "up"],
  ]);
});

test("the same token takes an address at once, as after a restart", async () => {
  const { directory, enter } = setUp();
  const [own, next] = [idNumber(1), idNumber(2)];
  const { secret } = await enter(foo).put(announcement({ id: own, address: inTen }), undefined);
  await enter(foo).put(announcement({ id: next, address: inTen }), undefined);
  expect(directory.list().map(({ id, state }) => [id, state])).toEqual([
    [own, "left"],
    [next, "up"],
  ]);
  expect((await failureOf(() => enter(foo).renew(own, secret, 1, {}))).code).toBe("NOT_FOUND");
  const again = await failureOf(() =>
    enter(foo).put(announcement({ id: own, address: inTen }), secret),
  );
  expect(again).toMatchObject({ code: "FAILED_PRECONDITION", reason: "REPLACED" });
  expect(again.message).toBe(`instance ${next} has taken the address ${inTen} of instance ${own}`);
});

test.each([
  [undefined, "asks for a bearer token"],
  ["", "asks for a bearer token"],
  ["a b", "asks for a bearer token"],
  ["x", "knows no such"],
  [`${all}x`, "knows no such"],
  [all.slice(0, -1), "knows no such"],
  [all.toUpperCase(), "knows no such"],
  [`${all}=`, "knows no such"],
  ["x".repeat(512), "knows no such"],
  ["x".repeat(9_000), "asks for a bearer token"],
])("the token %p is none, whatever its length", async (token, words) => {
  const { enter } = setUp();
  const error = await failureOf(() => enter(token));
  expect(error).toMatchObject({ code: "UNAUTHENTICATED", reason: "NO_TOKEN", executed: "no" });
  expect(error.message).toContain(words);
  expect(error.message).not.toContain(all);
});

test("each token is known by its line", () => {
  const { enter } = setUp();
  expect([reader, foo, bar, all].map((token) => enter(token).name)).toEqual([
    "line 1",
    "line 2",
    "line 3",
    "line 4",
  ]);
});

test("a token that reads begins no write", async () => {
  const { enter } = setUp();
  const error = await failureOf(() => enter(reader).begin());
  expect(error).toMatchObject({ code: "PERMISSION_DENIED", reason: "TOKEN_SCOPE", executed: "no" });
  for (const token of [foo, bar, all]) enter(token).begin();
});

type Verb = "register" | "next" | "renew" | "leave" | "header";

/** Does it with an instance of `services` at `address` that somebody with every right registered. */
async function attempt(token: string, verb: Verb, services: string[], address: Address) {
  const { enter } = setUp();
  const owner = enter(all);
  const known = announcement({ services, address });
  const { id, secret } = await owner.put(known, undefined);
  const writer = enter(token);
  switch (verb) {
    case "register":
      return writer.put(
        { ...known, id: idOf("b"), address: parseAddress("tcp@10.9.9.9:1") },
        undefined,
      );
    case "next":
      return writer.put({ ...known, revision: 2 }, secret);
    case "renew":
      return writer.renew(id, secret, 1, { weight: 0 });
    case "leave":
      return writer.leave(id, secret, 2);
    case "header":
      return writer.putAddress(address);
  }
}

const verbs = ["register", "next", "renew", "leave", "header"] as const;

const may: Readonly<Record<string, (verb: Verb, services: string[], at: Address) => boolean>> = {
  [reader]: () => false,
  [foo]: (verb, services, at) =>
    verb !== "header" &&
    services.every((name) => name === "Foo") &&
    (verb === "register" || at.startsWith("tcp@10.")),
  [bar]: (verb, services) => verb !== "header" && services.every((name) => name === "Bar"),
  [all]: () => true,
};

const cases = [reader, foo, bar, all].flatMap((token) =>
  [["Foo"], ["Bar"], ["Foo", "Bar"], []].flatMap((services) =>
    ["tcp@10.0.0.1:4000", "tcp@192.0.2.1:4000", "tcp@web:1"].flatMap((address) =>
      verbs.map((verb) => [token, verb, services, address] as const),
    ),
  ),
);

test.each(cases)("%s, to %s %j at %s", async (token, verb, services, address) => {
  const at = parseAddress(address);
  const allowed = may[token]?.(verb, [...services], at) ?? false;
  if (allowed) {
    await attempt(token, verb, [...services], at);
    return;
  }
  const error = await failureOf(() => attempt(token, verb, [...services], at));
  expect(error).toMatchObject({ code: "PERMISSION_DENIED", reason: "TOKEN_SCOPE", executed: "no" });
});

test("a token does not stand in for the secret of an instance", async () => {
  const { enter, directory } = setUp();
  const { id, secret } = await enter(all).put(announcement(), undefined);
  await enter(all).renew(id, secret, 1, {});
  const other = { ...announcement({ revision: 9 }), address: inTen };
  for (const work of [
    () => enter(all).put(other, undefined),
    () => enter(all).put(other, idOf("0")),
    () => enter(all).renew(id, "0", 1, {}),
    () => enter(all).renew(id, "", 1, {}),
    () => enter(all).leave(id, idOf("0"), 9),
    () => enter(bar).put({ ...other, services: ["Bar"] }, undefined),
  ]) {
    expect(await failureOf(work)).toMatchObject({
      code: "PERMISSION_DENIED",
      reason: "WRONG_SECRET",
    });
  }
  expect(directory.list()).toMatchObject([{ id, address: announcement().address, revision: 1 }]);
});

test("an unknown instance stays unknown, whoever asks", async () => {
  const { enter } = setUp();
  for (const token of [foo, all]) {
    const writer = enter(token);
    expect(await failureOf(() => writer.renew(idOf("c"), "x", 1, {}))).toMatchObject({
      code: "NOT_FOUND",
      reason: "REGISTER_AGAIN",
    });
    expect(await failureOf(() => writer.leave(idOf("c"), "x"))).toMatchObject({
      code: "NOT_FOUND",
    });
  }
});

test("so many instances belong to a token and no more, and each token has its own count", async () => {
  const { clock, directory, enter } = setUp();
  const writer = enter(all);
  const put = (n: number, by = writer) =>
    by.put(announcement({ id: idNumber(n), address: addressNumber(n) }), undefined);
  const max = limits.maxInstancesPerToken;
  const grants = [];
  for (let n = 0; n < max - 1; n++) grants.push(await put(n));
  await writer.putAddress(parseAddress("tcp@old:1"));
  const refusal = { code: "RESOURCE_EXHAUSTED", reason: "TOKEN_QUOTA", executed: "no" };
  expect(await failureOf(() => put(max))).toMatchObject(refusal);
  expect(await failureOf(() => writer.putAddress(inTen))).toMatchObject(refusal);

  // Those that are there go on, and somebody else's count is another.
  const [first, second] = grants;
  if (first === undefined || second === undefined) throw new Error("they are there");
  await writer.renew(first.id, first.secret, 1, {});
  await writer.put(
    announcement({ id: first.id, address: addressNumber(0), revision: 2 }),
    first.secret,
  );
  await writer.putAddress(parseAddress("tcp@old:1"));
  await put(max, enter(foo));

  // Who leaves makes room at once; who is gone otherwise, when that is looked for.
  await writer.leave(first.id, first.secret, 3);
  await put(max + 1);
  expect(await failureOf(() => put(max + 2))).toMatchObject(refusal);
  await directory.leave(second.id, second.secret);
  expect(directory.list().find(({ id }) => id === idNumber(1))?.state).toBe("left");
  await clock.advance(1_000);
  await put(max + 2);
  expect(await failureOf(() => put(max + 3))).toMatchObject(refusal);
});

test("what a token's instances take up of the list is bounded as well", async () => {
  const { enter } = setUp();
  const [writer, other] = [enter(all), enter(foo)];
  const tags = Object.fromEntries(
    Array.from({ length: limits.maxTags }, (_, n) => [`t${n}`, "v".repeat(256)]),
  );
  const say = (n: number, changes = {}) =>
    announcement({ id: idNumber(n), address: addressNumber(n), ...changes });
  const first = await writer.put(say(0), undefined);
  let count = 1;
  for (let refusal: GeeError | undefined; refusal === undefined; count += 1) {
    refusal = await writer.put(say(count, { tags }), undefined).then(
      () => undefined,
      (thrown: unknown) => GeeError.from(thrown),
    );
    if (refusal !== undefined) expect(refusal.reason).toBe("TOKEN_QUOTA");
  }
  expect(count).toBeLessThan(1_000);
  // Nor does one that is there grow; what is said without much goes on, and others have their own.
  const grown = say(0, { tags, revision: 2 });
  expect((await failureOf(() => writer.put(grown, first.secret))).reason).toBe("TOKEN_QUOTA");
  await writer.put(say(0, { revision: 2, draining: true }), first.secret);
  await other.put(say(count + 1, { tags }), undefined);
  await writer.leave(first.id, first.secret, 3);
  expect((await failureOf(() => writer.put(say(1, { tags }), "x"))).reason).toBe("WRONG_SECRET");
});

test("what goes to another token counts for that one", async () => {
  const { enter } = setUp();
  const [one, other] = [enter(all), enter(bar)];
  const said = announcement({ services: ["Bar"] });
  const { id, secret } = await one.put(said, undefined);
  await other.renew(id, secret, 1, {});
  await one.renew(id, secret, 1, {});
  await other.put({ ...said, revision: 2 }, secret);
  await other.leave(id, secret, 3);
  // The count of nobody is below nothing: as many as may be, and no more.
  for (let n = 1; n <= limits.maxInstancesPerToken; n++) {
    await one.put(announcement({ id: idNumber(n), address: addressNumber(n) }), undefined);
  }
  const over = announcement({ id: idNumber(0xffff), address: addressNumber(0xffff) });
  expect((await failureOf(() => one.put(over, undefined))).reason).toBe("TOKEN_QUOTA");
});

test("the list is not searched for every refusal", async () => {
  const { clock, directory, enter } = setUp();
  const writer = enter(all);
  for (let n = 0; n < limits.maxInstancesPerToken; n++) {
    await writer.put(announcement({ id: idNumber(n), address: addressNumber(n) }), undefined);
  }
  let searches = 0;
  const { list } = directory;
  directory.list = () => {
    searches += 1;
    return list.call(directory);
  };
  const over = announcement({ id: idNumber(0xffff), address: addressNumber(0xffff) });
  for (let n = 0; n < 50; n++) await failureOf(() => writer.put(over, undefined));
  expect(searches).toBe(1);
  await clock.advance(1_000);
  await failureOf(() => writer.put(over, undefined));
  expect(searches).toBe(2);
});

test("so many writes of a token are under way and no more", async () => {
  const { enter } = setUp();
  const writer = enter(all);
  for (let n = 0; n < limits.maxWritesPerToken; n++) writer.begin();
  expect(await failureOf(() => writer.begin())).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "TOKEN_QUOTA",
    executed: "no",
  });
  enter(foo).begin();
  writer.end();
  writer.begin();
});

test("a scope that was narrowed holds for those that a store brings back", async () => {
  const { directory, clock } = setUp();
  const { id, secret } = await directory.put(announcement({ services: ["Payments"] }), undefined);
  // Another start of the registry: nobody is known to have registered it.
  const access = new Access(directory, clock, parseTokens(tokens));
  const writer = access.enter(`Bearer ${bar}`);
  expect(await failureOf(() => writer.renew(id, secret, 1, {}))).toMatchObject({
    code: "PERMISSION_DENIED",
    reason: "TOKEN_SCOPE",
  });
  await access.enter(`Bearer ${all}`).renew(id, secret, 1, {});
});
