import { compileArguments, compileResult } from "../contract/check.ts";
import type { Check } from "../contract/check.ts";
import type { MethodContract, ServiceContract } from "../contract/contract.ts";
import { isIdentifier } from "../contract/type-text.ts";
import { areItems, CheckedAnswer, CheckedItems, itemCheck } from "./checked-items.ts";
import type { CallContext } from "./context.ts";
import { isItems, isThenable } from "./handler-streams.ts";
import { schemasOf } from "./method-options.ts";
import type { MethodOptions } from "./method-options.ts";
import { saysItIsAStream } from "./refusals.ts";
import { withSchemas } from "./schemas.ts";
import { badArgument, BadResult } from "./thrown.ts";

/** Runs a method with its arguments. */
export type Invoke = (args: readonly unknown[]) => unknown;

/** What a server checks of the calls of a method. */
export interface Checking {
  readonly service: ServiceContract;
  readonly method: MethodContract;
  readonly options: MethodOptions;
  /** Arguments are held to the contract, unless a schema is there for them. */
  readonly check: boolean;
  /** Results are held to the contract. */
  readonly checkResults: boolean;
  /** The context of the call that is being started. */
  readonly contextNow: () => CallContext;
}

/** A method with what is checked of its calls. */
export interface CheckedMethod {
  /** What was given when there is nothing to check. */
  readonly invoke: Invoke;
  /** Something of the arguments is checked. */
  readonly checked: boolean;
}

/** Puts checks around what runs a method, compiled once and innermost. */
export function withChecks(handler: Invoke, checking: Checking): CheckedMethod {
  const { service, method, options, check, contextNow } = checking;
  const schemas = schemasOf(options);
  const answering = checking.checkResults ? withResultCheck(handler, service, method) : handler;
  const taking = check ? withItemChecks(answering, service, method) : answering;
  const invoke =
    schemas.length > 0
      ? withSchemas(taking, schemas, parameterNames(method), contextNow)
      : check
        ? withArgumentCheck(taking, service, method)
        : taking;
  return { invoke, checked: invoke !== answering };
}

function parameterNames({ signatures }: MethodContract): readonly (string | undefined)[] {
  const [only, ...others] = signatures;
  if (only === undefined || others.length > 0) return [];
  return only.parameters.map(({ name }) => (isIdentifier(name) ? name : undefined));
}

function withArgumentCheck(
  invoke: Invoke,
  service: ServiceContract,
  method: MethodContract,
): Invoke {
  const check = compileArguments(service, method);
  if (check === undefined) return invoke;
  return (args) => {
    const why = check(args);
    if (why !== undefined) throw badArgument(why);
    return invoke(args);
  };
}

/** Items that come one by one are checked when the method takes them. Not where there are overloads. */
function withItemChecks(invoke: Invoke, service: ServiceContract, method: MethodContract): Invoke {
  const [only, ...others] = method.signatures;
  if (only === undefined || others.length > 0) return invoke;
  const streams = only.parameters.flatMap(({ name, stream, type }, index) => {
    const check = stream === true ? itemCheck(service, type) : undefined;
    const where = isIdentifier(name) ? `args[${index}] (${name})` : `args[${index}]`;
    return check === undefined ? [] : [{ index, where, check }];
  });
  if (streams.length === 0) return invoke;
  return (args) => {
    const given = [...args];
    for (const { index, where, check } of streams) {
      const items = given[index];
      if (areItems(items)) given[index] = new CheckedItems(items, check, where);
    }
    return invoke(given);
  };
}

function withResultCheck(invoke: Invoke, service: ServiceContract, method: MethodContract): Invoke {
  const check = compileResult(service, method);
  if (check === undefined) return invoke;
  const isStreamed = method.signatures.some(({ stream }) => stream === true);
  const checked = isStreamed ? itemsChecker(check) : valueChecker(check);
  return (args) => {
    const result = invoke(args);
    if (!isThenable(result)) return checked(result);
    return Promise.resolve(result).then(checked, (error: unknown) => {
      // The call of another service that is handed on, and answers with a stream.
      if (isItems(result) && saysItIsAStream(error)) return checked(result);
      throw error;
    });
  };
}

/** A single result. Items where none are declared are left to whoever answers. */
function valueChecker(check: Check): (value: unknown) => unknown {
  return (value) => {
    if (isItems(value)) return value;
    const why = check(value);
    if (why !== undefined) throw new BadResult(why);
    return value;
  };
}

function itemsChecker(check: Check): (value: unknown) => unknown {
  return (value) => {
    if (isItems(value)) return new CheckedAnswer(value, check);
    throw new BadResult(`result: expected a stream, got ${value === null ? "null" : typeof value}`);
  };
}
