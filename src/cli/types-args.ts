import { isServiceName } from "../base/names.ts";
import { usageError } from "./usage.ts";
import type { Target, Values } from "./values.ts";

/** `gee types`. */
export interface TypesInvocation {
  readonly kind: "types";
  /** Those that are wanted; none: all there are. */
  readonly services: readonly string[];
  /** What is done with the declarations. */
  readonly use:
    | { readonly kind: "print" }
    | { readonly kind: "write"; readonly file: string }
    | { readonly kind: "check"; readonly file: string; readonly exact: boolean };
  /** The library's own, without a server. */
  readonly library: boolean;
  readonly target: Target;
  readonly timeoutMs: number;
}

function readUse(values: Values): TypesInvocation["use"] {
  const file = values.text("check");
  const exact = values.switch("exact");
  const out = values.text("out");
  if (file !== undefined) {
    if (out !== undefined) throw usageError("--check and --out exclude each other");
    return { kind: "check", file, exact };
  }
  if (exact) throw usageError("--exact needs --check FILE");
  return out === undefined ? { kind: "print" } : { kind: "write", file: out };
}

/**
 * Reads `gee types`.
 *
 * @throws GeeError INVALID_ARGUMENT, reason USAGE or BAD_DURATION
 */
export function readTypes(values: Values): TypesInvocation {
  const { operands } = values;
  const library = values.switch("library");
  const use = readUse(values);
  const wrong = operands.find((text) => !isServiceName(text));
  if (wrong !== undefined) {
    const [service = ""] = wrong.split(".");
    throw usageError(`${JSON.stringify(wrong)} is no SERVICE`, {
      hint: isServiceName(service) ? `did you mean ${service}?` : "for example: gee types Foo",
    });
  }
  if (library) {
    for (const name of ["registry", "address"]) {
      if (values.typed(name)) throw usageError(`--library and --${name} exclude each other`);
    }
    if (operands[0] !== undefined) {
      const hint = "the library's declarations are those of no service";
      throw usageError(`--library and ${operands[0]} exclude each other`, { hint });
    }
    if (use.kind === "check") throw usageError("--library and --check exclude each other");
  }
  return {
    kind: "types",
    services: [...new Set(operands)],
    use,
    library,
    target: values.target(),
    timeoutMs: values.duration("timeout", 1),
  };
}
