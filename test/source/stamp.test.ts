import { expect, test } from "bun:test";
import { cp, symlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ownStamp, sourceStamp } from "../../src/source/stamp.ts";
import { folder } from "../support/folder.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

async function stampOf(copy: string): Promise<string> {
  const code = `console.log((await import(${JSON.stringify(`${copy}/src/source/stamp.ts`)})).sourceStamp())`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
  return (await child.stdout.text()).trim();
}

test("the stamp is that of the files that read contracts, wherever they are", async () => {
  expect(sourceStamp()).toMatch(/^[0-9a-f]{32}$/);
  expect(ownStamp()).toBe(sourceStamp());
  await using place = await folder();
  await cp(`${root}src`, `${place.path}/src`, { recursive: true });
  await symlink(`${root}node_modules`, `${place.path}/node_modules`);
  expect(await stampOf(place.path)).toBe(sourceStamp());
  const reader = Bun.file(`${place.path}/src/source/extract.ts`);
  await place.write("src/source/extract.ts", `${await reader.text()}\n`);
  expect(await stampOf(place.path)).not.toBe(sourceStamp());
});
