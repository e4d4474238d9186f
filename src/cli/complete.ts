import { statSync } from "node:fs";
import { systemClock, type Clock } from "../base/time.ts";
import { candidates, readTyped, type LiveNames } from "./candidates.ts";
import type { LiveNamesOptions } from "./live-names.ts";
import { cacheFolder, NamesCache } from "./names-cache.ts";
import type { Output } from "./output.ts";
import { readToken } from "./token-file.ts";
import { unquoted } from "./typed-words.ts";
import { Values, type Environment } from "./values.ts";

/** A person waits for it with a finger on the key: from the start of the process, by its clock. */
const budgetMs = 120;
/** What is left for servers when the process was slow to start. */
const leastMs = 30;

/** Nothing else is handed to a shell, whatever somebody calls his service. */
const plain = /^[\w.:/=@,[\]+-]+$/;

/** Where the servers are of what is typed; undefined for a command that asks none. */
function whereTo(
  words: readonly string[],
  env: Environment,
): LiveNamesOptions["connect"] | undefined {
  const { spec, typed } = readTyped(words);
  if (spec?.flags.some(({ name }) => name === "registry") !== true) return undefined;
  const values = new Map([...typed.values].map(([flag, all]) => [flag.replace(/^-+/, ""), all]));
  const target = new Values(spec, [], values, env).target();
  if (target.kind === "address") return { address: target.address };
  const { registry, tokenFile } = target;
  // A pipe is read by the command itself, once.
  const isFile = tokenFile !== undefined && statSync(tokenFile).isFile();
  return { registry, registryToken: isFile ? readToken(tokenFile) : undefined };
}

const nobody: LiveNames = {
  services: async () => [],
  methods: async () => [],
  instances: async () => [],
  addresses: async () => [],
};

/** Names that are looked for when the first of them is asked for. */
function lazily(make: () => Promise<LiveNames>): LiveNames {
  let made: Promise<LiveNames> | undefined;
  const live = (): Promise<LiveNames> => {
    made ??= make().catch(() => nobody);
    return made;
  };
  return {
    services: async () => (await live()).services(),
    methods: async (service) => (await live()).methods(service),
    instances: async () => (await live()).instances(),
    addresses: async () => (await live()).addresses(),
  };
}

/**
 * `gee complete -- WORD ...`, which the scripts of `gee completions` call: the words behind `gee`, as
 * they are typed, the last one unfinished. Prints a candidate a line, what it is behind a tab, and
 * nothing on stderr; what servers do not say in time is missing. Always 0.
 */
export async function runComplete(
  typed: readonly string[],
  env: Environment,
  output: Output,
  clock: Clock = systemClock,
): Promise<number> {
  const words = typed.map(unquoted);
  const until = Math.max(budgetMs, clock.now() + leastMs);
  await using stack = new AsyncDisposableStack();
  const live = lazily(async () => {
    const to = whereTo(words, env);
    if (to === undefined) return nobody;
    const { seeNames } = await import("./live-names.ts");
    const key = JSON.stringify([to.registry, to.address]);
    const cache = new NamesCache(cacheFolder(env), key, () => clock.wall());
    return stack.use(seeNames({ connect: to, cache, clock, until }));
  });
  const found = await candidates(words, live).catch(() => []);
  const lines = found
    .filter(({ text }) => plain.test(text))
    .map(({ text, about }) => (about === undefined ? text : `${text}\t${about}`));
  if (lines.length > 0) await output.data(lines.join("\n"));
  return 0;
}
