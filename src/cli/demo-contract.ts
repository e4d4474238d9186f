import { fileURLToPath } from "node:url";
import type { ModuleContract } from "../contract/contract.ts";
import { parseModuleContract } from "../contract/parse.ts";
import { readContract, type ReadOptions } from "../source/read-contract.ts";
import { embeddedDemo } from "./embedded-demo.ts";

/**
 * The contract of the demo service: the executable carries it, from source it is read as any other.
 *
 * @throws GeeError as `readContract` does
 */
export async function demoContract(options?: ReadOptions): Promise<ModuleContract[]> {
  if (embeddedDemo !== undefined) return [parseModuleContract(JSON.parse(embeddedDemo))];
  return readContract(fileURLToPath(new URL("./demo-service.ts", import.meta.url)), options);
}
