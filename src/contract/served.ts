import type { MethodContract, ModuleContract, ServiceContract } from "./contract.ts";
import { namesReached, serviceTypes } from "./types.ts";

type Names = Readonly<Record<string, readonly string[]>>;

/** What own fields of that name hold, taken together; undefined when there is none. */
function under(records: readonly Names[], name: string): readonly string[] | undefined {
  const found = records.filter((record) => Object.hasOwn(record, name));
  return found.length === 0 ? undefined : found.flatMap((record) => record[name] ?? []);
}

/** What a server serves of what its source says, and which methods the source keeps from callers. */
export interface Served {
  readonly contract: ServiceContract;
  /** Methods that must not be served. */
  readonly hidden: ReadonlySet<string>;
}

/**
 * Holds the methods that an instance has against what was read of its modules.
 *
 * A method is hidden when the source marks it private or protected: in the service's class; when that
 * class is not known for certain, in the classes of `className`; when there is no such class, in any
 * class in sight, because a method too few is an error that is seen and a private one too many is not.
 * For the same reason a method is hidden that a class known for certain does not show: nobody can say
 * what it is marked as.
 * So is, when it is not certain, one that any class in sight marks.
 *
 * The contract has the remaining methods, in the source's order, and after them those of which the
 * source says nothing, without a signature; and the types that the methods and the faults use.
 */
export function servedContract(
  modules: readonly ModuleContract[],
  service: string,
  className: string,
  methods: readonly string[],
): Served {
  const marks = modules.map((module) => module.marks);
  const read = modules.flatMap((module) => module.services).find(({ name }) => name === service);
  const certain = under(
    modules.map((module) => module.hidden),
    service,
  );
  const marked = marks.flatMap((classes) => Object.values(classes).flat());
  const hidden = new Set(certain ?? under(marks, className) ?? marked);
  // A method that its class got when it ran, by Object.assign or a mixin, is another class's.
  const declared = new Set(read?.methods.map(({ name }) => name));
  for (const method of methods) {
    if (read === undefined || declared.has(method)) continue;
    if (certain !== undefined || marked.includes(method)) hidden.add(method);
  }
  const shown = new Set(methods.filter((method) => !hidden.has(method)));
  const known = (read?.methods ?? []).filter((method) => shown.has(method.name));
  const names = new Set(known.map((method) => method.name));
  const why = read === undefined ? "its source was not read" : "it was not found in the source";
  const contract: ServiceContract = {
    ...(read ?? { types: {} }),
    name: service,
    methods: [
      ...known,
      ...[...shown]
        .filter((name) => !names.has(name))
        .map((name): MethodContract => ({ name, signatures: [], why })),
    ],
  };
  const used = namesReached(contract.types, serviceTypes(contract));
  const types = Object.entries(contract.types).filter(([name]) => used.has(name));
  return { contract: { ...contract, types: Object.fromEntries(types) }, hidden };
}

/**
 * Whether the class of a service is in sight at all, so that its marks are known. A class without a
 * name is taken for one of those that are.
 */
export function isInSight(
  modules: readonly ModuleContract[],
  service: string,
  className: string,
): boolean {
  const marks = modules.map((module) => module.marks);
  return (
    modules.some(({ hidden }) => Object.hasOwn(hidden, service)) ||
    (className === ""
      ? marks.some((classes) => Object.keys(classes).length > 0)
      : under(marks, className) !== undefined)
  );
}
