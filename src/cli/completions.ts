import type { Shell } from "./completions-spec.ts";
import { scripts } from "./completion-scripts.ts";
import type { Output } from "./output.ts";
import { ownCommand } from "./own-command.ts";
import { shellQuote } from "./shell-quote.ts";

/** Text as one word of fish, which knows two escapes between single quotes. */
function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** The script that a shell reads. `command` starts gee, by absolute paths. */
export function completionScript(shell: Shell, command: readonly string[]): string {
  const quote = shell === "fish" ? fishQuote : shellQuote;
  return scripts[shell](command.map(quote).join(" "));
}

/** `gee completions`: a script for a shell on stdout; nothing is edited. */
export async function runCompletions(shell: Shell, output: Output): Promise<number> {
  const script = completionScript(shell, ownCommand());
  if (output.json) await output.value({ shell, script });
  else await output.data(script);
  return 0;
}
