import type { MethodContract, ServiceContract, Signature } from "./contract.ts";
import { digest, TypeHashes } from "./type-hashes.ts";
import type { Types } from "./types.ts";

const hashDigits = 16;

/** Methods of one service share its types, and each of those is worth one look. */
const known = new WeakMap<Types, TypeHashes>();

/** The hashes of the types of a contract. */
export function typeHashes(types: Types): TypeHashes {
  let hashes = known.get(types);
  if (hashes === undefined) {
    hashes = new TypeHashes(types);
    known.set(types, hashes);
  }
  return hashes;
}

/** A text that two signatures share when no call can tell them apart. */
export function signatureKey(types: Types, signature: Signature): string {
  const hashes = typeHashes(types);
  const parameters = signature.parameters.map((parameter) => [
    parameter.rest === true ? "*" : parameter.optional === true ? "?" : "",
    parameter.stream === true ? "stream" : "",
    hashes.of(parameter.type, parameter.optional),
  ]);
  const result = hashes.of(signature.result);
  return JSON.stringify([parameters, signature.stream === true ? "stream" : "", result]);
}

/**
 * The hash of what a method takes and gives: 16 hex digits. Names of parameters and types, defaults,
 * docs, and the order of fields, unions and overloads do not count.
 */
export function methodHash(service: ServiceContract, method: MethodContract): string {
  const keys = method.signatures.map((signature) => signatureKey(service.types, signature));
  return digest(JSON.stringify([...new Set(keys)].sort()), hashDigits);
}

/**
 * The hash of all methods of a service by their names: 16 hex digits. Its own name, its faults and the
 * order of its methods do not count.
 */
export function serviceHash(service: ServiceContract): string {
  const methods = service.methods.map((method) => [method.name, methodHash(service, method)]);
  return digest(JSON.stringify(methods.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1))), hashDigits);
}
