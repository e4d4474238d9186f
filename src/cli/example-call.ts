import { compileArguments, compileItems } from "../contract/check.ts";
import type { MethodContract, Parameter, ServiceContract } from "../contract/contract.ts";
import { exampleArguments } from "../contract/example.ts";
import { parseArgument } from "./literals.ts";
import { shellQuote } from "./shell-quote.ts";

/** A command line to copy, or why there is none. */
export type ExampleCall =
  | { readonly kind: "line"; readonly line: string }
  | { readonly kind: "none"; readonly why: string };

const none = (why: string): ExampleCall => ({ kind: "none", why });

/** Whether `gee call` takes a text for itself, and not for JSON or for a flag. */
function isPlain(text: string): boolean {
  if (text === "" || text.startsWith("-")) return false;
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return false;
  try {
    return parseArgument(text, 1) === text;
  } catch {
    return false;
  }
}

/** An argument as one word of a shell, from which `gee call` reads this very value. */
function word(value: unknown): string {
  if (typeof value === "string" && isPlain(value)) return shellQuote(value);
  return shellQuote(JSON.stringify(value) ?? "null");
}

/** Stands for a stream where arguments are checked. */
async function* items(): AsyncGenerator<never> {}

/** What the server would say against the arguments. */
function problem(
  service: ServiceContract,
  method: MethodContract,
  args: readonly unknown[],
  streams: readonly { readonly at: number; readonly parameter: Parameter }[],
): string | undefined {
  const own = args.map((value, index) =>
    streams.some(({ at }) => at === index) ? items() : value,
  );
  const wrong = compileArguments(service, method)?.(own);
  if (wrong !== undefined) return wrong;
  for (const { at, parameter } of streams) {
    const check = compileItems(service, parameter.type, `args[${at}] (${parameter.name})`);
    const all: unknown = args[at];
    for (const item of Array.isArray(all) ? all : []) {
      const why = check?.(item);
      if (why !== undefined) return why;
    }
  }
  return undefined;
}

/**
 * A call of a method to copy, for a POSIX shell: arguments that the server takes, and `targetWords`,
 * which say where it is. A stream argument is read from a pipe. Undefined when nothing is known of
 * the method's parameters.
 */
export function exampleCall(
  service: ServiceContract,
  method: MethodContract,
  targetWords: readonly string[],
): ExampleCall | undefined {
  const [signature] = method.signatures;
  if (signature === undefined) return undefined;
  const args = exampleArguments(service, signature);
  const given = signature.parameters.slice(0, args.length);
  const streams = given.flatMap((parameter, at) =>
    parameter.stream === true ? [{ at, parameter }] : [],
  );
  const wrong = problem(service, method, args, streams);
  if (wrong !== undefined) return none(wrong);
  const [stream] = streams;
  if (stream !== undefined && stream.at !== args.length - 1) {
    return none(`args[${stream.at}] (${stream.parameter.name}) is a stream, and not the last one`);
  }
  const values = stream === undefined ? args : args.slice(0, -1);
  const flags = [...(stream === undefined ? [] : ["--stream", "@-"]), ...targetWords];
  const name = `${service.name}.${method.name}`;
  const line = ["gee", "call", name, ...values.map(word), ...flags.map(shellQuote)].join(" ");
  if (stream === undefined) return { kind: "line", line };
  const all: unknown = args[stream.at];
  const lines = (Array.isArray(all) ? all : []).map((item) => shellQuote(JSON.stringify(item)));
  return { kind: "line", line: `printf '%s\\n' ${lines.join(" ")} | ${line}` };
}
