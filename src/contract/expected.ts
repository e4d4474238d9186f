import { compareServices } from "./compare.ts";
import type { ServiceContract } from "./contract.ts";
import { methodHash, serviceHash } from "./hash.ts";

/** What a server says of a service by hashes; a hash is absent while none is known. */
export interface HashedService {
  readonly contract?: string | undefined;
  readonly methods: ReadonlyMap<string, { readonly hash?: string | undefined }>;
}

/** Differences of one method that are named; the others are counted. */
const maxNamed = 3;

function told(name: string, texts: readonly string[]): string {
  const named = texts
    .slice(0, maxNamed)
    .map((text) => text.replace(`${name}: `, "").replace(`${name} `, "it "));
  const more = texts.length - named.length;
  return `${named.join("; ")}${more === 0 ? "" : `; and ${more} more`}`;
}

/** A service as its callers were built against it. */
export class ExpectedService {
  readonly contract: ServiceContract;
  readonly #hash: string;
  readonly #methods: ReadonlyMap<string, string>;

  constructor(contract: ServiceContract) {
    this.contract = contract;
    this.#hash = serviceHash(contract);
    this.#methods = new Map(
      contract.methods.map((method) => [method.name, methodHash(contract, method)]),
    );
  }

  /** Whether nothing that is expected is known to be another, by the hashes alone. */
  isIn({ contract, methods }: HashedService): boolean {
    if (contract === undefined || contract === this.#hash) return true;
    for (const [name, hash] of this.#methods) {
      if (methods.get(name)?.hash !== hash) return false;
    }
    return true;
  }

  /** What breaks its callers in what is served now: by `Service.Method`, for people. */
  brokenBy(now: ServiceContract): ReadonlyMap<string, string> {
    const broken = new Map<string, string[]>();
    for (const { method, breaks, text } of compareServices(this.contract, now)) {
      if (!breaks) continue;
      const name = `${this.contract.name}.${method}`;
      const texts = broken.get(name);
      if (texts === undefined) broken.set(name, [text]);
      else texts.push(text);
    }
    return new Map([...broken].map(([name, texts]) => [name, told(name, texts)]));
  }
}
