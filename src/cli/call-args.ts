import { isPolicyName, policyNames } from "../base/policy-name.ts";
import type { PolicyName } from "../base/policy-name.ts";
import { noMethodName, unknownValue } from "./mistakes.ts";
import { usageError } from "./usage.ts";
import type { Target, Values } from "./values.ts";

/** `gee call`. */
export interface CallInvocation {
  readonly kind: "call";
  readonly method: string;
  readonly positionals: readonly string[];
  readonly data: string | undefined;
  /** Where the items of a stream argument come from, as it was typed: `@FILE` or `@-`. */
  readonly stream: string | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly idempotencyKey: string | undefined;
  readonly oneWay: boolean;
  readonly target: Target;
  /** Undefined when nobody has said: 10 s for a single result, and none for a stream. */
  readonly timeoutMs: number | undefined;
  readonly policy: PolicyName;
  readonly hashKey: string | undefined;
  /** Whoever answers has all of these. */
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** Where this is. */
  readonly zone: string | undefined;
  /** Waits for a server that can be reached. */
  readonly wait: boolean;
  readonly all: boolean;
  readonly to: string | undefined;
}

const maxKeyLength = 256;

function excluding(one: string, other: string, hint?: string): never {
  throw usageError(`${one} and ${other} exclude each other`, { hint });
}

/**
 * Reads `gee call`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE or BAD_DURATION
 */
export function readCall(values: Values): CallInvocation {
  const [method, positionals, data] = readMethod(values);
  const all = values.switch("all");
  const to = values.text("to");
  if (all && to !== undefined) excluding("--all", "--to");
  const hashKey = values.text("hash-key");
  // A key is for the policy that heeds one.
  const isOther = values.given("policy") && values.text("policy") !== "hash";
  if (hashKey !== undefined && isOther) excluding("--hash-key", "--policy", "it is --policy hash");
  const policy = hashKey === undefined ? readPolicy(values) : "hash";
  const tags = values.pairs("tag");
  const wait = values.switch("wait");
  for (const [name, given] of [
    ["--hash-key", hashKey !== undefined],
    ["--policy", values.typed("policy")],
    ["--zone", values.typed("zone")],
    ["--wait", wait],
  ] as const) {
    if (given && all) excluding(name, "--all", "--all calls every instance there is");
    if (given && to !== undefined && name !== "--wait") excluding(name, "--to");
  }
  if (policy === "hash" && hashKey === undefined) {
    throw usageError("--policy hash needs --hash-key");
  }
  const oneWay = values.switch("one-way");
  const stream = values.text("stream");
  if (stream !== undefined && all) excluding("--stream", "--all", "a stream is read once");
  if (stream !== undefined && oneWay) excluding("--stream", "--one-way");
  if (stream === "@-" && data === "@-") {
    throw usageError("--data and --stream cannot both read standard input");
  }
  const idempotencyKey = values.text("key");
  if (idempotencyKey !== undefined && idempotencyKey.length > maxKeyLength) {
    throw usageError(`--key has ${idempotencyKey.length} characters, more than ${maxKeyLength}`);
  }
  return {
    kind: "call",
    method,
    positionals,
    data,
    stream,
    metadata: values.pairs("meta"),
    idempotencyKey,
    oneWay,
    target: values.target(),
    timeoutMs: values.given("timeout") ? values.duration("timeout", 1) : undefined,
    policy,
    hashKey,
    tags,
    zone: values.text("zone"),
    wait,
    all,
    to,
  };
}

/**
 * What a command calls, and with what: the method, arguments as they were typed, or `--data`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE
 */
export function readMethod(
  values: Values,
): readonly [method: string, positionals: readonly string[], data: string | undefined] {
  const [method = "", ...positionals] = values.operands;
  if (!method.includes(".")) throw noMethodName(values.command, method, positionals[0]);
  const data = values.text("data");
  if (data !== undefined && positionals.length > 0) {
    const hint = "--data holds all arguments; a JSON array is the argument list";
    excluding("--data", JSON.stringify(positionals[0]), hint);
  }
  return [method, positionals, data];
}

/**
 * How an instance is chosen.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE
 */
export function readPolicy(values: Values): PolicyName {
  const policy = values.text("policy") ?? "";
  if (isPolicyName(policy)) return policy;
  throw unknownValue(`there is no policy ${JSON.stringify(policy)}`, policy, policyNames);
}
