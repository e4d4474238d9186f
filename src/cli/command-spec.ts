/** A flag of a command. Flags beat the environment, which beats the default. */
export interface FlagSpec {
  /** Without the dashes: `"timeout"`. */
  readonly name: string;
  /** One letter that stands for it, behind one dash: `"o"`. */
  readonly short?: string;
  /** What stands for its value in help; a switch has none. */
  readonly value?: string;
  /** The environment variable that stands in for it. */
  readonly env?: string;
  /** The default as it would be typed. */
  readonly fallback?: string;
  readonly text: string;
  /** What its value may be, or may begin with. */
  readonly values?: readonly string[];
}

/** The name of a command. */
export type CommandName =
  | "registry"
  | "server"
  | "call"
  | "list"
  | "events"
  | "describe"
  | "types"
  | "ping"
  | "bench"
  | "dev"
  | "demo"
  | "completions"
  | "help"
  | "version";

/** A command as `gee help` shows it and as `args.ts` reads it. */
export interface CommandSpec {
  readonly name: CommandName;
  readonly alias?: string;
  /** What follows the name, flags aside. */
  readonly usage: string;
  /** The fewest and the most arguments. */
  readonly arguments: readonly [least: number, most: number];
  readonly summary: string;
  readonly flags: readonly FlagSpec[];
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
}

/** How results and errors are written. */
export const json: FlagSpec = {
  name: "json",
  env: "GEE_JSON",
  text: "JSON on stdout, and errors and talk as JSON lines on stderr",
};
/** Beyond this machine. */
export const insecure: FlagSpec = {
  name: "insecure",
  env: "GEE_INSECURE",
  text: "listen beyond this machine, without authentication or encryption",
};
/** Where the registries are. */
export const registry: FlagSpec = {
  name: "registry",
  value: "URL[,URL]",
  env: "GEE_REGISTRY",
  fallback: "http://127.0.0.1:9999",
  text: "the registries, as base URL or whole path",
};
/** The servers, without a registry. */
export const address: FlagSpec = {
  name: "address",
  value: "ADDRESS[,ADDRESS]",
  env: "GEE_ADDRESS",
  text: "call these servers, without a registry",
};
/** What is shown to them. */
export const tokenFile: FlagSpec = {
  name: "token-file",
  value: "FILE",
  env: "GEE_TOKEN_FILE",
  text: "holds the token that is shown to the registries (mode 0600)",
};
/** The list of an earlier run. */
export const cache: FlagSpec = {
  name: "cache",
  value: "FILE",
  env: "GEE_CACHE",
  text: "saves the list, for when no registry answers; good for 24 hours",
};
/** How long it may take. */
export const timeout: FlagSpec = {
  name: "timeout",
  value: "DURATION",
  env: "GEE_TIMEOUT",
  fallback: "10s",
  text: "what the whole command may take",
};
