import { silentLog } from "../base/log.ts";
import { connect } from "../client.ts";
import { parseDescribedService } from "../contract/described.ts";
import { parseServiceContract } from "../contract/parse.ts";
import { exampleCall } from "./example-call.ts";

/** What is looked at of a server that has just started. */
export interface ExampleSource {
  readonly address: string;
  readonly services: readonly { readonly name: string; readonly methods: readonly string[] }[];
}

const askTimeoutMs = 2_000;

/**
 * A call to copy: of the first method for which the server's contract gives arguments that it takes,
 * else of the first one, bare. Undefined when nothing is served.
 */
export async function exampleFor(
  { address, services }: ExampleSource,
  targetWords: readonly string[],
): Promise<string | undefined> {
  const [service] = services;
  const [method] = service?.methods ?? [];
  if (service === undefined || method === undefined) return undefined;
  const bare = ["gee", "call", `${service.name}.${method}`, ...targetWords].join(" ");
  try {
    return (await described(address, service.name, targetWords)) ?? bare;
  } catch {
    // It is a help and no more: the server may have been replaced meanwhile.
    return bare;
  }
}

async function described(
  address: string,
  service: string,
  targetWords: readonly string[],
): Promise<string | undefined> {
  await using gee = connect({ address, log: silentLog, timeoutMs: askTimeoutMs });
  const answer = await gee.call("gee.Reflection.Describe", [service]);
  const [first]: readonly unknown[] = Array.isArray(answer) ? answer : [];
  const contract = parseServiceContract(JSON.parse(parseDescribedService(first).contract));
  for (const method of contract.methods) {
    const example = exampleCall(contract, method, targetWords);
    if (example?.kind === "line") return example.line;
  }
  return undefined;
}
