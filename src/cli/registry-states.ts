import type { Gee } from "../client.ts";
import type { Output } from "./output.ts";
import type { Target } from "./values.ts";

type RegistryStatus = ReturnType<Gee["registries"]>[number];

interface Asking {
  readonly target: Target;
}

/** The URL as a person gave it. */
function named({ url }: RegistryStatus): string {
  return new URL(url).origin;
}

/**
 * Tells, a line each, of the registries that gave no list while another one did: what they alone
 * know is missing. Where none did, the command fails for it, or says that it uses a saved list.
 */
export async function tellAway(gee: Gee, { target }: Asking, output: Output): Promise<void> {
  const all = gee.registries();
  if (!all.some(({ answers }) => answers)) return;
  for (const status of all) {
    const { answers, error } = status;
    // With a cache the log has said so.
    const isTold = error !== undefined && target.kind === "registry" && target.cache !== undefined;
    if (answers || isTold) continue;
    const registry = named(status);
    const why = error === undefined ? "it has not answered yet" : error.message;
    const text = `away       ${registry} gives no list: ${why.replace(/^registry \S+: /, "")}`;
    await output.talk("away", text, { registry, why });
  }
}

/** The same, and which of the registries that answer are warming, or hold removals back. */
export async function tellRegistries(gee: Gee, asking: Asking, output: Output): Promise<void> {
  await tellAway(gee, asking, output);
  for (const status of gee.registries().filter(({ answers }) => answers)) {
    const registry = named(status);
    if (status.warming) {
      const why = "started less than a lease ago, and need not know everybody yet";
      await output.talk("warming", `warming    ${registry} ${why}`, { registry });
    }
    if (status.frozen) {
      const why = "removes nobody, as too many fell silent at once";
      await output.talk("frozen", `frozen     ${registry} ${why}`, { registry });
    }
  }
}
