import type { GeeError } from "../base/errors.ts";
import { nearest, parseMethodName } from "../base/names.ts";
import { commandList, commands, topics, type CommandSpec } from "./commands.ts";
import { usageError } from "./usage.ts";

/** What to ask for a command's usage. */
export function helpOn(spec: CommandSpec): { readonly hint: string } {
  return { hint: spec === commands.help ? "gee help" : `gee help ${spec.name}` };
}

/** A word that is no command, with what was likely meant. */
export function unknownCommand(word: string): GeeError {
  return usageError(`unknown command ${JSON.stringify(word)}`, { hint: insteadOf(word) });
}

function insteadOf(word: string): string {
  if (/\.[cm]?[jt]sx?$/.test(word)) return `to serve it: gee server ${word}`;
  if (parseMethodName(word) !== undefined) return `to call it: gee call ${word}`;
  const known = commandList.flatMap(({ name, alias }) => (alias ? [name, alias] : [name]));
  const meant = nearest(word, known);
  return meant === undefined ? "gee help" : `did you mean gee ${meant}?`;
}

/** The flag of a command that somebody who typed `word` likely meant. */
function meantFlag(spec: CommandSpec, word: string): string | undefined {
  const text = word.replace(/^-+/, "").replace(/=.*$/s, "");
  if (text.length < 2) return undefined;
  const names = [...spec.flags.map(({ name }) => name), "help"];
  const begun = names.filter((name) => name.startsWith(text));
  return (begun.length === 1 ? begun[0] : undefined) ?? nearest(text, names);
}

/** A flag that a command does not have, as it was typed. */
export function unknownFlag(spec: CommandSpec, word: string): GeeError {
  const message = `unknown option '${word}'`;
  const meant = meantFlag(spec, word);
  if (meant !== undefined) return usageError(message, { hint: `did you mean --${meant}?` });
  if (spec.usage.includes("ARG")) {
    return usageError(message, { hint: "behind -- everything is an argument of the call" });
  }
  const owner = commandList.find(({ flags }) => flags.some(({ name }) => word === `--${name}`));
  if (owner !== undefined && spec !== commands.help) {
    return usageError(message, { hint: `it is one of gee ${owner.name}; gee help ${spec.name}` });
  }
  return usageError(message, helpOn(spec));
}

/** A word that `gee help` knows nothing of. */
export function unknownTopic(word: string): GeeError {
  const message = `there is no help on ${JSON.stringify(word)}`;
  if (parseMethodName(word) !== undefined) {
    return usageError(message, { hint: `what a server says of it: gee describe ${word}` });
  }
  const meant = nearest(word, [...commandList.map(({ name }) => name), ...topics, "arguments"]);
  return usageError(message, {
    hint: meant === undefined ? "gee help" : `did you mean gee help ${meant}?`,
  });
}

/** A value that is none of those there are, with the one that was likely meant, or all. */
export function unknownValue(message: string, text: string, known: readonly string[]): GeeError {
  const meant = nearest(text, known);
  return usageError(message, {
    hint: meant === undefined ? known.join(", ") : `did you mean ${meant}?`,
  });
}

/** What is no `Service.Method` and was to be one, and the word behind it. */
export function noMethodName(command: string, text: string, next: string | undefined): GeeError {
  const [service = "", method = "", ...more] = text.split(/[.:/#]+/);
  // Parts with another sign between them, or two words.
  const parts = method === "" && next !== undefined ? [service, next] : [service, method];
  const meant = parts.join(".");
  const isName = more.length === 0 && parseMethodName(meant) !== undefined && meant !== text;
  return usageError(`${JSON.stringify(text)} is no SERVICE.METHOD`, {
    hint: isName ? `did you mean ${meant}?` : `for example: gee ${command} Foo.Sum 1 2`,
  });
}
