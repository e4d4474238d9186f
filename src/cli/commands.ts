/** A flag of a command. Flags beat the environment, which beats the default. */
export interface FlagSpec {
  /** Without the dashes: `"timeout"`. */
  readonly name: string;
  /** What stands for its value in help; a switch has none. */
  readonly value?: string;
  /** The environment variable that stands in for it. */
  readonly env?: string;
  /** The default as it would be typed. */
  readonly fallback?: string;
  readonly text: string;
}

/** The name of a command. */
export type CommandName =
  "registry" | "server" | "call" | "list" | "events" | "demo" | "help" | "version";

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

const json: FlagSpec = {
  name: "json",
  env: "GEE_JSON",
  text: "JSON on stdout, and errors and talk as JSON lines on stderr",
};
const insecure: FlagSpec = {
  name: "insecure",
  env: "GEE_INSECURE",
  text: "listen beyond this machine, without authentication or encryption",
};
const registry: FlagSpec = {
  name: "registry",
  value: "URL[,URL]",
  env: "GEE_REGISTRY",
  fallback: "http://127.0.0.1:9999",
  text: "the registries, as base URL or whole path",
};
const tokenFile: FlagSpec = {
  name: "token-file",
  value: "FILE",
  env: "GEE_TOKEN_FILE",
  text: "holds the token that is shown to the registries (mode 0600)",
};
const cache: FlagSpec = {
  name: "cache",
  value: "FILE",
  env: "GEE_CACHE",
  text: "saves the list, for when no registry answers; good for 24 hours",
};
const timeout: FlagSpec = {
  name: "timeout",
  value: "DURATION",
  env: "GEE_TIMEOUT",
  fallback: "10s",
  text: "what the whole command may take",
};

/** Every command, in the order of the help. */
export const commands: Readonly<Record<CommandName, CommandSpec>> = {
  registry: {
    name: "registry",
    usage: "",
    arguments: [0, 0],
    summary: "keeps the list of servers that are alive",
    flags: [
      {
        name: "listen",
        value: "HOST:PORT",
        env: "GEE_REGISTRY_LISTEN",
        fallback: "127.0.0.1:9999",
        text: "where to listen; port 0 takes a free one",
      },
      {
        name: "lease",
        value: "DURATION",
        env: "GEE_LEASE",
        fallback: "9s",
        text: "how long a server stays listed without a heartbeat",
      },
      {
        name: "old-lease",
        value: "DURATION",
        env: "GEE_OLD_LEASE",
        fallback: "5m",
        text: "the same for header-only GeeRPC servers; 0 = for ever",
      },
      {
        name: "store",
        value: "STORE",
        env: "GEE_STORE",
        fallback: "memory",
        text: "memory, sqlite:FILE or etcd://HOST:PORT[,HOST:PORT]",
      },
      {
        name: "token-file",
        value: "FILE",
        env: "GEE_REGISTRY_TOKENS",
        text: "who may read and register: one token a line (mode 0600)",
      },
      { name: "allow-loopback", text: "list loopback addresses although it listens beyond" },
      {
        name: "host",
        value: "NAME[,NAME]",
        env: "GEE_REGISTRY_HOSTS",
        text: "names by which it may be asked, beside IP addresses and localhost",
      },
      insecure,
      json,
    ],
    notes: [
      "A line of the token file: TOKEN read, or TOKEN write [services=Foo,Bar] [addresses=10.0.0.0/8].",
      "A token has 16 characters or more. With tokens it may listen beyond this machine; they travel",
      "as they are, so behind a proxy with TLS or in a network that you trust.",
      "With sqlite the list survives a restart; over one etcd any number of registries give the",
      "same list. Without either, name several registries to every server: --registry URL,URL.",
      "GET /livez and /readyz are for probes.",
    ],
    examples: [
      "gee registry",
      "gee registry --store sqlite:registry.db",
      "gee registry --listen 10.0.0.5:9999 --token-file tokens",
    ],
  },
  server: {
    name: "server",
    usage: "[MODULE.ts ...]",
    arguments: [0, Number.POSITIVE_INFINITY],
    summary: "serves the classes that modules export",
    flags: [
      {
        name: "listen",
        value: "ADDRESS",
        env: "GEE_LISTEN",
        fallback: "tcp@127.0.0.1:0",
        text: "where to listen: tcp@HOST:PORT (0 = a free port) or unix@/PATH",
      },
      {
        name: "advertise",
        value: "ADDRESS",
        env: "GEE_ADVERTISE",
        text: "the address that others use, when it is not the one listened on",
      },
      registry,
      { name: "no-register", text: "be in no registry" },
      tokenFile,
      {
        name: "drain",
        value: "DURATION",
        env: "GEE_DRAIN",
        fallback: "25s",
        text: "what running calls may still take after SIGTERM",
      },
      insecure,
      json,
    ],
    notes: [
      "Served are exported classes whose constructor takes no argument, and exported instances of",
      "classes, under the name of the export. Without a module it is the demo service Foo.",
      "TypeScript's private is not looked at: a method is hidden by # or _ in its name.",
      "SIGTERM and SIGINT drain: leave the registries, finish what runs, exit 0; a second one exits",
      "at once. A registry that is away is tried again for ever.",
      "What callers are held to, with every number: gee help limits.",
    ],
    examples: ["gee server foo.ts", "gee server a.ts b.ts --registry http://10.0.0.5:9999"],
  },
  call: {
    name: "call",
    usage: "SERVICE.METHOD [ARG ...]",
    arguments: [1, Number.POSITIVE_INFINITY],
    summary: "calls a method and prints its result, or its items as they come",
    flags: [
      registry,
      {
        name: "address",
        value: "ADDRESS[,ADDRESS]",
        env: "GEE_ADDRESS",
        text: "call these servers, without a registry",
      },
      timeout,
      cache,
      tokenFile,
      { name: "all", text: "call every instance; one row each" },
      { name: "to", value: "ID", text: "call the instance with this id" },
      {
        name: "policy",
        value: "NAME",
        env: "GEE_POLICY",
        fallback: "random",
        text: "how to choose an instance: random or round-robin",
      },
      {
        name: "data",
        value: "JSON|@FILE|@-",
        text: "the arguments as one JSON value; an array is the argument list",
      },
      {
        name: "stream",
        value: "@FILE|@-",
        text: "one JSON value a line: the last argument, sent item by item",
      },
      { name: "meta", value: "NAME=VALUE", text: "metadata for the handler; may be repeated" },
      {
        name: "key",
        value: "KEY",
        text: "an idempotency key: an instance executes the same call with it once",
      },
      { name: "one-way", text: "want no answer; done when the call has left" },
      json,
    ],
    notes: [
      "More on arguments and results: gee help arguments.",
      "A method that answers with a stream has its items printed as they come. A stream, either way,",
      "may last for ever unless --timeout is given; it ends when nothing moves for 60 s.",
      "Ctrl-C cancels the call, down to its handler.",
      "A failed call exits with 64 + its status: gee help exit-codes.",
    ],
    examples: [
      "gee call Foo.Sum 1 2",
      "gee call Foo.Sum 1 -2 --json",
      "gee call Users.Create --data @user.json",
      "gee call Foo.Count 5",
      "seq 3 | gee call Foo.Total --stream @-",
    ],
  },
  list: {
    name: "list",
    alias: "ls",
    usage: "[SERVICE]",
    arguments: [0, 1],
    summary: "lists the services, or the instances of one",
    flags: [registry, timeout, cache, tokenFile, json],
    notes: [
      "Servers that name no services (GeeRPC's own) are listed as service ?. A suspect has missed its",
      "lease: it is called only when nobody else is up, and is gone after three leases.",
    ],
    examples: ["gee list", "gee ls Foo --json"],
  },
  events: {
    name: "events",
    usage: "",
    arguments: [0, 0],
    summary: "tells what happens to servers, as it happens",
    flags: [registry, tokenFile, json],
    notes: [
      "A line each: up, suspect, draining, changed or gone, the address, the id and the services.",
      "It begins with those that are there. Trouble with a registry goes to stderr. Ctrl-C ends it.",
    ],
    examples: ["gee events", "gee events --json"],
  },
  demo: {
    name: "demo",
    usage: "",
    arguments: [0, 0],
    summary: "a registry, two servers and their calls, in one process",
    flags: [json],
    examples: ["gee demo"],
  },
  help: {
    name: "help",
    usage: "[COMMAND|TOPIC]",
    arguments: [0, 1],
    summary: "explains a command or a topic",
    flags: [json],
    examples: ["gee help call", "gee help exit-codes"],
  },
  version: {
    name: "version",
    usage: "",
    arguments: [0, 0],
    summary: "prints the version",
    flags: [json],
    examples: ["gee version"],
  },
};

/** The commands as a list, in the order of the help. */
export const commandList: readonly CommandSpec[] = Object.values(commands);

/** The command of a name or an alias. */
export function findCommand(word: string): CommandSpec | undefined {
  return commandList.find(({ name, alias }) => word === name || word === alias);
}

/** What `gee help` explains beside the commands. */
export const topics = ["exit-codes", "env", "arguments", "limits"] as const;
