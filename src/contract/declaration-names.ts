import { bytesNames } from "./contract.ts";
import type { ServiceContract } from "./contract.ts";
import { typeHashes } from "./hash.ts";
import { libraryNames } from "./library-names.ts";
import { namesReached, serviceTypes } from "./types.ts";

/** Words that no parameter can be called. */
const words = [
  ..."break case catch class const continue debugger default delete do else enum export".split(" "),
  ..."extends false finally for function if import in instanceof new null return super".split(" "),
  ..."switch this throw true try typeof var void while with implements interface let".split(" "),
  ..."package private protected public static yield await arguments eval".split(" "),
];

/** Words that mean something of their own where a type stands. */
const typeWords = [
  ..."any unknown never string number bigint boolean symbol object undefined keyof infer".split(
    " ",
  ),
  ..."unique readonly asserts is abstract intrinsic".split(" "),
];

/** What the declarations themselves speak of. */
const globals = ["Array", "AsyncIterable", "Date", "Fault", "Promise", "Services", ...bytesNames];

const reservedWords: ReadonlySet<string> = new Set(words);
const reservedTypes: ReadonlySet<string> = new Set([...words, ...typeWords, ...globals]);

/** Whether a parameter cannot be called so. */
export function isReservedWord(name: string): boolean {
  return reservedWords.has(name);
}

/** A name without what no name has: `gee.Health` is `GeeHealth`, `Page<User>` is `PageUser`. */
function identifierOf(name: string): string {
  const parts = name.split(/[^\p{ID_Continue}$]+/u).filter((part) => part !== "");
  const joined = parts.length === 1 ? (parts[0] ?? "") : parts.map(capital).join("");
  return /^[\p{ID_Start}$_]/u.test(joined) ? joined : `_${joined}`;
}

function capital(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

interface NamedIn {
  readonly service: ServiceContract;
  readonly name: string;
}

/**
 * What services and their types are called when they are declared in one text. A service keeps its
 * name; a type keeps its own when no other type or service has it, and types of several services that
 * are made alike are one; else it gets the name of its service in front. The same services have the
 * same names each time.
 */
export class DeclarationNames {
  readonly #taken = new Set<string>(reservedTypes);
  readonly #services = new Map<ServiceContract, string>();
  readonly #faults = new Map<ServiceContract, string>();
  readonly #aliases = new Map<ServiceContract, string>();
  readonly #types = new Map<ServiceContract, Map<string, string>>();

  constructor(services: readonly ServiceContract[]) {
    this.#nameServices(services);
    const byName = new Map<string, Map<string, NamedIn[]>>();
    for (const service of services) {
      this.#types.set(service, new Map());
      const hashes = typeHashes(service.types);
      for (const name of namesReached(service.types, serviceTypes(service))) {
        const own = identifierOf(name);
        const kinds = byName.get(own) ?? new Map<string, NamedIn[]>();
        byName.set(own, kinds);
        const hash = hashes.of({ kind: "ref", name });
        kinds.set(hash, [...(kinds.get(hash) ?? []), { service, name }]);
      }
    }
    // Those that keep their names first, so that no made-up name takes one of theirs.
    const rivals: (readonly [name: string, alike: readonly NamedIn[]])[] = [];
    for (const [name, kinds] of byName) {
      const [only = []] = kinds.values();
      if (kinds.size === 1 && !this.#taken.has(name)) this.#nameTypes(name, only);
      else for (const alike of kinds.values()) rivals.push([name, alike]);
    }
    for (const [name, alike] of rivals) {
      const first = alike[0];
      if (first === undefined) continue;
      const front = capital(identifierOf(first.service.name));
      this.#nameTypes(this.#free(front + capital(name)), alike);
    }
  }

  /** What a service's interface is called. */
  service(service: ServiceContract): string {
    return this.#services.get(service) ?? "unknown";
  }

  /** What a service's interface is called besides when the library has something of that name. */
  alias(service: ServiceContract): string | undefined {
    return this.#aliases.get(service);
  }

  /** What the union of a service's faults is called. */
  faults(service: ServiceContract): string {
    return this.#faults.get(service) ?? "never";
  }

  /** What a named type of a service is called; undefined for a name that stands for no type. */
  type(service: ServiceContract, name: string): string | undefined {
    return this.#types.get(service)?.get(name);
  }

  /** A further name that nothing has. */
  #free(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#taken.has(name) || libraryNames.has(name); count++) {
      name = `${wanted}${count}`;
    }
    this.#taken.add(name);
    return name;
  }

  #nameServices(services: readonly ServiceContract[]): void {
    const isItsOwn = ({ name }: ServiceContract): boolean =>
      identifierOf(name) === name && !reservedTypes.has(name);
    for (const service of services.filter(isItsOwn)) {
      this.#taken.add(service.name);
      this.#services.set(service, service.name);
    }
    for (const service of services.filter((one) => !isItsOwn(one))) {
      const own = identifierOf(service.name);
      const wanted = reservedTypes.has(own) ? `${capital(own)}Service` : own;
      this.#services.set(service, this.#free(wanted));
    }
    for (const service of services) {
      const own = this.service(service);
      if (libraryNames.has(own)) this.#aliases.set(service, this.#free(`${own}Service`));
      if ((service.faults ?? []).length > 0) this.#faults.set(service, this.#free(`${own}Faults`));
    }
  }

  #nameTypes(name: string, types: readonly NamedIn[]): void {
    this.#taken.add(name);
    for (const one of types) this.#types.get(one.service)?.set(one.name, name);
  }
}
