import { expect, test } from "bun:test";
import { isPlatform, packageOf } from "../../src/source/paths.ts";

test("packages are told from the project, and the platform's from others", () => {
  expect(packageOf("/p/node_modules/zod/index.d.ts")).toBe("/p/node_modules/zod");
  expect(packageOf("/p/node_modules/@a/b/c/d.ts")).toBe("/p/node_modules/@a/b");
  expect(packageOf("/p/node_modules/a/node_modules/b/c.ts")).toBe(
    "/p/node_modules/a/node_modules/b",
  );
  expect(packageOf("/p/src/node_modules.ts")).toBe("");
  expect(isPlatform("/p/node_modules/@types/node/fs.d.ts")).toBe(true);
  expect(isPlatform("/p/node_modules/bun-types/index.d.ts")).toBe(true);
  expect(isPlatform("/p/node_modules/@types/nodemailer/index.d.ts")).toBe(false);
});
