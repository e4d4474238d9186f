import type {
  MethodContract,
  Parameter,
  ServiceContract,
  Signature,
  TypeNode,
} from "./contract.ts";
import { Fitting } from "./fitting.ts";
import { Problems } from "./problem.ts";
import { beginCheck, fitsOptional } from "./small-fits.ts";
import type { Fits } from "./small-fits.ts";
import { isIdentifier } from "./type-text.ts";
import type { Types } from "./types.ts";
import { isStream, kindOf } from "./values.ts";

/**
 * Looks at a value: undefined when it fits, else what is wrong with it, with the path to where it is
 * wrong: `result.items[2]: expected string, got null`. It throws only what a getter of the value throws.
 */
export type Check = (value: unknown) => string | undefined;

/** Looks at the arguments of a call: undefined when they fit, else as {@link Check}. */
export type ArgumentsCheck = (args: readonly unknown[]) => string | undefined;

interface Compiler {
  readonly fitting: Fitting;
  readonly problems: Problems;
}

/** The methods of a service share its types, and each of those is compiled once. */
const compilers = new WeakMap<Types, Compiler>();

function compilerOf(types: Types): Compiler {
  let compiler = compilers.get(types);
  if (compiler === undefined) {
    const fitting = new Fitting(types);
    compiler = { fitting, problems: new Problems(fitting) };
    compilers.set(types, compiler);
  }
  return compiler;
}

/** Which argument is wrong, and how. */
interface ArgumentProblem {
  readonly at: number;
  /** Undefined when none is. */
  readonly text: string | undefined;
}

/** One signature: whether arguments fit, and what is wrong with those that do not. */
interface SignatureCheck {
  readonly fits: (args: readonly unknown[]) => boolean;
  readonly problem: (args: readonly unknown[]) => ArgumentProblem;
}

function fitsOf({ fitting }: Compiler, parameter: Parameter): Fits | undefined {
  if (parameter.stream !== true) return fitting.of(parameter.type, parameter.optional);
  return parameter.optional === true ? fitsOptional(isStream) : isStream;
}

function fitsAll(fixed: readonly (Fits | undefined)[]): (args: readonly unknown[]) => boolean {
  const [first, second] = fixed;
  if (fixed.length === 1 && first !== undefined) return (args) => first(args[0], 0);
  if (fixed.length === 2 && first !== undefined && second !== undefined) {
    return (args) => first(args[0], 0) && second(args[1], 0);
  }
  return (args) => {
    for (let index = 0; index < fixed.length; index++) {
      if (fixed[index]?.(args[index], 0) === false) return false;
    }
    return true;
  };
}

function compileSignature(compiler: Compiler, signature: Signature): SignatureCheck | undefined {
  const { parameters } = signature;
  const last = parameters.at(-1);
  const restAt = last?.rest === true ? parameters.length - 1 : parameters.length;
  const fixed = parameters.slice(0, restAt).map((parameter) => fitsOf(compiler, parameter));
  const rest = last?.rest === true ? fitsOf(compiler, last) : undefined;
  if (rest === undefined && fixed.every((fits) => fits === undefined)) return undefined;
  const fitsFixed = fitsAll(fixed);
  return {
    fits:
      rest === undefined
        ? fitsFixed
        : (args) => {
            for (let index = restAt; index < args.length; index++) {
              if (!rest(args[index], 0)) return false;
            }
            return fitsFixed(args);
          },
    problem: (args) => {
      const count = Math.max(args.length, restAt);
      for (let at = 0; at < count; at++) {
        const parameter = parameters[Math.min(at, restAt)];
        const fits = at < restAt ? fixed[at] : rest;
        if (parameter === undefined || fits === undefined || fits(args[at], 0)) continue;
        return { at, text: argumentProblem(compiler, parameter, args, at) };
      }
      return { at: count, text: undefined };
    },
  };
}

function argumentProblem(
  { problems }: Compiler,
  parameter: Parameter,
  args: readonly unknown[],
  at: number,
): string {
  const isGiven = at < args.length;
  const { path, text } =
    parameter.stream === true
      ? { path: "", text: `expected a stream, got ${isGiven ? kindOf(args[at]) : "nothing"}` }
      : problems.of(parameter.type, args[at], isGiven);
  const name = path === "" && isIdentifier(parameter.name) ? ` (${parameter.name})` : "";
  return `args[${at}]${path}${name}: ${text}`;
}

/**
 * Makes the check of a method's arguments. Of overloads one has to fit; else the problem is that of the
 * one that got furthest. A stream argument has to be a stream; its items are for {@link compileItems}.
 * Arguments beyond the last parameter are not looked at. Undefined when there is nothing to check.
 */
export function compileArguments(
  service: ServiceContract,
  method: MethodContract,
): ArgumentsCheck | undefined {
  const compiler = compilerOf(service.types);
  const checks: SignatureCheck[] = [];
  for (const signature of method.signatures) {
    const check = compileSignature(compiler, signature);
    if (check === undefined) return undefined;
    checks.push(check);
  }
  const [only] = checks;
  if (only === undefined) return undefined;
  const problem = (args: readonly unknown[]): string | undefined => {
    let furthest = only.problem(args);
    for (const check of checks) {
      const next = check.problem(args);
      if (next.at >= furthest.at) furthest = next;
    }
    return furthest.text;
  };
  if (checks.length === 1) {
    return (args) => {
      beginCheck();
      return only.fits(args) ? undefined : problem(args);
    };
  }
  return (args) => {
    beginCheck();
    for (const check of checks) if (check.fits(args)) return undefined;
    return problem(args);
  };
}

function compileValue(types: Types, type: TypeNode, root: string, name: string): Check | undefined {
  const { fitting, problems } = compilerOf(types);
  const fits = fitting.of(type);
  if (fits === undefined) return undefined;
  return (value) => {
    beginCheck();
    if (fits(value, 0)) return undefined;
    const { path, text } = problems.of(type, value);
    return `${root}${path}${path === "" ? name : ""}: ${text}`;
  };
}

/**
 * Makes the check of the items of a stream. `root` is what they are called: `args[0] (numbers)`, of
 * which the name is left out where the path goes on. Undefined when there is nothing to check.
 */
export function compileItems(
  service: ServiceContract,
  type: TypeNode,
  root: string,
): Check | undefined {
  const [, path = root, name = ""] = /^(.*?)( \([^()]*\))?$/s.exec(root) ?? [];
  return compileValue(service.types, type, path, name);
}

/**
 * Makes the check of what a method answers with, under the name `result`; of one that answers with a
 * stream the check of each item. Undefined when there is nothing to check: nothing is known, or nothing
 * is promised (`void`), or some overloads answer with a stream and some do not.
 */
export function compileResult(service: ServiceContract, method: MethodContract): Check | undefined {
  const { signatures } = method;
  const streams = signatures.filter(({ stream }) => stream === true);
  if (signatures.length === 0) return undefined;
  if (streams.length > 0 && streams.length < signatures.length) return undefined;
  const results = signatures.map(({ result }) => result);
  const [only] = results;
  // What a `void` method gives is nobody's business.
  if (streams.length === 0 && results.some(({ kind }) => kind === "undefined")) return undefined;
  const type: TypeNode =
    only !== undefined && results.length === 1 ? only : { kind: "union", of: results };
  return compileValue(service.types, type, "result", "");
}
