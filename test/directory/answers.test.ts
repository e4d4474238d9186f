import { expect, test } from "bun:test";
import { parseAddress } from "../../src/base/address.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Answers, parseToken } from "../../src/directory/answers.ts";
import { LocalDirectory } from "../../src/directory/local-directory.ts";
import { MemoryStore } from "../../src/directory/store.ts";
import { FakeClock } from "../support/clock.ts";
import { id, instance } from "./table-bench.ts";

interface Setup {
  readonly clock: FakeClock;
  readonly directory: LocalDirectory;
  readonly answers: Answers;
  /** The answer's JSON; `after` is an index of this epoch. */
  ask(after?: number): Promise<Record<string, unknown>>;
}

function setUp(): Setup {
  const clock = new FakeClock();
  const directory = new LocalDirectory({ clock, log: silentLog, store: new MemoryStore() });
  const answers = new Answers(clock, directory);
  return {
    clock,
    directory,
    answers,
    async ask(after) {
      const { epoch } = directory.status;
      const token = after === undefined ? undefined : { epoch, index: after };
      return Object(await answers.list(token).json());
    },
  };
}

test.each([
  ["0123456789abcdef-0", { epoch: "0123456789abcdef", index: 0 }],
  ["c-9007199254740991", { epoch: "c", index: 9_007_199_254_740_991 }],
  ["c-9007199254740992", undefined],
  ["c-99999999999999999", undefined],
  ["", undefined],
  ["-1", undefined],
  ["c-", undefined],
  ["c--1", undefined],
  ["c-1.5", undefined],
  ["c-1e3", undefined],
  ["C-1", undefined],
  ["c-1 ", undefined],
  ["x-1", undefined],
  [`${"c".repeat(33)}-1`, undefined],
])("the token %p is read as %j", (text, token) => {
  expect(parseToken(text)).toEqual(token);
});

test("without a token the answer is the whole list, and says where it stands", async () => {
  const { directory, ask } = setUp();
  await directory.put(instance(1, { load: 3, lagMs: 4 }), undefined);
  const { epoch, hash } = directory.status;
  expect(await ask()).toEqual({
    protocol: 1,
    epoch,
    index: 1,
    token: `${epoch}-1`,
    leaseMs: 9_000,
    warming: true,
    frozen: false,
    hash,
    instances: [{ ...instance(1), load: 3, lagMs: 4, state: "up", ageMs: 0, beatMs: 0 }],
  });
});

test("after an index the answer is what changed, as it is now, and who is gone", async () => {
  const { clock, directory, ask } = setUp();
  for (let n = 1; n <= 3; n++) await directory.put(instance(n), undefined);
  const { secret } = await directory.put(instance(4), undefined);
  await directory.leave(id(4), secret, 2);
  expect(await ask(4)).toMatchObject({
    delta: true,
    index: 5,
    instances: [{ id: id(4), state: "left", revision: 2 }],
    gone: [],
  });
  expect(await ask(5)).toMatchObject({ delta: true, instances: [], gone: [] });
  await clock.advance(9_000);
  const answer = await ask(5);
  expect(answer).toMatchObject({ warming: false, frozen: true });
  expect(answer["gone"]).toEqual([{ id: id(4), address: instance(4).address }]);
  expect(answer["hash"]).toBe(directory.status.hash);
});

test("a header-only peer that is gone is gone by its address", async () => {
  const { clock, directory, ask } = setUp();
  await directory.putAddress(parseAddress("tcp@old:1"));
  await clock.advance(300_000);
  expect(await ask(1)).toMatchObject({ instances: [], gone: [{ address: "tcp@old:1" }] });
});

test("a token of another epoch, or of an index that is not known, has the whole list", async () => {
  const { directory, answers, ask } = setUp();
  await directory.put(instance(1), undefined);
  const other: unknown = await answers.list({ epoch: "0123456789abcdef", index: 1 }).json();
  for (const answer of [other, await ask(2), await ask(1e15)]) {
    expect(answer).toMatchObject({ index: 1, instances: [{ id: id(1) }] });
    expect(answer).not.toContainKeys(["delta", "gone"]);
  }
});

test("who is too far behind has the whole list", async () => {
  const { directory, ask } = setUp();
  const { secret } = await directory.put(instance(1), undefined);
  for (let change = 0; change < limits.maxChangeLog; change++) {
    await directory.renew(id(1), secret, 1, { weight: 2 + (change % 2) });
  }
  expect(await ask(0)).not.toContainKey("delta");
  expect(await ask(1)).toMatchObject({ delta: true, instances: [{ id: id(1) }] });
});

test("only the whole list carries GeeRPC's header, which can be long", async () => {
  const { directory, answers } = setUp();
  await directory.put(instance(1), undefined);
  const { epoch } = directory.status;
  const header = (response: Response): string | null => response.headers.get("x-geerpc-servers");
  expect(header(answers.list(undefined))).toBe(instance(1).address);
  expect(header(answers.list({ epoch, index: 0 }))).toBeNull();
});

test("who asks at once shares one writing, and nobody is told of an older state", async () => {
  const { clock, directory, ask } = setUp();
  const { secret } = await directory.put(instance(1), undefined);
  let lists = 0;
  const { list } = directory;
  directory.list = () => {
    lists += 1;
    return list.call(directory);
  };
  const first = await ask();
  await directory.renew(id(1), secret, 1, { load: 5 });
  expect([await ask(), lists]).toEqual([first, 1]);
  await clock.advance(50);
  expect(await ask()).toMatchObject({ instances: [{ load: 5, ageMs: 50 }] });
  await directory.put(instance(2), undefined);
  expect((await ask())["instances"]).toHaveLength(2);
  expect(lists).toBe(3);
});

test("the addresses of GeeRPC's list are joined by commas, and are those of now", async () => {
  const { directory, answers } = setUp();
  expect(answers.addresses()).toBe("");
  await directory.putAddress(parseAddress("tcp@b:1"));
  await directory.putAddress(parseAddress("tcp@a:1"));
  expect([answers.addresses(), answers.addresses()]).toEqual(Array(2).fill("tcp@a:1,tcp@b:1"));
  const { secret } = await directory.put(
    instance(1, { address: parseAddress("tcp@c:1") }),
    undefined,
  );
  await directory.leave(id(1), secret);
  expect(answers.addresses()).toBe("tcp@a:1,tcp@b:1");
});
