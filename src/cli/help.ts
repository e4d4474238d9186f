import { codeNumbers } from "../base/errors.ts";
import { commandList, findCommand, topics, type CommandSpec } from "./commands.ts";
import { limitLines } from "./limits-help.ts";
import type { Output } from "./output.ts";

interface ExitCode {
  readonly exitCode: number;
  readonly name: string;
  readonly meaning: string;
}

const statusMeanings: Readonly<Record<keyof typeof codeNumbers, string>> = {
  CANCELLED: "the call was taken back",
  UNKNOWN: "something failed and nobody knows what",
  INVALID_ARGUMENT: "the arguments cannot be right",
  DEADLINE_EXCEEDED: "the time-out passed before an answer was there",
  NOT_FOUND: "the thing asked for does not exist",
  ALREADY_EXISTS: "the thing to be made exists already",
  PERMISSION_DENIED: "the caller may not do this",
  RESOURCE_EXHAUSTED: "a limit was reached",
  FAILED_PRECONDITION: "the system is not in the state that this needs",
  ABORTED: "given up because of a conflict",
  OUT_OF_RANGE: "a position is past the valid range",
  UNIMPLEMENTED: "no such service or method",
  INTERNAL: "a fault of the server's own",
  UNAVAILABLE: "no registry or no server can be reached",
  DATA_LOSS: "data was lost or damaged",
  UNAUTHENTICATED: "the caller did not prove who it is",
};

function exitCodes(): readonly ExitCode[] {
  return [
    {
      exitCode: 0,
      name: "",
      meaning: "done; a server that drained, an empty list, a reader that left",
    },
    { exitCode: 1, name: "", meaning: "failure; a port that is in use" },
    {
      exitCode: 2,
      name: "",
      meaning: "wrong usage; a broken module, nothing to serve, a bad --stream line",
    },
    ...Object.entries(codeNumbers).map(([name, number]) => ({
      exitCode: 64 + number,
      name,
      meaning: Object.entries(statusMeanings).find(([known]) => known === name)?.[1] ?? "",
    })),
    { exitCode: 130, name: "SIGINT", meaning: "interrupted before it was done" },
    { exitCode: 143, name: "SIGTERM", meaning: "ended before it was done" },
  ];
}

interface Variable {
  readonly name: string;
  readonly flag: string;
  readonly commands: readonly string[];
  readonly fallback?: string;
  readonly meaning: string;
}

function variables(): readonly Variable[] {
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

/** Lines of two or more columns, each as wide as its widest cell. */
function columns(rows: readonly (readonly string[])[]): string {
  const count = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
    )
    .join("\n");
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
  const rows = flags.map(({ name: flag, value, env, fallback, text }) => {
    const facts = [
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
    ...examples.map((example) => `  ${example}`),
  ].join("\n");
}

const argumentsTopic = [
  "Arguments of gee call",
  "",
  columns([
    ["1 -2.5 true null", "JSON where it parses as JSON"],
    ["'[1,2]' '{\"a\":1}'", "arrays and objects"],
    ["hello", "text where it does not"],
    ["'\"42\"'", "quoted as JSON: the text 42"],
    ["{bad", 'a usage error: what starts with { [ or " has to be JSON'],
    ["9007199254740993", "an integer beyond 2^53 is a bigint, no digit is lost"],
    ["-- --x", "behind -- everything is an argument"],
    ["--data JSON", "all arguments as one value: an array is the list, else the only one"],
    ["--data @FILE, @-", "the same from a file, from standard input"],
    ["--stream @FILE, @-", "one JSON value a line: the argument behind all others, item by item"],
  ]),
  "",
  "Lines are read as they come and no faster than the server takes them; empty ones are skipped. A",
  "line that is no JSON takes the call back.",
  "",
  "Results are pretty on a terminal, one line of JSON in a pipe and with --json. Items are printed",
  "the same way, each when it comes; a reader that is slow slows the server down, and one that goes",
  "away (| head -2) ends the call. In JSON, bytes are base64, other typed arrays arrays of numbers, a",
  "bigint a string, a Date its ISO text; NaN, the infinities and undefined are null.",
].join("\n");

function topicHelp(topic: string | undefined): { text: string; json: unknown } {
  const spec = topic === undefined ? undefined : findCommand(topic);
  if (spec !== undefined) return { text: commandHelp(spec), json: commandJson(spec) };
  switch (topic) {
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
        "Flags beat the environment, which beats the default. NO_COLOR switches colour off.";
      return { text: `Environment\n\n${text}\n\n${rest}`, json: rows };
    }
    case "limits": {
      const rows = limitLines();
      const text = columns(rows.map(({ limit, value, beyond }) => [limit, value, beyond]));
      return { text: `Limits, and what happens beyond them\n\n${text}`, json: rows };
    }
    case "arguments":
      return { text: argumentsTopic, json: { topic, text: argumentsTopic } };
    default:
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
