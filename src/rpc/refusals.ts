import { GeeError } from "../base/errors.ts";

/** Why a connection ends whose peer sent what needs a feature that was not agreed on. */
export function unsupportedKind(what: string): GeeError {
  return new GeeError("UNIMPLEMENTED", `${what} needs a feature that was not agreed on`, {
    reason: "UNSUPPORTED_KIND",
  });
}

/** Why a connection ends whose server is not the instance that was meant. */
export function wrongInstance(): GeeError {
  return new GeeError("UNAVAILABLE", "another instance answers at this address", {
    reason: "WRONG_INSTANCE",
    executed: "no",
  });
}
