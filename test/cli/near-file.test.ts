import { expect, test } from "bun:test";
import { join } from "node:path";
import { nearFile, nearFileHint } from "../../src/cli/near-file.ts";
import { parseData } from "../../src/cli/literals.ts";
import { readSecretFile } from "../../src/cli/token-file.ts";
import { failureOf } from "../support/ends.ts";
import { folder } from "../support/folder.ts";

test("the nearest name beside it is proposed, as a path like the one given", async () => {
  await using place = await folder({ "user.json": "{}", "foo.ts": "", "sub/tokens": "" });
  expect(nearFile(join(place.path, "usr.json"))).toBe(join(place.path, "user.json"));
  expect(nearFile(`${place.path}/sub/tokns`)).toBe(`${place.path}/sub/tokens`);
  expect(nearFile(join(place.path, "fooo.ts"), (name) => name.endsWith(".js"))).toBeUndefined();
  expect(nearFile(join(place.path, "something.else"))).toBeUndefined();
  // It is there: something else is wrong with it.
  expect(nearFile(join(place.path, "foo.ts"))).toBeUndefined();
  expect(nearFile("/nowhere/at/all")).toBeUndefined();
  expect(nearFile("package.jsn")).toBe("package.json");
  expect(nearFileHint("package.jsn")).toBe("did you mean package.json?");
  expect(nearFileHint("nothing-like-it")).toBeUndefined();
});

test("files of data, of tokens and of streams are proposed", async () => {
  await using place = await folder({ "user.json": "{}" });
  const path = join(place.path, "usr.json");
  const hint = `did you mean ${join(place.path, "user.json")}?`;
  const source = {
    file: (name: string) => Bun.file(name).bytes(),
    stdin: () => Promise.reject(new Error("it is not read")),
  };
  expect((await failureOf(parseData(`@${path}`, source))).hint).toBe(hint);
  expect((await failureOf(parseData("@-", source))).hint).toBeUndefined();
  expect((await failureOf(Promise.try(() => readSecretFile(path)))).hint).toBe(hint);
});
