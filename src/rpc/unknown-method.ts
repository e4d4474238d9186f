import { GeeError } from "../base/errors.ts";
import { nearest, parseMethodName } from "../base/names.ts";
import type { ServiceFacts } from "../wire/hello.ts";

/** The nearest name travels as a detail; the caller's side makes a hint of it. */
function unimplemented(message: string, near: string | undefined): GeeError {
  return new GeeError("UNIMPLEMENTED", message, {
    reason: "NO_SUCH_METHOD",
    executed: "no",
    details: near === undefined ? undefined : { didYouMean: near },
  });
}

/** What is said to who calls a method that there is not. */
export function unknownMethod(
  method: number | string,
  services: ReadonlyMap<string, ServiceFacts>,
  names: () => Iterable<string>,
): GeeError {
  if (typeof method === "number") return unimplemented(`there is no method ${method}`, undefined);
  const name = parseMethodName(method);
  if (name === undefined) {
    const shown = JSON.stringify(method.slice(0, 130));
    return unimplemented(`${shown} is no name of a method`, nearest(method, names()));
  }
  const siblings = services.get(name.service)?.methods;
  if (siblings === undefined) {
    return unimplemented(`there is no service ${name.service}`, nearest(method, names()));
  }
  const near = nearest(name.method, siblings.keys());
  return unimplemented(
    `${name.service} has no method ${name.method}`,
    near === undefined ? nearest(method, names()) : `${name.service}.${near}`,
  );
}
