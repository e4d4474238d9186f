import { GeeError } from "../base/errors.ts";
import type { CommandSpec, FlagSpec } from "./commands.ts";
import { formatDuration, parseDuration } from "./durations.ts";
import { usageError } from "./usage.ts";

/** The variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How a client finds its servers. */
export type Target =
  | {
      readonly kind: "registry";
      readonly registry: readonly string[];
      /** Where the list is kept for a time when no registry answers. */
      readonly cache?: string | undefined;
      /** Where the token is that is shown to the registries. */
      readonly tokenFile?: string | undefined;
    }
  | { readonly kind: "address"; readonly address: readonly string[] };

/**
 * The values of one command's flags: what stands on the command line, else in the environment,
 * else the default. Every error names the place where its owner wrote the value.
 */
export class Values {
  /** The command's name. */
  readonly command: string;
  readonly operands: readonly string[];
  readonly #flags: ReadonlyMap<string, FlagSpec>;
  readonly #typed: ReadonlyMap<string, readonly string[]>;
  readonly #env: Environment;

  constructor(
    spec: CommandSpec,
    operands: readonly string[],
    typed: ReadonlyMap<string, readonly string[]>,
    env: Environment,
  ) {
    this.command = spec.name;
    this.operands = operands;
    this.#flags = new Map(spec.flags.map((flag) => [flag.name, flag]));
    this.#typed = typed;
    this.#env = env;
  }

  /** Whether the flag stands on the command line. */
  typed(name: string): boolean {
    return this.#typed.has(name);
  }

  /** Whether the flag is given, on the command line or by its variable. */
  given(name: string): boolean {
    const { env = "" } = this.#flags.get(name) ?? {};
    return this.typed(name) || (this.#env[env] ?? "") !== "";
  }

  /** Flags that have a value, as they stand on the command line. */
  words(...names: readonly string[]): readonly string[] {
    return names.flatMap((name) =>
      (this.#typed.get(name) ?? []).flatMap((value) => [`--${name}`, value]),
    );
  }

  /** Whether a switch is on. */
  switch(name: string): boolean {
    if (this.typed(name)) return true;
    const { env = "" } = this.#flags.get(name) ?? {};
    const text = this.#env[env] ?? "";
    if (text === "1" || text === "true") return true;
    if (text === "" || text === "0" || text === "false") return false;
    throw usageError(`${env} is ${JSON.stringify(text)}: a switch is 1 or 0`);
  }

  /** Text and the name by which its owner knows it, for errors. */
  #value(name: string): { readonly text: string; readonly from: string } | undefined {
    const typed = this.#typed.get(name)?.at(-1);
    if (typed !== undefined) {
      if (typed === "" || (typed.startsWith("--") && name !== "data")) {
        throw usageError(`--${name} needs a value, got ${JSON.stringify(typed)}`);
      }
      return { text: typed, from: `--${name}` };
    }
    const { env = "", fallback } = this.#flags.get(name) ?? {};
    const text = this.#env[env] ?? "";
    if (text !== "") return { text, from: env };
    return fallback === undefined ? undefined : { text: fallback, from: `--${name}` };
  }

  /** A flag's value; undefined when it has none and no default. */
  text(name: string): string | undefined {
    return this.#value(name)?.text;
  }

  /** Comma-separated values; a flag that is repeated adds to them. */
  list(name: string): readonly string[] {
    const value = this.#value(name);
    const text = this.#typed.get(name)?.join(",") ?? value?.text ?? "";
    const items = text.split(",").map((item) => item.trim());
    if (items.includes("")) {
      throw usageError(`${value?.from ?? name} ${JSON.stringify(text)} has an empty entry`);
    }
    return items;
  }

  /** Texts by name, `NAME=VALUE`; a flag that is repeated adds to them, of one name the last counts. */
  pairs(name: string): Readonly<Record<string, string>> | undefined {
    const typed = this.#typed.get(name);
    if (typed === undefined) return undefined;
    const pairs = typed.map((text): [string, string] => {
      const middle = text.indexOf("=");
      if (middle > 0) return [text.slice(0, middle), text.slice(middle + 1)];
      throw usageError(`--${name} ${JSON.stringify(text)} is no NAME=VALUE`);
    });
    return Object.fromEntries(pairs);
  }

  /** A number, within a range that includes its ends. */
  number(name: string, least: number, most: number): number {
    const { text, from } = this.#value(name) ?? { text: "", from: `--${name}` };
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= least && value <= most) return value;
    throw usageError(`${from} is a number from ${least} to ${most}, not ${JSON.stringify(text)}`);
  }

  /** A whole number within a range that includes its ends. */
  whole(name: string, least: number, most: number): number {
    const { text, from } = this.#value(name) ?? { text: "", from: `--${name}` };
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw usageError(
      `${from} is a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
    );
  }

  /** A duration in milliseconds, within a range that includes its ends. */
  duration(name: string, leastMs = 0, mostMs: number = Number.POSITIVE_INFINITY): number {
    const { text, from } = this.#value(name) ?? { text: "0", from: `--${name}` };
    let durationMs: number;
    try {
      durationMs = parseDuration(text);
    } catch (thrown) {
      const error = GeeError.from(thrown);
      throw usageError(`${from}: ${error.message}`, { reason: error.reason, hint: error.hint });
    }
    if (durationMs >= leastMs && durationMs <= mostMs) return durationMs;
    const range =
      mostMs === Number.POSITIVE_INFINITY
        ? `at least ${formatDuration(leastMs)}`
        : `from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
    throw usageError(`${from}: ${text} is out of range, it is ${range}`, {
      reason: "BAD_DURATION",
    });
  }

  /** Where the servers are: `--address`, or else the registries. */
  target(): Target {
    for (const name of ["registry", "cache", "token-file"]) {
      if (this.typed("address") && this.typed(name)) {
        throw usageError(`--address and --${name} exclude each other`);
      }
    }
    return this.given("address") && !this.typed("registry")
      ? { kind: "address", address: this.list("address") }
      : {
          kind: "registry",
          registry: this.list("registry"),
          cache: this.text("cache"),
          tokenFile: this.text("token-file"),
        };
  }
}
