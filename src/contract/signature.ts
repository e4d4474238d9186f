import type { Parameter, Signature, TypeNode } from "./contract.ts";
import { isIdentifier, writeType } from "./type-text.ts";
import type { TypeStyle } from "./type-text.ts";

/** Longer default values are not shown. */
const maxDefault = 40;

const forPeople: TypeStyle = { nameOf: (name) => name, strict: false };

/** A type as TypeScript, in one line and uncut: `{ name: string; age?: number }[]`. */
export function typeText(type: TypeNode): string {
  return writeType(type, forPeople);
}

function parameterText(parameter: Parameter, index: number, isLeftOut: boolean): string {
  const name = isIdentifier(parameter.name) ? parameter.name : `arg${index}`;
  const type = typeText(parameter.type);
  if (parameter.rest === true) {
    return `...${name}: ${typeText({ kind: "array", items: parameter.type })}`;
  }
  const shown = parameter.stream === true ? `AsyncIterable<${type}>` : type;
  const { default: value } = parameter;
  if (value !== undefined && value.length <= maxDefault && !/[\r\n]/.test(value)) {
    return `${name}: ${shown} = ${value}`;
  }
  return `${name}${isLeftOut ? "?" : ""}: ${shown}${parameter.optional === true && !isLeftOut ? " | undefined" : ""}`;
}

/**
 * A way to call a method, in one line: `Sum(a: number, b: number = 1): number`. The result stands there
 * without its promise; streams, either way, are `AsyncIterable<number>`.
 */
export function signatureText(name: string, signature: Signature): string {
  const { parameters, result, stream } = signature;
  const needed = parameters.findLastIndex((one) => one.optional !== true && one.rest !== true);
  const texts = parameters.map((parameter, index) =>
    parameterText(parameter, index, parameter.optional === true && index > needed),
  );
  const given = stream !== true && result.kind === "undefined" ? "void" : typeText(result);
  const answer = stream === true ? `AsyncIterable<${given}>` : given;
  return `${name}(${texts.join(", ")}): ${answer}`;
}
