import { GeeError } from "./errors.ts";

/** A token is sent in a header, so it has the characters of RFC 6750 (`b64token`) and no others. */
const grammar = /^[A-Za-z0-9._~+/-]{1,512}={0,2}$/;

/** Whether text can be a bearer token. */
export function isToken(text: string): boolean {
  return grammar.test(text);
}

/**
 * A token that a program hands in, for the header `Authorization`. No error shows it.
 *
 * @throws GeeError INVALID_ARGUMENT, reason BAD_TOKEN
 */
export function checkToken(token: string): void {
  if (isToken(token)) return;
  throw new GeeError("INVALID_ARGUMENT", "the registry token has characters that no token has", {
    reason: "BAD_TOKEN",
    executed: "no",
    hint: "a token is 1 to 512 letters, digits and . _ ~ + / -; openssl rand -hex 32 makes one",
  });
}

/** The token in the value of an `Authorization` header; undefined when there is none. */
export function bearerToken(authorization: string | null): string | undefined {
  const token = /^bearer +([^ ]+)$/i.exec(authorization ?? "")?.[1];
  return token !== undefined && isToken(token) ? token : undefined;
}
