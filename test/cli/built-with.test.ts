import { expect, test } from "bun:test";
import { join } from "node:path";
import { readBuiltWith } from "../../src/cli/built-with.ts";
import { failureOf } from "../support/ends.ts";
import { method, number, service } from "../support/contracts.ts";
import { folder } from "../support/folder.ts";

const foo = service([method("Sum", { a: number, b: number }, number)]);

test("contracts are read as gee types prints them with --json", async () => {
  await using place = await folder({
    "list.json": JSON.stringify([foo, service([], {}, "Bar")]),
    "one.json": `\n ${JSON.stringify(foo)}`,
  });
  const names = async (name: string): Promise<readonly string[]> =>
    (await readBuiltWith(join(place.path, name))).map((one) => one.name);
  expect(await names("list.json")).toEqual(["Foo", "Bar"]);
  expect(await names("one.json")).toEqual(["Foo"]);
});

test("declarations are read by the checker", async () => {
  await using place = await folder({
    "foo.d.ts": "export interface Foo { Sum(a: number, b: number): Promise<number>; }\n",
  });
  const [read] = await readBuiltWith(join(place.path, "foo.d.ts"));
  expect(read?.name).toBe("Foo");
  expect(read?.methods[0]?.signatures).toMatchObject(foo.methods[0]?.signatures ?? []);
}, 20_000);

test("a file that is not there, or says nothing, is wrong usage", async () => {
  await using place = await folder({
    "foo.d.ts": "export {};\n",
    "bad.json": "{",
    "other.json": '{"name":"x"}',
    "sub/x": "",
  });
  const failure = async (name: string): Promise<readonly unknown[]> => {
    const { code, reason, message, hint } = await failureOf(readBuiltWith(join(place.path, name)));
    expect([code, reason]).toEqual(["INVALID_ARGUMENT", "USAGE"]);
    return [message.replaceAll(`${place.path}/`, ""), hint?.replaceAll(`${place.path}/`, "")];
  };
  const [missing, near] = await failure("fo.d.ts");
  expect(missing).toStartWith("--check: cannot read fo.d.ts: ENOENT");
  expect(near).toBe("did you mean foo.d.ts?");
  expect(await failure("sub")).toEqual(["--check: sub is no file", undefined]);
  expect((await failure("bad.json"))[0]).toStartWith("--check: bad.json holds no contracts: ");
  expect((await failure("other.json"))[0]).toContain("contract.methods: it is missing");
  expect((await failure("foo.d.ts"))[0]).toBe("--check: foo.d.ts declares no service");
}, 20_000);
