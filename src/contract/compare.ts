import type {
  MethodContract,
  Parameter,
  ServiceContract,
  Signature,
  TypeNode,
} from "./contract.ts";
import { Fit } from "./fit.ts";
import type { Misfit } from "./fit.ts";
import { methodHash } from "./hash.ts";
import { typeText } from "./signature.ts";

/** One thing in which a service is not what it was. */
export interface Difference {
  /** The method's name, without the service's. */
  readonly method: string;
  /** Whether it breaks callers that were built against what was. */
  readonly breaks: boolean;
  /** For people: `Foo.Sum: args[1] (b): expected string, was number`. */
  readonly text: string;
}

/**
 * What differs between the contract that callers were built against and the one that is served now. A
 * caller's arguments must be fit for the server, and the server's results for the caller; a method or
 * an argument that is not asked for breaks nobody, and nor does what nothing is known of.
 */
export function compareServices(
  before: ServiceContract,
  now: ServiceContract,
): readonly Difference[] {
  const differences: Difference[] = [];
  const served = new Map(now.methods.map((method) => [method.name, method]));
  for (const method of before.methods) {
    const { name } = method;
    const after = served.get(name);
    served.delete(name);
    const place = `${before.name}.${name}`;
    if (after === undefined) {
      differences.push({ method: name, breaks: true, text: `${place} is gone` });
    } else if (methodHash(before, method) !== methodHash(now, after)) {
      const found = new Comparison(before, now).methods(method, after);
      differences.push(
        ...found.map(({ breaks, text }) => ({ method: name, breaks, text: `${place}: ${text}` })),
      );
    }
  }
  for (const name of served.keys()) {
    differences.push({ method: name, breaks: false, text: `${before.name}.${name} is new` });
  }
  return differences;
}

interface Finding {
  readonly breaks: boolean;
  readonly text: string;
}

const breaking = (text: string): Finding => ({ breaks: true, text });
const additive = (text: string): Finding => ({ breaks: false, text });

/** What stands in the place of an argument that is left out. */
const left: TypeNode = { kind: "undefined" };

function placeOf(index: number, { name }: Parameter): string {
  return `args[${index}] (${name})`;
}

class Comparison {
  /** What callers send, against what is taken now. */
  readonly #sent: Fit;
  /** What is answered now, against what callers understand. */
  readonly #answered: Fit;

  constructor(before: ServiceContract, now: ServiceContract) {
    this.#sent = new Fit(before.types, now.types);
    this.#answered = new Fit(now.types, before.types);
  }

  methods(before: MethodContract, now: MethodContract): readonly Finding[] {
    if (before.signatures.length === 0) return [additive("its types are known now")];
    if (now.signatures.length === 0) return [additive("nothing is known of its types any more")];
    const found: Finding[] = [];
    for (const [index, signature] of before.signatures.entries()) {
      const tries = now.signatures.map((candidate) => this.#signatures(signature, candidate));
      if (tries.some((findings) => findings.every(({ breaks }) => !breaks))) {
        const fitting = tries.find((findings) => findings.every(({ breaks }) => !breaks));
        found.push(...(fitting ?? []));
      } else {
        // The overload at its place is the likeliest to be the same one.
        found.push(...(tries[index] ?? tries.at(-1) ?? []));
      }
    }
    const texts = new Map(found.map((finding) => [finding.text, finding]));
    // The hash says that something differs, be it in what nothing can be said of.
    return texts.size === 0
      ? [additive("it takes or gives more, and still fits")]
      : [...texts.values()];
  }

  #signatures(before: Signature, now: Signature): readonly Finding[] {
    return [...this.#parameters(before.parameters, now.parameters), ...this.#results(before, now)];
  }

  #parameters(before: readonly Parameter[], now: readonly Parameter[]): readonly Finding[] {
    const found: Finding[] = [];
    const rest = now.at(-1)?.rest === true ? now.at(-1) : undefined;
    for (const [index, parameter] of before.entries()) {
      const taken = now[index] ?? rest;
      if (taken === undefined) {
        found.push(breaking(`${placeOf(index, parameter)} is gone`));
      } else {
        found.push(...this.#parameter(parameter, taken, index, rest !== undefined));
      }
    }
    const isOpen = before.at(-1)?.rest === true;
    for (const [index, parameter] of now.entries()) {
      if (index < before.length) continue;
      const place = placeOf(index, parameter);
      if (parameter.optional !== true && parameter.rest !== true) {
        found.push(breaking(`${place} is new, and required`));
      } else if (isOpen) {
        // Callers may send something there already.
        const misfit = this.#sent.misfit(
          before.at(-1)?.type ?? parameter.type,
          parameter.type,
          true,
        );
        if (misfit !== undefined) found.push(breaking(sentText(place, misfit)));
      } else {
        found.push(additive(`${place} is new, and optional`));
      }
    }
    return found;
  }

  /** `isOpen`: any number of arguments is taken now. */
  #parameter(
    before: Parameter,
    now: Parameter,
    index: number,
    isOpen: boolean,
  ): readonly Finding[] {
    const place = placeOf(index, before);
    if (before.rest === true && !isOpen) {
      return [breaking(`${place}: further arguments are not taken any more`)];
    }
    if ((before.stream === true) !== (now.stream === true)) {
      return [
        breaking(
          before.stream === true
            ? `${place}: expected ${typeText(now.type)}, was a stream`
            : `${place}: expected a stream, was ${typeText(before.type)}`,
        ),
      ];
    }
    // Where undefined is taken, nothing is as well.
    const mayBeLeftOut =
      now.optional === true || now.rest === true || this.#sent.misfit(left, now.type) === undefined;
    if ((before.optional === true || before.rest === true) && !mayBeLeftOut) {
      return [breaking(`${place} is required now`)];
    }
    const misfit = this.#sent.misfit(before.type, now.type, mayBeLeftOut);
    if (misfit !== undefined) {
      return [
        breaking(sentText(misfit.path === "" ? place : `args[${index}]${misfit.path}`, misfit)),
      ];
    }
    const isLooser = now.optional === true || now.rest === true;
    return before.optional !== true && before.rest !== true && isLooser
      ? [additive(`${place} is optional now`)]
      : [];
  }

  #results(before: Signature, now: Signature): readonly Finding[] {
    if ((before.stream === true) !== (now.stream === true)) {
      return [
        breaking(
          now.stream === true
            ? `result: was ${typeText(before.result)}, is a stream`
            : `result: was a stream, is ${typeText(now.result)}`,
        ),
      ];
    }
    // Who expects nothing looks at nothing.
    if (before.result.kind === "undefined" && before.stream !== true) return [];
    const misfit = this.#answered.misfit(now.result, before.result);
    return misfit === undefined
      ? []
      : [breaking(`result${misfit.path}: was ${misfit.to}, is ${misfit.from}`)];
  }
}

function sentText(place: string, { from, to }: Misfit): string {
  return `${place}: expected ${to}, was ${from}`;
}
