import { type Code, GeeError } from "../base/errors.ts";

/** What a registry answers to whom it does not let in. To ask again changes nothing. */
const refusing: ReadonlySet<Code> = new Set(["UNAUTHENTICATED", "PERMISSION_DENIED"]);

/**
 * Why a client has no list, with every registry's reason: UNAVAILABLE, which may pass; or the code
 * of their refusal when none of them lets it in, which a person has to put right.
 *
 * @param errors what each of its registries failed with; undefined for one that has not
 */
export function noList(errors: readonly (GeeError | undefined)[]): GeeError {
  const known = errors.filter((error) => error !== undefined);
  const message = known.map((error) => error.message).join("; ");
  const stranger = known.find(({ code }) => code === "UNAUTHENTICATED");
  const refusal = stranger ?? known[0];
  if (refusal !== undefined && errors.every((error) => error && refusing.has(error.code))) {
    const { code, hint } = refusal;
    return new GeeError(code, message, { reason: "REGISTRY_REFUSED", executed: "no", hint });
  }
  return new GeeError("UNAVAILABLE", message === "" ? "the client is closed" : message, {
    reason: "NO_REGISTRY",
    executed: "no",
    hint: stranger?.hint ?? "is a registry running there? gee registry starts one",
  });
}
