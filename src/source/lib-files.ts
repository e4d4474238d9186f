import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { embeddedLib } from "./embedded-lib.ts";
import { readBytes } from "./inputs.ts";

const libName = /^lib(\.[a-z0-9]+)*\.d\.ts$/;

type Pack = Readonly<Record<string, string>>;

const packs = new Map<string, Pack>();

function unpack(path: string): Pack {
  const pack: Pack = JSON.parse(
    new TextDecoder().decode(Bun.zstdDecompressSync(readFileSync(path))),
  );
  packs.set(path, pack);
  return pack;
}

/**
 * One of TypeScript's own declaration files by its name, `lib.es2024.d.ts` and so on: from what the
 * executable carries, or from the package. Undefined when there is none of that name.
 */
export function libFile(name: string): string | undefined {
  if (!libName.test(name)) return undefined;
  if (embeddedLib === undefined) {
    const file = readBytes(fileURLToPath(new URL(name, import.meta.resolve("typescript"))));
    return file === undefined ? undefined : new TextDecoder().decode(file.bytes);
  }
  // Most modules do without a browser's world, which is 15 times as large.
  const path = /^lib\.(es|decorators)/.test(name) ? embeddedLib.es : embeddedLib.rest;
  const pack = packs.get(path) ?? unpack(path);
  return Object.hasOwn(pack, name) ? pack[name] : undefined;
}
