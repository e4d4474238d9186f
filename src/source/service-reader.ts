import ts from "typescript";
import type { MethodContract, ServiceContract } from "../contract/contract.ts";
import { namesReached, serviceTypes } from "../contract/types.ts";
import { hiddenOf, readClass, readMembers } from "./class-reader.ts";
import { docOf } from "./docs.ts";
import { readFaults } from "./faults.ts";
import type { Natives } from "./natives.ts";
import { exportsOf, resolved } from "./service-finder.ts";
import type { FoundService } from "./service-finder.ts";
import { TypeReader } from "./type-reader.ts";

/** Exports by name. */
export type Exports = ReadonlyMap<string, ts.Symbol>;

/** A service, and its methods that are not to be served: undefined when its class is not certain. */
export interface ReadService {
  readonly contract: ServiceContract | undefined;
  readonly hidden: readonly string[] | undefined;
}

/** The type `FooFaults` among exports. */
function faultsType(
  name: string,
  exported: Exports,
  checker: ts.TypeChecker,
): ts.Symbol | undefined {
  const symbol = exported.get(`${name}Faults`);
  const target = symbol === undefined ? undefined : resolved(symbol, checker);
  return target !== undefined && (target.flags & ts.SymbolFlags.Type) !== 0 ? target : undefined;
}

function assemble(
  name: string,
  doc: string | undefined,
  methods: readonly MethodContract[],
  faultsFrom: readonly Exports[],
  reader: TypeReader,
): ServiceContract {
  const symbol = faultsFrom
    .map((exported) => faultsType(name, exported, reader.checker))
    .find((found) => found !== undefined);
  const faults = symbol === undefined ? [] : readFaults(symbol, reader);
  const contract = {
    name,
    ...(doc === undefined ? {} : { doc }),
    methods,
    ...(faults.length === 0 ? {} : { faults }),
  };
  // Types of what turned out to have no end are of no use to anybody.
  const types = reader.types();
  const used = namesReached(types, serviceTypes({ ...contract, types }));
  return {
    ...contract,
    types: Object.fromEntries(Object.entries(types).filter(([type]) => used.has(type))),
  };
}

/** Reads a service of a module. Whatever the compiler makes of it, this does not throw. */
export function readService(
  service: FoundService,
  exported: Exports,
  checker: ts.TypeChecker,
  natives: Natives,
): ReadService {
  const { node, isCertain } = service;
  const hidden = isCertain && node !== undefined ? hiddenOf(node, checker) : undefined;
  try {
    return { contract: contractOf(service, exported, checker, natives), hidden };
  } catch {
    // The compiler itself gives up on some source.
    return { contract: undefined, hidden };
  }
}

function contractOf(
  service: FoundService,
  exported: Exports,
  checker: ts.TypeChecker,
  natives: Natives,
): ServiceContract {
  const { name, node, type, symbol } = service;
  const reader = new TypeReader(checker, natives, [name]);
  const methods = node === undefined ? readMembers(type, reader) : readClass(node, type, reader);
  const classSymbol: ts.Symbol | undefined = type.symbol;
  const doc = docOf(classSymbol, checker) ?? docOf(symbol, checker);
  // A service that is only passed on may have its faults where its class is.
  const home = node === undefined ? undefined : checker.getSymbolAtLocation(node.getSourceFile());
  const places = home === undefined ? [exported] : [exported, exportsOf(home, checker)];
  return assemble(name, doc, methods, places, reader);
}

/** Reads the exported interfaces that have methods, each as a service. */
export function readInterfaces(
  exported: Exports,
  checker: ts.TypeChecker,
  natives: Natives,
): readonly ServiceContract[] {
  const found: ServiceContract[] = [];
  for (const [name, given] of exported) {
    const symbol = resolved(given, checker);
    if ((symbol.flags & ts.SymbolFlags.Interface) === 0) continue;
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const isService = checker
      .getPropertiesOfType(type)
      .some(({ flags }) => (flags & ts.SymbolFlags.Method) !== 0);
    if (!isService) continue;
    const reader = new TypeReader(checker, natives, [name]);
    const methods = readMembers(type, reader);
    found.push(assemble(name, docOf(symbol, checker), methods, [exported], reader));
  }
  return found;
}
