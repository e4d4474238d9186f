import type {
  ModuleContract,
  ServiceContract,
  Signature,
  TypeNode,
} from "../../src/contract/contract.ts";
import { parseModuleContract } from "../../src/contract/parse.ts";
import { extractModules } from "../../src/source/extract.ts";
import type { SourceHost } from "../../src/source/host.ts";
import { memoryHost } from "./source-host.ts";

/** What is read of the first of some files, as it comes out of the process that reads. */
export function readModule(
  files: string | Readonly<Record<string, string>>,
  own: Partial<SourceHost> = {},
): ModuleContract {
  const all = typeof files === "string" ? { "/m/a.ts": files } : files;
  const [module] = extractModules(Object.keys(all).slice(0, 1), memoryHost(all, own));
  return parseModuleContract(JSON.parse(JSON.stringify(module)));
}

/** A service of a module, by its name. */
export function serviceIn(module: ModuleContract, name = "Foo"): ServiceContract {
  const service = module.services.find((found) => found.name === name);
  if (service === undefined) {
    throw new Error(`no ${name}, but ${module.services.map((found) => found.name).join(", ")}`);
  }
  return service;
}

/** A type in a few letters, for tests that are not about types. */
export function shortType(type: TypeNode): string {
  switch (type.kind) {
    case "unknown":
      return type.why === undefined ? "?" : `?(${type.why})`;
    case "ref":
      return type.name;
    case "literal":
      return JSON.stringify(type.value);
    case "array":
      return `${shortType(type.items)}[]`;
    case "tuple":
      return `[${type.items.map((item) => shortType(item.type)).join(", ")}]`;
    case "union":
      return type.of.map(shortType).join(" | ");
    case "bytes":
      return type.name;
    case "object":
      return `{ ${type.fields.map((field) => `${field.name}${field.optional === true ? "?" : ""}: ${shortType(field.type)}`).join("; ")} }`;
    default:
      return type.kind;
  }
}

/** A signature in a few letters; streams have a `~`. */
export function shortSignature({ parameters, result, stream }: Signature): string {
  const each = parameters.map(
    (one) =>
      (one.rest === true ? "..." : "") +
      one.name +
      (one.optional === true ? "?: " : ": ") +
      (one.stream === true ? "~" : "") +
      shortType(one.type) +
      (one.default === undefined ? "" : ` = ${one.default}`),
  );
  return `(${each.join(", ")}) => ${stream === true ? "~" : ""}${shortType(result)}`;
}

/** The methods of a service, each in a few letters. */
export function shortMethods(service: ServiceContract): Readonly<Record<string, string>> {
  return Object.fromEntries(
    service.methods.map(({ name, signatures, why }) => [
      name,
      why ?? signatures.map(shortSignature).join(" & "),
    ]),
  );
}
