import { GeeError } from "../base/errors.ts";
import { nearest } from "../base/names.ts";
import type { ServiceContract } from "../contract/contract.ts";
import { signatureText } from "../contract/signature.ts";
import { namesReached, signatureTypes } from "../contract/types.ts";
import type { DescribeInvocation } from "./describe-args.ts";
import { methodText, serviceText, type ShownMethod } from "./describe-text.ts";
import { exampleCall } from "./example-call.ts";
import type { ContractGroup, RunningService } from "./running-services.ts";

/** In the words of a server that is called. */
function noMethod({ name, methods }: ServiceContract, method: string): GeeError {
  const near = nearest(
    method,
    methods.map((one) => one.name),
  );
  return new GeeError("UNIMPLEMENTED", `${name} has no method ${method}`, {
    reason: "NO_SUCH_METHOD",
    executed: "no",
    hint: near === undefined ? `gee describe ${name} shows them` : `did you mean ${name}.${near}?`,
  });
}

/** The methods that are asked for, with what there is to say of each. */
function shownMethods(
  { contract, described }: RunningService,
  { method: wanted, targetWords }: DescribeInvocation,
): readonly ShownMethod[] {
  const methods = contract.methods.filter(({ name }) => wanted === undefined || name === wanted);
  if (wanted !== undefined && methods.length === 0) throw noMethod(contract, wanted);
  const facts = new Map(described.methods.map((one) => [one.name, one]));
  return methods.map((method) => ({
    contract: method,
    described: facts.get(method.name) ?? {
      name: method.name,
      idempotent: false,
      answersStream: false,
      checked: false,
    },
    example: exampleCall(contract, method, targetWords),
  }));
}

/** The contract of some methods alone. */
function reduced(contract: ServiceContract, methods: readonly ShownMethod[]): ServiceContract {
  const own = methods.map((method) => method.contract);
  const roots = own.flatMap(({ signatures }) => signatures.flatMap(signatureTypes));
  const faults = (contract.faults ?? []).flatMap(({ details }) => details ?? []);
  const names = namesReached(contract.types, [...roots, ...faults]);
  const types = Object.entries(contract.types).filter(([name]) => names.has(name));
  return { ...contract, methods: own, types: Object.fromEntries(types) };
}

function sum(groups: readonly ContractGroup[]): number {
  return groups.reduce((all, { instances }) => all + instances, 0);
}

function asJson(service: RunningService, methods: readonly ShownMethod[]): unknown {
  const { contract, described, groups } = service;
  return {
    service: contract.name,
    hash: described.hash,
    // Only a registry knows how many there are.
    instances: groups.length === 0 ? undefined : sum(groups),
    contracts: groups.length === 0 ? undefined : groups,
    methods: methods.map(({ contract: method, described: { name, ...facts }, example }) => ({
      method: `${contract.name}.${name}`,
      ...facts,
      signatures: method.signatures.map((one) => signatureText(`${contract.name}.${name}`, one)),
      example: example?.kind === "line" ? example.line : undefined,
    })),
    contract: reduced(contract, methods),
  };
}

/** The schema of the one method, or of each by its name. */
async function schemas(
  { contract }: RunningService,
  methods: readonly ShownMethod[],
  isOne: boolean,
): Promise<unknown> {
  const { methodSchema } = await import("../contract/json-schema.ts");
  const all = methods.map((method): [string, unknown] => [
    `${contract.name}.${method.contract.name}`,
    methodSchema(contract, method.contract),
  ]);
  return isOne ? all[0]?.[1] : Object.fromEntries(all);
}

/** What is to be printed: lines for people, or a value. */
export type Description =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly value: unknown };

/**
 * What is known of a service, or of the one method that is asked for.
 *
 * @throws GeeError UNIMPLEMENTED when there is no such method
 */
export async function describeService(
  service: RunningService,
  invocation: DescribeInvocation,
  json: boolean,
): Promise<Description> {
  const methods = shownMethods(service, invocation);
  const isOne = invocation.method !== undefined;
  if (invocation.jsonSchema) {
    const value = await schemas(service, methods, isOne);
    return json
      ? { kind: "value", value }
      : { kind: "text", text: JSON.stringify(value, undefined, 2) };
  }
  if (json) return { kind: "value", value: asJson(service, methods) };
  const [first] = methods;
  const text =
    isOne && first !== undefined ? methodText(service, first) : serviceText(service, methods);
  return { kind: "text", text };
}
