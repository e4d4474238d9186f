import { parseAddress } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import { isServiceName } from "../base/names.ts";
import { usageError } from "./usage.ts";
import type { Target, Values } from "./values.ts";

/** `gee ping`. */
export interface PingInvocation {
  readonly kind: "ping";
  /** Undefined: all of them. */
  readonly service: string | undefined;
  readonly target: Target;
  /** How long it tries again; 0: once. */
  readonly waitMs: number;
  /** Of one try. */
  readonly timeoutMs: number;
  readonly quiet: boolean;
}

/**
 * Reads `gee ping`. An argument with an `@` or a `:` is an address.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE or BAD_DURATION
 */
export function readPing(values: Values): PingInvocation {
  const [operand] = values.operands;
  const isAddress = operand !== undefined && /[@:]/.test(operand);
  if (isAddress) {
    for (const name of ["registry", "address", "token-file"]) {
      if (values.typed(name)) throw usageError(`--${name} and ${operand} exclude each other`);
    }
  } else if (operand !== undefined && !isServiceName(operand)) {
    throw usageError(`${JSON.stringify(operand)} is no service and no address`, {
      hint: "for example: gee ping Foo, or gee ping tcp@127.0.0.1:4000",
    });
  }
  return {
    kind: "ping",
    service: isAddress ? undefined : operand,
    target: isAddress ? { kind: "address", address: [addressOf(operand)] } : values.target(),
    waitMs: values.given("wait") ? values.duration("wait") : 0,
    timeoutMs: values.duration("timeout", 1),
    quiet: values.switch("quiet"),
  };
}

function addressOf(text: string): string {
  try {
    return parseAddress(text.includes("@") ? text : `tcp@${text}`);
  } catch (thrown) {
    const { message, hint, reason } = GeeError.from(thrown);
    throw usageError(message, { hint, reason });
  }
}
