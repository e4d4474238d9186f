import { usageError } from "./usage.ts";
import type { Values } from "./values.ts";

/** `gee dev`. */
export interface DevInvocation {
  readonly kind: "dev";
  readonly modules: readonly string[];
  /** Where its own registry listens. */
  readonly listen: string;
  /** Registries that run; undefined: one of its own. */
  readonly registry: readonly string[] | undefined;
  readonly tokenFile: string | undefined;
  readonly drainTimeoutMs: number;
}

/**
 * Reads `gee dev`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE or BAD_DURATION
 */
export function readDev(values: Values): DevInvocation {
  const hasRegistry = values.typed("registry");
  if (hasRegistry && values.typed("listen")) {
    throw usageError("--registry and --listen exclude each other");
  }
  if (!hasRegistry && values.typed("token-file")) {
    throw usageError("--token-file is for --registry: a registry of its own asks for none");
  }
  return {
    kind: "dev",
    modules: values.operands,
    listen: values.text("listen") ?? "",
    registry: hasRegistry ? values.list("registry") : undefined,
    tokenFile: hasRegistry ? values.text("token-file") : undefined,
    drainTimeoutMs: values.duration("drain"),
  };
}
