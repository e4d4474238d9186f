import { limits } from "../base/limits.ts";
import { printable } from "../base/log.ts";
import type { MethodContract, ServiceContract, Signature } from "../contract/contract.ts";
import type { DescribedMethod } from "../contract/described.ts";
import { signatureText, typeText } from "../contract/signature.ts";
import { namedType, namesReached, signatureTypes } from "../contract/types.ts";
import { formatDuration } from "./durations.ts";
import type { ExampleCall } from "./example-call.ts";
import type { RunningService } from "./running-services.ts";
import { unknownTypes } from "./unknown-types.ts";

/** Between facts that stand on one line. */
const gap = "   ";

/** A hash as people compare it. */
export function shortHash(hash: string | undefined): string {
  return hash === undefined ? "unknown" : hash.slice(0, 6);
}

/** A number of things: `1 method`, `3 methods`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

function indented(text: string): readonly string[] {
  return text.split("\n").map((line) => `  ${line}`.trimEnd());
}

/** How many instances there are, where somebody counts them, and how many are of another contract. */
function instancesText({ groups }: RunningService): readonly string[] {
  if (groups.length === 0) return [];
  const all = groups.reduce((sum, { instances }) => sum + instances, 0);
  const others = all - (groups[0]?.instances ?? 0);
  const text = counted(all, "instance");
  return [others === 0 ? text : `${text}, ${others} with another contract`];
}

/** What a call may take when nobody says: a stream has no total limit. */
function timeoutText({ timeoutMs, answersStream }: DescribedMethod): readonly string[] {
  if (timeoutMs !== undefined) return [`timeout ${formatDuration(timeoutMs)}`];
  return answersStream ? [] : [`timeout ${formatDuration(limits.callTimeoutMs)}`];
}

/** What a method's options say, of those that are not as usual. */
function optionsText(
  method: MethodContract,
  { idempotent, timeoutMs, concurrency, checked }: DescribedMethod,
): readonly string[] {
  const takesNothing =
    method.signatures.length > 0 &&
    method.signatures.every(({ parameters: all }) => all.length === 0);
  return [
    ...(idempotent ? ["idempotent"] : []),
    ...(timeoutMs === undefined ? [] : [`timeout ${formatDuration(timeoutMs)}`]),
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
    ...(checked || takesNothing ? [] : ["arguments are not checked"]),
  ];
}

function parameterLines({ parameters }: Signature): readonly string[] {
  const told = parameters.filter(({ doc }) => (doc ?? "") !== "");
  const width = Math.max(0, ...told.map(({ name }) => name.length));
  return told.map(({ name, doc = "" }) => {
    const [first = "", ...more] = doc.split("\n");
    const rest = more.map((line) => `\n${" ".repeat(width + 4)}${line}`).join("");
    return `  ${name.padEnd(width)}  ${first}${rest}`;
  });
}

function signatureLines(service: ServiceContract, method: MethodContract): readonly string[] {
  const name = `${service.name}.${method.name}`;
  if (method.signatures.length > 0) {
    return method.signatures.map((signature) => signatureText(name, signature));
  }
  return [`${name}(...args: unknown[]): unknown`];
}

function docLines(service: ServiceContract, method: MethodContract): readonly string[] {
  const { doc = "", deprecated, signatures, why = "" } = method;
  const unknown = signatures.flatMap((signature) => unknownTypes(service, signature));
  return [
    ...(doc === "" ? [] : indented(doc)),
    ...(deprecated === undefined ? [] : indented(`deprecated ${deprecated}`)),
    ...signatures.slice(0, 1).flatMap(parameterLines),
    ...(signatures.length > 0 ? [] : [`  nothing is known of it${why === "" ? "" : `: ${why}`}`]),
    ...unknown.map(
      ({ place, why: reason }) =>
        `  ${place} is unknown, and not checked${reason === "" ? "" : `: ${reason}`}`,
    ),
  ];
}

function exampleLines(example: ExampleCall | undefined): readonly string[] {
  if (example === undefined) return [];
  return [
    example.kind === "line"
      ? `  ${example.line}`
      : `  a program can call it, a command line cannot: ${example.why}`,
  ];
}

/** The named types that methods speak of. */
function typeLines(
  service: ServiceContract,
  methods: readonly MethodContract[],
): readonly string[] {
  const roots = methods.flatMap(({ signatures }) => signatures.flatMap(signatureTypes));
  return [...namesReached(service.types, roots)].flatMap((name) => {
    const named = namedType(service.types, name);
    if (named === undefined) return [];
    const doc = (named.doc ?? "").split("\n", 1)[0] ?? "";
    return [`  ${name} = ${typeText(named.type)}${doc === "" ? "" : `${gap}// ${doc}`}`];
  });
}

function faultLines({ faults = [] }: ServiceContract): readonly string[] {
  return faults.map(({ code, reason, details }) => {
    const more = details === undefined ? "" : ` ${typeText(details)}`;
    return `  throws ${code} ${reason}${more}`;
  });
}

/** A method to print, and the call of it to copy. */
export interface ShownMethod {
  readonly contract: MethodContract;
  readonly described: DescribedMethod;
  readonly example: ExampleCall | undefined;
}

/** Everything that is known of one method, for people. */
export function methodText(service: RunningService, method: ShownMethod): string {
  const { contract, described } = service;
  const facts = [
    ...timeoutText(method.described),
    ...optionsText(method.contract, { ...method.described, timeoutMs: undefined }),
    ...instancesText(service),
    `contract ${shortHash(described.hash)}`,
  ];
  return printed([
    ...signatureLines(contract, method.contract),
    ...docLines(contract, method.contract),
    ...typeLines(contract, [method.contract]),
    ...faultLines(contract),
    `  ${facts.join(gap)}`,
    ...exampleLines(method.example),
  ]);
}

/** A service with all its methods, a block for each. */
export function serviceText(service: RunningService, methods: readonly ShownMethod[]): string {
  const { contract, described } = service;
  const heading = [
    contract.name,
    counted(methods.length, "method"),
    ...instancesText(service),
    `contract ${shortHash(described.hash)}`,
  ].join(gap);
  const { doc = "" } = contract;
  const types = typeLines(
    contract,
    methods.map((method) => method.contract),
  );
  const blocks = methods.map((method) => {
    const options = optionsText(method.contract, method.described);
    return [
      ...signatureLines(contract, method.contract),
      ...docLines(contract, method.contract),
      ...(options.length === 0 ? [] : [`  ${options.join(gap)}`]),
      ...exampleLines(method.example),
    ];
  });
  return printed([
    heading,
    ...(doc === "" ? [] : indented(doc)),
    ...faultLines(contract),
    ...blocks.flatMap((block) => ["", ...block]),
    ...(types.length === 0 ? [] : ["", "types", ...types]),
  ]);
}

/** What comes from a server is printed, and never obeyed by a terminal. */
function printed(lines: readonly string[]): string {
  return lines
    .flatMap((line) => line.split("\n"))
    .map((line) => printable(line.replaceAll("\t", "  "), Number.POSITIVE_INFINITY))
    .join("\n");
}
