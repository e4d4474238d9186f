import { commandList, findCommand, topics, type CommandSpec } from "./commands.ts";
import { json, type FlagSpec } from "./command-spec.ts";
import { shells } from "./completions-spec.ts";
import { sortWords, type TypedWords } from "./typed-words.ts";

/** A word that may stand where something is being typed. */
export interface Candidate {
  readonly text: string;
  /** What it is, for shells that show it. */
  readonly about?: string;
}

/** What running servers serve. Nothing of it throws: what is not known in time is not there. */
export interface LiveNames {
  services(): Promise<readonly string[]>;
  methods(service: string): Promise<readonly string[]>;
  instances(): Promise<readonly string[]>;
  addresses(): Promise<readonly string[]>;
}

/** What an argument is, from a command's usage. */
type Operand = "method" | "service" | "service-or-method" | "help" | "shell" | "other" | "none";

const help: FlagSpec = { name: "help", text: "explains the command" };
const version: FlagSpec = { name: "version", text: "prints the version" };

/** Whether a flag, with its dashes, has a value: of the command, or of any while there is none. */
function takesValue(spec: CommandSpec | undefined, flag: string): boolean {
  const flags = spec?.flags ?? commandList.flatMap((command) => command.flags);
  return findFlag(flags, flag)?.value !== undefined;
}

function findFlag(flags: readonly FlagSpec[], word: string): FlagSpec | undefined {
  return flags.find(
    ({ name, short }) => word === `--${name}` || (short !== undefined && word === `-${short}`),
  );
}

/** What the argument at a place is. */
function operandAt({ usage, arguments: [, most] }: CommandSpec, index: number): Operand {
  if (index >= most) return "none";
  const words = usage.split(" ");
  const isRepeated = words.at(-1)?.startsWith("...") === true;
  const shown = words[Math.min(index, words.length - (isRepeated ? 2 : 1))] ?? "";
  if (shown.includes("SERVICE[.METHOD]")) return "service-or-method";
  if (shown.includes("SERVICE.METHOD")) return "method";
  if (shown.includes("SERVICE")) return "service";
  if (shown.includes("TOPIC")) return "help";
  return shown === shells.join("|") ? "shell" : "other";
}

/** Of a service that was typed whole, or that alone begins so, the methods; else the services. */
async function methods(typed: string, live: LiveNames, bare: boolean): Promise<Candidate[]> {
  const services = await live.services();
  const dot = typed.lastIndexOf(".");
  const of = async (service: string): Promise<readonly string[]> =>
    (await live.methods(service)).map((method) => `${service}.${method}`);
  if (dot >= 0) return (await of(typed.slice(0, dot))).map((text) => ({ text }));
  const begun = services.filter((name) => name.startsWith(typed));
  const own = begun.length === 1 ? await of(begun[0] ?? "") : [];
  // A server need not say in time what it serves.
  const open = own.length > 0 ? own : begun.map((name) => `${name}.`);
  return [...(bare ? begun : []), ...open].map((text) => ({ text }));
}

async function operands(
  spec: CommandSpec,
  { operands: before }: TypedWords,
  typed: string,
  live: LiveNames,
): Promise<readonly Candidate[]> {
  switch (operandAt(spec, before.length)) {
    case "method":
      return await methods(typed, live, false);
    case "service-or-method":
      return await methods(typed, live, true);
    case "service": {
      const names = await live.services();
      return names.filter((text) => !before.includes(text)).map((text) => ({ text }));
    }
    case "help":
      return [
        ...commandList.map(({ name, summary }) => ({ text: name, about: summary })),
        ...topics.map((text) => ({ text, about: "a topic" })),
      ];
    case "shell":
      return shells.map((text) => ({ text }));
    case "none":
      return ownFlags(spec);
    case "other":
      return [];
  }
}

function ownFlags(spec: CommandSpec | undefined): readonly Candidate[] {
  return (spec === undefined ? [json, version, help] : [...spec.flags, help]).map(
    ({ name, text }) => ({ text: `--${name}`, about: text }),
  );
}

async function valuesOf(flag: FlagSpec | undefined, live: LiveNames): Promise<readonly string[]> {
  if (flag?.values !== undefined) return flag.values;
  if (flag?.value === "ID") return await live.instances();
  return flag?.name === "address" ? await live.addresses() : [];
}

/** The words before the last one, read as those of the command that they name. */
export function readTyped(words: readonly string[]): {
  readonly spec: CommandSpec | undefined;
  readonly typed: TypedWords;
} {
  const before = words.slice(0, -1);
  const typed = sortWords(before, (flag) => takesValue(undefined, flag));
  const spec = findCommand(typed.command ?? "");
  if (spec === undefined) return { spec, typed };
  return { spec, typed: sortWords(before, (flag) => takesValue(spec, flag)) };
}

async function around(
  words: readonly string[],
  current: string,
  live: LiveNames,
): Promise<readonly Candidate[]> {
  const { spec, typed } = readTyped(words);
  const { awaits, onlyArguments, command } = typed;
  const flags = spec?.flags ?? commandList.flatMap((each) => each.flags);
  if (awaits !== undefined) {
    return (await valuesOf(findFlag(flags, awaits), live)).map((text) => ({ text }));
  }
  if (!onlyArguments && current.startsWith("-")) {
    const middle = current.indexOf("=");
    if (middle < 0) return ownFlags(spec);
    const flag = current.slice(0, middle);
    const values = await valuesOf(findFlag(flags, flag), live);
    return values.map((value) => ({ text: `${flag}=${value}` }));
  }
  if (spec !== undefined) return await operands(spec, typed, current, live);
  if (command !== undefined || onlyArguments) return [];
  return commandList.flatMap(({ name, alias, summary }) =>
    [name, ...(alias === undefined ? [] : [alias])].map((text) => ({ text, about: summary })),
  );
}

/**
 * What may stand for the last of the words, which are those behind `gee`, without their quotes. None
 * where a file may stand: shells know those themselves. After a candidate that ends with `.`, `:` or
 * `/` the word goes on.
 */
export async function candidates(
  words: readonly string[],
  live: LiveNames,
): Promise<readonly Candidate[]> {
  const current = words.at(-1) ?? "";
  const found = await around(words, current, live);
  const unique = new Map(found.map((candidate) => [candidate.text, candidate]));
  return [...unique.values()].filter(({ text }) => text.startsWith(current));
}
