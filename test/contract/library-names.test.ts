import { expect, test } from "bun:test";
import { libraryNames } from "../../src/contract/library-names.ts";

test("the names are those that the library exports", async () => {
  const index = await Bun.file(new URL("../../src/index.ts", import.meta.url)).text();
  const names = [...index.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  );
  expect([...libraryNames].sort()).toEqual(names.sort());
});
