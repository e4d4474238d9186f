import { codeNumbers } from "../base/errors.ts";
import type {
  FaultContract,
  MethodContract,
  NamedType,
  Parameter,
  ServiceContract,
  Signature,
  TypeNode,
} from "./contract.ts";
import { DeclarationNames, isReservedWord } from "./declaration-names.ts";
import { Members } from "./members.ts";
import { escapeComment, isIdentifier, keyText, writeType } from "./type-text.ts";
import type { TypeStyle } from "./type-text.ts";
import { namedType } from "./types.ts";

/** What a program imports to speak with services. */
const library = '"gee"';

/** What stands around the services. */
export interface DeclarationOptions {
  /** The lines of the comment at its head. */
  readonly heading: readonly string[];
}

/**
 * The text of a `.d.ts` for services: an interface each as their callers use them, their faults, and
 * the types of both; with it `connect().service("Foo")` is typed. Of two services of one name the
 * first counts. The same services give the same text, in whatever order they come.
 *
 * Types of two services that have one name are one when they are made alike; else each has its
 * service's name in front. The text compiles whatever the contracts hold: names that TypeScript
 * cannot use are replaced, and faults with a code that is none are left out.
 */
export function declarations(
  services: readonly ServiceContract[],
  options: DeclarationOptions,
): string {
  const byName = new Map(services.toReversed().map((service) => [service.name, service]));
  const sorted = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Declarations(sorted).text(options.heading);
}

/** One that names nothing: a line is a line, whatever is in it. */
function lineComment(text: string): string {
  return `// ${text.replaceAll(/[\r\n\u2028\u2029]+/g, " ")}`.trimEnd();
}

/** A doc comment with its line break, or nothing. */
function docComment(indent: string, texts: readonly (string | undefined)[]): string {
  const whole = texts.filter((text) => text !== undefined && text.trim() !== "").join("\n");
  if (whole === "") return "";
  const lines = escapeComment(whole)
    .trim()
    .split(/\r\n|[\r\n\u2028\u2029]/);
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  const body = lines.map((line) => `${indent} * ${line}`.trimEnd());
  return `${indent}/**\n${body.join("\n")}\n${indent} */\n`;
}

interface ToDeclare {
  readonly service: ServiceContract;
  readonly named: NamedType;
}

class Declarations {
  readonly #services: readonly ServiceContract[];
  readonly #names: DeclarationNames;
  /** Types that something declared speaks of, by what they are called here. */
  readonly #used = new Map<string, ToDeclare>();

  constructor(services: readonly ServiceContract[]) {
    this.#services = services;
    this.#names = new DeclarationNames(services);
  }

  text(heading: readonly string[]): string {
    const services = this.#services.map((service) => this.#service(service));
    const faults = this.#services.flatMap((service) => this.#faults(service));
    const types = new Map<string, string>();
    // A type that is declared may be the first to speak of another; those are met in the same round.
    for (const [name, type] of this.#used) types.set(name, this.#type(name, type));
    const sorted = [...types].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
    const parts = [
      heading.map(lineComment).join("\n"),
      faults.length === 0 ? "" : `import type { Fault } from ${library};`,
      ...services,
      ...faults,
      ...sorted,
      ...this.#augmentation(),
    ];
    return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
  }

  #augmentation(): readonly string[] {
    if (this.#services.length === 0) return ["export {};"];
    const aliases: string[] = [];
    const lines = this.#services.map((service) => {
      const own = this.#names.service(service);
      // In there the library's own types come before those of this file.
      const alias = this.#names.alias(service);
      if (alias !== undefined) aliases.push(`export type ${alias} = ${own};`);
      return `    ${keyText(service.name)}: ${alias ?? own};`;
    });
    const text = `declare module ${library} {\n  interface Services {\n${lines.join("\n")}\n  }\n}`;
    return [...aliases, text];
  }

  #style(service: ServiceContract): TypeStyle {
    return {
      strict: true,
      nameOf: (name) => {
        const own = this.#names.type(service, name);
        const named = namedType(service.types, name);
        if (own === undefined || named === undefined) return "unknown";
        if (!this.#used.has(own)) this.#used.set(own, { service, named });
        return own;
      },
    };
  }

  #service(service: ServiceContract): string {
    const style = this.#style(service);
    const methods = service.methods.map((method) => methodText(method, style));
    const body = methods.length === 0 ? "{}" : `{\n${methods.join("")}}`;
    const name = this.#names.service(service);
    return `${docComment("", [service.doc])}export interface ${name} ${body}`;
  }

  #faults(service: ServiceContract): readonly string[] {
    const style = this.#style(service);
    const known = (service.faults ?? []).filter(({ code }) => Object.hasOwn(codeNumbers, code));
    if (known.length === 0) return [];
    const texts = [...new Set(known.map((fault) => faultText(fault, style)))];
    const union = texts.length === 1 ? ` ${texts[0]}` : `\n  | ${texts.join("\n  | ")}`;
    return [`export type ${this.#names.faults(service)} =${union};`];
  }

  #type(name: string, { service, named }: ToDeclare): string {
    const style = this.#style(service);
    const { type } = named;
    const doc = docComment("", [named.doc]);
    const isPlain =
      type.kind === "object" &&
      (type.rest === undefined || type.rest.kind === "unknown" || type.fields.length === 0);
    if (!isPlain)
      return `${doc}export type ${name} = ${writeType(unrolled(service, type), style)};`;
    const fields = type.fields.map((field) => {
      const mark = field.optional === true ? "?" : "";
      const text = `${keyText(field.name)}${mark}: ${writeType(field.type, style)}`;
      return `${docComment("  ", [field.doc])}  ${text};\n`;
    });
    if (type.rest !== undefined) fields.push(`  [key: string]: ${writeType(type.rest, style)};\n`);
    const body = fields.length === 0 ? "{}" : `{\n${fields.join("")}}`;
    return `${doc}export interface ${name} ${body}`;
  }
}

/** A type that is a name or a choice and comes back to itself by nothing else, as its members. */
function unrolled(service: ServiceContract, type: TypeNode): TypeNode {
  if (type.kind !== "ref" && type.kind !== "union") return type;
  const seen = new Set<TypeNode>();
  const open: TypeNode[] = [type];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === type && seen.size > 0) {
      return { kind: "union", of: new Members(service.types).of(type) };
    }
    if (seen.has(next)) continue;
    seen.add(next);
    if (next.kind === "union") open.push(...next.of);
    const named = next.kind === "ref" ? namedType(service.types, next.name) : undefined;
    if (named !== undefined) open.push(named.type);
  }
  return type;
}

function faultText({ code, reason, details }: FaultContract, style: TypeStyle): string {
  const words = `${JSON.stringify(code)}, ${JSON.stringify(reason)}`;
  return details === undefined
    ? `Fault<${words}>`
    : `Fault<${words}, ${writeType(details, style)}>`;
}

function methodText(method: MethodContract, style: TypeStyle): string {
  // With `new` as it is the compiler would see a constructor.
  const name = method.name === "new" ? '"new"' : keyText(method.name);
  const deprecated =
    method.deprecated === undefined ? undefined : `@deprecated ${method.deprecated}`.trim();
  if (method.signatures.length === 0) {
    const why = method.why === undefined ? "" : ` ${lineComment(method.why)}`;
    const text = `  ${name}(...args: unknown[]): Promise<unknown>;${why}\n`;
    return docComment("  ", [method.doc, deprecated]) + text;
  }
  return method.signatures
    .map((signature) => {
      const names = parameterNames(signature.parameters);
      const docs = signature.parameters.map(({ doc }, index) =>
        doc === undefined || doc.trim() === "" ? undefined : `@param ${names[index]} ${doc}`,
      );
      const comment = docComment("  ", [method.doc, ...docs, deprecated]);
      return `${comment}  ${name}${signatureText(signature, names, style)};\n`;
    })
    .join("");
}

function signatureText(
  { parameters, result, stream }: Signature,
  names: readonly string[],
  style: TypeStyle,
): string {
  const needed = parameters.findLastIndex((one) => one.optional !== true && one.rest !== true);
  const texts = parameters.map((parameter, index) => {
    const name = names[index] ?? `arg${index}`;
    if (parameter.rest === true) {
      // Nothing follows a rest; what does all the same comes from no TypeScript.
      if (index < parameters.length - 1) return `${name}${index > needed ? "?" : ""}: unknown`;
      return `...${name}: ${writeType({ kind: "array", items: parameter.type }, style)}`;
    }
    const type = writeType(parameter.type, style);
    const shown = parameter.stream === true ? `AsyncIterable<${type}>` : type;
    if (parameter.optional !== true) return `${name}: ${shown}`;
    return index > needed ? `${name}?: ${shown}` : `${name}: ${shown} | undefined`;
  });
  const given = writeType(result, style);
  const isVoid = stream !== true && result.kind === "undefined";
  const answer =
    stream === true ? `AsyncIterable<${given}>` : `Promise<${isVoid ? "void" : given}>`;
  return `(${texts.join(", ")}): ${answer}`;
}

function parameterNames(parameters: readonly Parameter[]): readonly string[] {
  const taken = new Set<string>();
  return parameters.map(({ name }, index) => {
    const own = isReservedWord(name) ? `${name}_` : name;
    let free = isIdentifier(own) && !taken.has(own) ? own : `arg${index}`;
    while (taken.has(free)) free += "_";
    taken.add(free);
    return free;
  });
}
