import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import { Fields, list, text } from "../base/fields.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { compareServices } from "../contract/compare.ts";
import type { ServiceContract } from "../contract/contract.ts";
import { methodHash, serviceHash } from "../contract/hash.ts";
import { parseServiceContract } from "../contract/parse.ts";
import type { ServiceFacts } from "../wire/hello.ts";
import type { Connection } from "./connection.ts";
import { askOn } from "./question.ts";

/** A service as this client was built against it. */
interface Expected {
  readonly contract: ServiceContract;
  readonly hash: string;
  /** The hash of each method. */
  readonly methods: ReadonlyMap<string, string>;
}

/** Of a server's methods those that do not fit, by `Service.Method`, each with why. */
type Verdict = ReadonlyMap<string, string>;

const allFits: Verdict = new Map();

/** Contracts of servers that are remembered; one fleet has two or three of a service. */
const maxVerdicts = 256;

/** Differences that an error names; the others are counted. */
const maxNamed = 3;

/** A failed question that may be answered another time. */
const passingCodes: ReadonlySet<Code> = new Set([
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "CANCELLED",
  "RESOURCE_EXHAUSTED",
]);

/**
 * Reads what a client was built against: one contract, or several.
 *
 * @throws GeeError INVALID_ARGUMENT, naming the field
 */
export function parseContracts(value: unknown): readonly ServiceContract[] {
  const contracts = Array.isArray(value)
    ? list(limits.maxServices, parseServiceContract)(value, "contract")
    : [parseServiceContract(value, "contract")];
  const names = new Set<string>();
  for (const [index, { name }] of contracts.entries()) {
    if (names.has(name)) {
      throw new GeeError("INVALID_ARGUMENT", `contract[${index}].name: ${name} is there twice`, {
        executed: "no",
      });
    }
    names.add(name);
  }
  return contracts;
}

function expectedOf(contract: ServiceContract): Expected {
  const methods = contract.methods.map(
    (method) => [method.name, methodHash(contract, method)] as const,
  );
  return { contract, hash: serviceHash(contract), methods: new Map(methods) };
}

/** Whether all that is expected of a service is there as it is expected, by the hashes alone. */
function isSame(expected: Expected, { contract, methods }: ServiceFacts): boolean {
  if (contract === undefined || contract === expected.hash) return true;
  for (const [name, hash] of expected.methods) {
    if (methods.get(name)?.hash !== hash) return false;
  }
  return true;
}

/** The contract in what `gee.Reflection.Describe` answers. @throws GeeError, SyntaxError */
function describedContract(answer: unknown): ServiceContract {
  const [contract] = list(1, (value, path) =>
    new Fields(value, path).need("contract", text(Number.POSITIVE_INFINITY, /^[^]*$/)),
  )(answer, "answer");
  return parseServiceContract(JSON.parse(contract ?? "null"), "answer[0].contract");
}

/** What is in the way of callers that were built against `before`, method by method. */
function verdictOn(before: ServiceContract, now: ServiceContract): Verdict {
  const broken = new Map<string, string[]>();
  for (const { method, breaks, text: difference } of compareServices(before, now)) {
    if (!breaks) continue;
    const name = `${before.name}.${method}`;
    const texts = broken.get(name);
    if (texts === undefined) broken.set(name, [difference]);
    else texts.push(difference);
  }
  return new Map([...broken].map(([name, texts]) => [name, told(name, texts)]));
}

function told(name: string, texts: readonly string[]): string {
  const named = texts
    .slice(0, maxNamed)
    .map((difference) => difference.replace(`${name}: `, "").replace(`${name} `, "it "));
  const more = texts.length - named.length;
  return `${named.join("; ")}${more === 0 ? "" : `; and ${more} more`}`;
}

/**
 * Keeps a client that was built against a contract from calling what has become something else. It
 * looks at what each server says in its hello. Where the hashes differ it asks that server what it
 * serves, once for each contract that it meets, before anybody calls it; methods that break the client
 * are then refused here. What cannot be compared is called: not to know is no mismatch.
 */
export class ContractGuard {
  readonly #expected: readonly Expected[];
  readonly #deadlines: Deadlines;
  readonly #log: Log;
  /** What was found, by service and the hash of what is served; the oldest first. */
  readonly #verdicts: Map<string, Verdict> = new Map();
  /** Questions under way; undefined when there was no answer. */
  readonly #asking: Map<string, Promise<Verdict | undefined>> = new Map();
  /** The connections on which something is refused. */
  readonly #refused: Map<Connection, Verdict> = new Map();
  /** Services of which it was said that they cannot be compared. */
  readonly #warned: Set<string> = new Set();

  constructor(contracts: readonly ServiceContract[], deadlines: Deadlines, log: Log) {
    this.#expected = contracts.map(expectedOf);
    this.#deadlines = deadlines;
    this.#log = log;
  }

  /**
   * Looks at a connection on which the server has said its hello. To be awaited before it is used, when
   * there is something to await. Never rejects.
   */
  greeted(connection: Connection): Promise<void> | undefined {
    const doubtful = this.#expected.filter((expected) => {
      const facts = connection.hello?.services.get(expected.contract.name);
      return facts !== undefined && !isSame(expected, facts);
    });
    return doubtful.length === 0 ? undefined : this.#judge(connection, doubtful);
  }

  async #judge(connection: Connection, doubtful: readonly Expected[]): Promise<void> {
    const verdicts = await Promise.all(
      doubtful.map((expected) => this.#verdict(connection, expected)),
    );
    const refused: Verdict = new Map(verdicts.flatMap((verdict) => [...verdict]));
    if (refused.size === 0) return;
    this.#refused.set(connection, refused);
    void connection.closedPromise.then(() => this.#refused.delete(connection));
  }

  async #verdict(connection: Connection, expected: Expected): Promise<Verdict> {
    const { name } = expected.contract;
    const key = `${name} ${connection.hello?.services.get(name)?.contract ?? ""}`;
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const underWay = this.#asking.get(key);
    if (underWay !== undefined) {
      const verdict = await underWay;
      // Without an answer there every server is asked by itself: one that hangs must not speak for all.
      return verdict ?? (await this.#ask(connection, expected, key)) ?? allFits;
    }
    const asking = this.#ask(connection, expected, key);
    this.#asking.set(key, asking);
    const verdict = await asking;
    this.#asking.delete(key);
    return verdict ?? allFits;
  }

  async #ask(
    connection: Connection,
    { contract }: Expected,
    key: string,
  ): Promise<Verdict | undefined> {
    let verdict: Verdict;
    try {
      const answer = await askOn(connection, this.#deadlines, {
        method: "gee.Reflection.Describe",
        args: [contract.name],
        timeoutMs: limits.helloTimeoutMs,
      });
      verdict = verdictOn(contract, describedContract(answer));
    } catch (thrown) {
      const error = GeeError.from(thrown);
      this.#warn(connection, contract.name, error);
      if (passingCodes.has(error.code)) return undefined;
      verdict = allFits;
    }
    const [oldest] = this.#verdicts.keys();
    if (this.#verdicts.size >= maxVerdicts && oldest !== undefined) this.#verdicts.delete(oldest);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  #warn(connection: Connection, service: string, error: GeeError): void {
    if (this.#warned.has(service)) return;
    this.#warned.add(service);
    this.#log.warn("a server's contract differs and cannot be compared; its calls pass", {
      service,
      peer: connection.channel.link.peer,
      why: error.message,
    });
  }

  /** Why a method must not be called on a connection; undefined when it may. */
  refusal(connection: Connection, method: string): GeeError | undefined {
    const why = this.#refused.get(connection)?.get(method);
    if (why === undefined) return undefined;
    const { peer } = connection.channel.link;
    return new GeeError(
      "FAILED_PRECONDITION",
      `${method} of ${peer} is not what this client was built against: ${why}`,
      {
        reason: "CONTRACT_MISMATCH",
        executed: "no",
        hint: "gee types --check FILE says the same before a deploy",
      },
    );
  }
}
