import { argumentsHelp } from "./arguments-help.ts";
import { columns } from "./columns.ts";
import { commandList, findCommand, findTopic, topics, type CommandSpec } from "./commands.ts";
import { exitCodes } from "./exit-codes-help.ts";
import { limitLines } from "./limits-help.ts";
import type { Output } from "./output.ts";
import { recipes } from "./recipes-help.ts";
import { variables } from "./variables.ts";

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

function overview(): string {
  const rows = commandList.map(({ name, alias, usage, summary }) => [
    `${name} ${usage}`.trim(),
    alias === undefined ? summary : `${summary} (alias ${alias})`,
  ]);
  return [
    "gee: RPC between TypeScript services. Registry, server and client in one executable.",
    "",
    "usage: gee COMMAND [FLAG ...] [ARG ...]",
    "",
    columns(rows),
    "",
    `Topics: ${topics.map((topic) => `gee help ${topic}`).join(", ")}`,
    "Every command takes --json and --help. Flags may stand anywhere before --.",
    "",
    "A first try: gee demo",
  ].join("\n");
}

function commandHelp(spec: CommandSpec): string {
  const { name, alias, usage, summary, flags, notes = [], examples } = spec;
  const rows = flags.map(({ name: flag, short, value, env, fallback, text }) => {
    const facts = [
      ...(short === undefined ? [] : [`-${short}`]),
      ...(fallback === undefined ? [] : [`default ${fallback}`]),
      ...(env === undefined ? [] : [env]),
    ];
    return [
      `--${flag}${value === undefined ? "" : ` ${value}`}`,
      facts.length === 0 ? text : `${text} [${facts.join(", ")}]`,
    ];
  });
  return [
    `gee ${name}: ${summary}${alias === undefined ? "" : ` (alias ${alias})`}`,
    "",
    `usage: ${`gee ${name} [FLAG ...] ${usage}`.trim()}`,
    "",
    columns(rows),
    ...(notes.length === 0 ? [] : ["", ...notes]),
    "",
    ...indented(examples),
  ].join("\n");
}

function topicHelp(topic: string | undefined): { text: string; json: unknown } {
  const spec = topic === undefined ? undefined : findCommand(topic);
  if (spec !== undefined) return { text: commandHelp(spec), json: commandJson(spec) };
  const found = topic === undefined ? undefined : findTopic(topic);
  switch (found) {
    case "exit-codes": {
      const rows = exitCodes();
      const text = columns(
        rows.map(({ exitCode, name, meaning }) => [`${exitCode}`, name, meaning]),
      );
      return { text: `Exit codes\n\n${text}`, json: rows };
    }
    case "env": {
      const rows = variables();
      const text = columns(
        rows.map(({ name, flag, commands: used, fallback, meaning }) => [
          name,
          `${flag} of ${used.length === commandList.length ? "every command" : used.join(", ")}`,
          fallback === undefined ? meaning : `${meaning} [default ${fallback}]`,
        ]),
      );
      const rest =
        "Flags beat the environment, which beats the default. NO_COLOR switches colour off. What is\n" +
        "read of source and of registries is kept in the folder gee of XDG_CACHE_HOME, or of ~/.cache.";
      return { text: `Environment\n\n${text}\n\n${rest}`, json: rows };
    }
    case "limits": {
      const rows = limitLines();
      const text = columns(rows.map(({ limit, value, beyond }) => [limit, value, beyond]));
      return { text: `Limits, and what happens beyond them\n\n${text}`, json: rows };
    }
    case "args":
      return { text: argumentsHelp, json: { topic: found, text: argumentsHelp } };
    case "recipes": {
      const text = recipes.map(({ title, lines }) => [title, "", ...indented(lines)].join("\n"));
      return { text: text.join("\n\n"), json: recipes };
    }
    case undefined:
      return { text: overview(), json: { commands: commandList.map(commandJson), topics } };
  }
}

function commandJson(spec: CommandSpec): unknown {
  const { name, alias, usage, summary, flags, examples } = spec;
  return {
    name,
    alias,
    usage: `gee ${name} [FLAG ...] ${usage}`.trim(),
    summary,
    flags: flags.map((flag) => ({
      flag: `--${flag.name}`,
      short: flag.short === undefined ? undefined : `-${flag.short}`,
      value: flag.value,
      env: flag.env,
      default: flag.fallback,
      text: flag.text,
    })),
    examples,
  };
}

/** `gee help`: the overview, a command or a topic. */
export async function runHelp(topic: string | undefined, output: Output): Promise<number> {
  const { text, json } = topicHelp(topic);
  if (output.json) await output.value(json);
  else await output.data(text);
  return 0;
}
