import { isServiceName } from "../base/names.ts";
import { usageError } from "./usage.ts";
import type { Target, Values } from "./values.ts";

/** `gee describe`. */
export interface DescribeInvocation {
  readonly kind: "describe";
  readonly service: string;
  /** The one method that is asked for; undefined: all. */
  readonly method: string | undefined;
  readonly jsonSchema: boolean;
  readonly target: Target;
  /** The words that said where the servers are: an example call needs them too. */
  readonly targetWords: readonly string[];
  readonly timeoutMs: number;
}

/** What every server has of its own is named as a service of `gee`. */
const own = "gee";

/** A name taken apart: `Foo`, `Foo.Sum`, `gee.Health`, `gee.Health.Check`. */
function parts(text: string): { service: string; method: string | undefined } | undefined {
  const [first = "", ...rest] = text.split(".");
  const isOwn = first === own && rest.length > 0;
  const service = isOwn ? `${first}.${rest.shift()}` : first;
  const [method, ...more] = rest;
  const names = [...service.split("."), ...(method === undefined ? [] : [method])];
  return more.length === 0 && names.every(isServiceName) ? { service, method } : undefined;
}

/**
 * Reads `gee describe`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE or BAD_DURATION
 */
export function readDescribe(values: Values): DescribeInvocation {
  const [text = ""] = values.operands;
  const found = parts(text);
  if (found === undefined) {
    throw usageError(`${JSON.stringify(text)} is no SERVICE and no SERVICE.METHOD`, {
      hint: "for example: gee describe Foo.Sum",
    });
  }
  return {
    kind: "describe",
    ...found,
    jsonSchema: values.switch("json-schema"),
    target: values.target(),
    targetWords: values.words("registry", "address", "token-file"),
    timeoutMs: values.duration("timeout", 1),
  };
}
