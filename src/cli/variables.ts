import { nearest } from "../base/names.ts";
import { commandList } from "./commands.ts";
import type { Output } from "./output.ts";
import type { Environment } from "./values.ts";

/** A variable of the environment that stands in for a flag. */
export interface Variable {
  readonly name: string;
  readonly flag: string;
  /** Those that read it. */
  readonly commands: readonly string[];
  readonly fallback?: string;
  readonly meaning: string;
}

/** Every variable that some command reads, in the order of the help. */
export function variables(): readonly Variable[] {
  const found = new Map<string, Variable & { commands: string[] }>();
  for (const { name: command, flags } of commandList) {
    for (const { name, env, fallback, text } of flags) {
      if (env === undefined) continue;
      const known = found.get(env);
      if (known !== undefined) {
        known.commands.push(command);
        continue;
      }
      found.set(env, {
        name: env,
        flag: `--${name}`,
        commands: [command],
        ...(fallback === undefined ? {} : { fallback }),
        meaning: text,
      });
    }
  }
  return [...found.values()];
}

const prefix = "GEE_";

/**
 * The variables that nobody reads and that are near to one that somebody does: typing mistakes. What
 * else begins with `GEE_` may be another program's.
 */
export function misspelt(env: Environment): readonly { name: string; meant: string }[] {
  const own = Object.keys(env).filter((name) => name.startsWith(prefix) && env[name] !== "");
  if (own.length === 0) return [];
  const known = variables().map(({ name }) => name.slice(prefix.length));
  return own.flatMap((name) => {
    // Compared without what all of them begin with: it would make any two of them near.
    const text = name.slice(prefix.length);
    const meant = known.includes(text) ? undefined : nearest(text, known);
    return meant === undefined ? [] : [{ name, meant: prefix + meant }];
  });
}

/** Says of each misspelt variable that it has no effect. Programs, which read JSON, are spared. */
export async function tellMisspelt(env: Environment, output: Output): Promise<void> {
  if (output.json) return;
  for (const { name, meant } of misspelt(env)) {
    const text = `${name} is no variable of gee, and has no effect; did you mean ${meant}?`;
    await output.talk("misspelt", text, { name, meant });
  }
}
