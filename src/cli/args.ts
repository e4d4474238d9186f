import { Command, CommanderError, Option } from "commander";
import type { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { readBench, type BenchInvocation } from "./bench-args.ts";
import { readCall, type CallInvocation } from "./call-args.ts";
import { commandList, commands, findCommand, findTopic, type CommandSpec } from "./commands.ts";
import { readDev, type DevInvocation } from "./dev-args.ts";
import { readPing, type PingInvocation } from "./ping-args.ts";
import { shells, type Shell } from "./completions-spec.ts";
import { readDescribe, type DescribeInvocation } from "./describe-args.ts";
import { helpOn, unknownCommand, unknownFlag, unknownTopic, unknownValue } from "./mistakes.ts";
import { readTypes, type TypesInvocation } from "./types-args.ts";
import { usageError } from "./usage.ts";
import { Values, type Environment, type Target } from "./values.ts";

/** `gee registry`. */
export interface RegistryInvocation {
  readonly kind: "registry";
  readonly listen: string;
  readonly leaseMs: number;
  readonly oldLeaseMs: number;
  readonly store: string;
  /** Where the tokens are; undefined: nobody needs one. */
  readonly tokenFile: string | undefined;
  readonly allowLoopback: boolean;
  readonly hosts: readonly string[];
  readonly insecure: boolean;
}

/** `gee server`. */
export interface ServerInvocation {
  readonly kind: "server";
  readonly modules: readonly string[];
  readonly listen: string;
  readonly advertise: string | undefined;
  /** Undefined: register nowhere. */
  readonly registry: readonly string[] | undefined;
  /** Where the token is that is shown to the registries. */
  readonly tokenFile: string | undefined;
  readonly drainTimeoutMs: number;
  readonly weight: number;
  readonly zone: string | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** Whether arguments are checked before a method runs. */
  readonly check: boolean;
  /** Whether results are checked as well. */
  readonly checkResults: boolean;
  readonly insecure: boolean;
  /** In how many processes; undefined: in this one. */
  readonly workers: number | undefined;
}

/** `gee list`. */
export interface ListInvocation {
  readonly kind: "list";
  readonly service: string | undefined;
  readonly target: Target;
  readonly timeoutMs: number;
}

/** `gee events`. */
export interface EventsInvocation {
  readonly kind: "events";
  readonly target: Target;
}

/** What a command line asks for. */
export type Invocation =
  | RegistryInvocation
  | ServerInvocation
  | CallInvocation
  | ListInvocation
  | EventsInvocation
  | PingInvocation
  | BenchInvocation
  | DevInvocation
  | DescribeInvocation
  | TypesInvocation
  | { readonly kind: "completions"; readonly shell: Shell }
  | { readonly kind: "complete"; readonly words: readonly string[] }
  | { readonly kind: "demo" }
  | { readonly kind: "help"; readonly topic: string | undefined }
  | { readonly kind: "version" };

/** Whether errors are to be written as JSON; known before, and even if, the rest is wrong. */
export function wantsJson(argv: readonly string[], env: Environment): boolean {
  const end = argv.indexOf("--");
  if ((end < 0 ? argv : argv.slice(0, end)).includes("--json")) return true;
  return env.GEE_JSON === "1" || env.GEE_JSON === "true";
}

/** A command's flags and arguments, by commander, which neither prints nor exits here. */
function read(spec: CommandSpec, argv: readonly string[], env: Environment): Values | "help" {
  const typed = new Map<string, string[]>();
  const keep = (name: string) => (value: string) => {
    const before = typed.get(name) ?? [];
    typed.set(name, [...before, value]);
  };
  const silent = (): void => {};
  const command = new Command(spec.name)
    .exitOverride()
    .configureOutput({ writeOut: silent, writeErr: silent, outputError: silent })
    .helpOption(false)
    .showSuggestionAfterError(false)
    .argument("[words...]")
    .addOption(new Option("-h, --help"));
  for (const { name, short, value } of spec.flags) {
    const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
    command.addOption(new Option(value === undefined ? names : `${names} <value>`));
    command.on(`option:${name}`, keep(name));
  }
  try {
    command.parse([...argv], { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    throw fromCommander(spec, thrown);
  }
  if (command.getOptionValue("help") === true) return "help";
  const [least, most] = spec.arguments;
  const operands = command.args;
  if (operands.length < least) {
    throw usageError(`gee ${spec.name} needs ${spec.usage.split(" ", 1)[0]}`, helpOn(spec));
  }
  if (operands.length > most) {
    const extra = JSON.stringify(operands[most]);
    const allowed = most === 0 ? "no argument" : "one argument";
    throw usageError(`gee ${spec.name} takes ${allowed}, ${extra} is too many`, helpOn(spec));
  }
  return new Values(spec, operands, typed, env);
}

function fromCommander(spec: CommandSpec, thrown: CommanderError): GeeError {
  const message = thrown.message.replace(/^error: /, "");
  if (thrown.code === "commander.unknownOption") {
    return unknownFlag(spec, /'(.*)'/s.exec(message)?.[1] ?? "");
  }
  if (thrown.code !== "commander.optionMissingArgument") return usageError(message, helpOn(spec));
  const flag = /--[a-z-]+/.exec(message)?.[0] ?? message;
  return usageError(`${flag} needs a value`, helpOn(spec));
}

/** The place of the command's word: the first that is neither a flag nor a flag's value. */
function commandIndex(argv: readonly string[]): number {
  const flags = commandList.flatMap((command) => command.flags);
  const names = (some: typeof flags): Set<string> =>
    new Set(some.flatMap(({ name, short }) => (short ? [`--${name}`, `-${short}`] : `--${name}`)));
  const takesValue = names(flags.filter(({ value }) => value !== undefined));
  const isSwitch = names(flags.filter(({ value }) => value === undefined));
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--") return -1;
    // One that is a switch of some command has a value unless a command follows: --wait 9s, --wait call.
    const isBare = isSwitch.has(word) && findCommand(argv[index + 1] ?? "") !== undefined;
    if (takesValue.has(word) && !isBare) index += 1;
    else if (!word.startsWith("-")) return index;
  }
  return -1;
}

/**
 * What a command line asks for. Flags may stand anywhere, even before the command; behind `--`
 * everything is an argument, and a negative number always is one.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE or BAD_DURATION
 */
export function parseArguments(argv: readonly string[], env: Environment): Invocation {
  // What the scripts of gee completions call, and nobody else.
  if (argv[0] === "complete" && argv[1] === "--") return { kind: "complete", words: argv.slice(2) };
  const index = commandIndex(argv);
  const word = argv[index];
  if (word === undefined) return withoutCommand(argv, env);
  const spec = findCommand(word);
  if (spec === undefined) throw unknownCommand(word);
  const values = read(spec, argv.toSpliced(index, 1), env);
  if (values === "help") return { kind: "help", topic: spec.name };
  values.switch("json");
  return invocation(spec, values);
}

function withoutCommand(argv: readonly string[], env: Environment): Invocation {
  const rest = argv.filter((word) => word !== "--version" && word !== "-V");
  const values = read(commands.help, rest, env);
  if (rest.length < argv.length) return { kind: "version" };
  const word = values === "help" ? undefined : values.operands[0];
  if (word !== undefined) throw unknownCommand(word);
  return { kind: "help", topic: undefined };
}

function invocation({ name }: CommandSpec, values: Values): Invocation {
  switch (name) {
    case "registry":
      return {
        kind: name,
        listen: values.text("listen") ?? "",
        leaseMs: values.duration("lease", limits.minLeaseMs, limits.maxLeaseMs),
        oldLeaseMs: values.duration("old-lease"),
        store: values.text("store") ?? "memory",
        tokenFile: values.text("token-file"),
        allowLoopback: values.switch("allow-loopback"),
        hosts: values.given("host") ? values.list("host") : [],
        insecure: values.switch("insecure"),
      };
    case "server":
      return readServer(values);
    case "call":
      return readCall(values);
    case "list":
      return {
        kind: name,
        service: values.operands[0],
        target: values.target(),
        timeoutMs: values.duration("timeout", 1),
      };
    case "events":
      return { kind: name, target: values.target() };
    case "ping":
      return readPing(values);
    case "bench":
      return readBench(values);
    case "dev":
      return readDev(values);
    case "describe":
      return readDescribe(values);
    case "types":
      return readTypes(values);
    case "completions":
      return readCompletions(values);
    case "help":
      return readHelp(values);
    case "demo":
    case "version":
      return { kind: name };
  }
}

function readServer(values: Values): ServerInvocation {
  const register = !values.typed("no-register");
  if (!register && values.typed("registry")) {
    throw usageError("--no-register and --registry exclude each other");
  }
  return {
    kind: "server",
    modules: values.operands,
    listen: values.text("listen") ?? "",
    advertise: values.text("advertise"),
    registry: register ? values.list("registry") : undefined,
    tokenFile: values.text("token-file"),
    drainTimeoutMs: values.duration("drain"),
    weight: values.number("weight", 0, 10_000),
    zone: values.text("zone"),
    tags: values.pairs("tag"),
    check: !values.typed("no-check"),
    checkResults: values.switch("check-results"),
    insecure: values.switch("insecure"),
    workers: values.given("workers") ? values.whole("workers", 1, limits.maxWorkers) : undefined,
  };
}

function readCompletions(values: Values): Invocation {
  const word = values.operands[0] ?? "";
  const shell = shells.find((name) => name === word.toLowerCase());
  if (shell === undefined) {
    throw unknownValue(`there are no completions for ${JSON.stringify(word)}`, word, shells);
  }
  return { kind: "completions", shell };
}

function readHelp(values: Values): Invocation {
  const [word] = values.operands;
  if (word === undefined) return { kind: "help", topic: undefined };
  const topic = findCommand(word)?.name ?? findTopic(word);
  if (topic !== undefined) return { kind: "help", topic };
  throw unknownTopic(word);
}
