import { expect, test } from "bun:test";
import { isInstalled, isPlatform } from "../../src/source/paths.ts";

test("packages are told from the project, and the platform's from others", () => {
  expect(isInstalled("/p/node_modules/zod/index.d.ts")).toBe(true);
  expect(isInstalled("/p/src/node_modules.ts")).toBe(false);
  expect(isPlatform("/p/node_modules/@types/node/fs.d.ts")).toBe(true);
  expect(isPlatform("/p/node_modules/bun-types/index.d.ts")).toBe(true);
  expect(isPlatform("/p/node_modules/@types/nodemailer/index.d.ts")).toBe(false);
});
