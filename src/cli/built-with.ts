import { statSync } from "node:fs";
import { GeeError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import type { ServiceContract } from "../contract/contract.ts";
import { parseServiceContract } from "../contract/parse.ts";
import { readInterfaces } from "../source/read-contract.ts";
import { nearFileHint } from "./near-file.ts";
import { usageError } from "./usage.ts";

/** More is no file that `gee types` has written. */
const maxBytes = 64 * 1024 * 1024;

async function textOf(file: string): Promise<string> {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) throw usageError(`--check: ${file} is no file`);
    if (stats.size > maxBytes) throw usageError(`--check: ${file} is larger than 64 MiB`);
    return await Bun.file(file).text();
  } catch (thrown) {
    if (thrown instanceof GeeError) throw thrown;
    throw usageError(`--check: cannot read ${file}: ${GeeError.from(thrown).message}`, {
      hint: nearFileHint(file),
    });
  }
}

function fromJson(file: string, text: string): readonly ServiceContract[] {
  try {
    const value: unknown = JSON.parse(text);
    const all: readonly unknown[] = Array.isArray(value) ? value : [value];
    return all.map((one) => parseServiceContract(one));
  } catch (thrown) {
    throw usageError(`--check: ${file} holds no contracts: ${GeeError.from(thrown).message}`, {
      hint: "it is what gee types has printed, or what it prints with --json",
      cause: thrown,
    });
  }
}

async function fromDeclarations(file: string): Promise<readonly ServiceContract[]> {
  try {
    return (await readInterfaces(file, { log: silentLog })).services;
  } catch (thrown) {
    const { message, hint, code } = GeeError.from(thrown);
    if (code === "UNIMPLEMENTED") throw thrown;
    throw usageError(`--check: cannot read ${file}: ${message}`, { hint, cause: thrown });
  }
}

/**
 * The contracts that callers were built with: from a file that `gee types` has printed, as declarations
 * or as JSON.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE, when it cannot be read, or says nothing
 */
export async function readBuiltWith(file: string): Promise<readonly ServiceContract[]> {
  const text = await textOf(file);
  const services = /^\s*[[{]/.test(text) ? fromJson(file, text) : await fromDeclarations(file);
  if (services.length > 0) return services;
  throw usageError(`--check: ${file} declares no service`, {
    hint: "it is what gee types has printed",
  });
}
