import { benchSpec } from "./bench-spec.ts";
import { callSpec } from "./call-spec.ts";
import { cache, insecure, json, registry, timeout, tokenFile } from "./command-spec.ts";
import type { CommandName, CommandSpec } from "./command-spec.ts";
import { devSpec } from "./dev-spec.ts";
import { pingSpec } from "./ping-spec.ts";
import { completionsSpec } from "./completions-spec.ts";
import { describeSpec } from "./describe-spec.ts";
import { serverSpec } from "./server-spec.ts";
import { typesSpec } from "./types-spec.ts";

export type { CommandName, CommandSpec, FlagSpec } from "./command-spec.ts";

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
        values: ["memory", "sqlite:", "etcd://"],
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
  server: serverSpec,
  call: callSpec,
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
  describe: describeSpec,
  types: typesSpec,
  ping: pingSpec,
  bench: benchSpec,
  dev: devSpec,
  demo: {
    name: "demo",
    usage: "",
    arguments: [0, 0],
    summary: "a registry, two servers and their calls, in one process",
    flags: [json],
    examples: ["gee demo"],
  },
  completions: completionsSpec,
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
export const topics = ["exit-codes", "env", "args", "limits", "recipes"] as const;

/** One of {@link topics}. */
export type Topic = (typeof topics)[number];

/** The topic of a name. */
export function findTopic(word: string): Topic | undefined {
  return topics.find((name) => name === (word === "arguments" ? "args" : word));
}
