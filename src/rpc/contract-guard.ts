import type { Deadlines } from "../base/deadlines.ts";
import { GeeError } from "../base/errors.ts";
import type { Code } from "../base/errors.ts";
import { Fields, list, text } from "../base/fields.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { ServiceContract } from "../contract/contract.ts";
import type { ExpectedService } from "../contract/expected.ts";
import { parseServiceContract } from "../contract/parse.ts";
import type { ServiceFacts } from "../wire/hello.ts";
import type { Connection } from "./connection.ts";
import { askOn } from "./question.ts";

/** Of a server's methods those that do not fit, by `Service.Method`, each with why. */
type Verdict = ReadonlyMap<string, string>;

const allFits: Verdict = new Map();

/** Contracts of servers that are remembered; one fleet has two or three of a service. */
const maxVerdicts = 256;

/** A failed question that may be answered another time. */
const passingCodes: ReadonlySet<Code> = new Set([
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "CANCELLED",
  "RESOURCE_EXHAUSTED",
]);

/** The contract in what `gee.Reflection.Describe` answers. @throws GeeError, SyntaxError */
function describedContract(answer: unknown): ServiceContract {
  const [contract] = list(1, (value, path) =>
    new Fields(value, path).need("contract", text(Number.POSITIVE_INFINITY, /^[^]*$/)),
  )(answer, "answer");
  return parseServiceContract(JSON.parse(contract ?? "null"), "answer[0].contract");
}

/** What a server's hello says of a service. */
function factsOf({ hello }: Connection, { name }: ServiceContract): ServiceFacts | undefined {
  return hello?.services.get(name);
}

/**
 * Keeps a client that was built against a contract from calling what has become something else. It
 * looks at what each server says in its hello. Where the hashes differ it asks that server what it
 * serves, once for each contract that it meets, before anybody calls it; methods that break the client
 * are then refused here. What cannot be compared is called: not to know is no mismatch.
 */
export class ContractGuard {
  readonly #contracts: readonly ServiceContract[];
  readonly #deadlines: Deadlines;
  readonly #log: Log;
  /** What compares them is loaded when there is something to compare: most clients never do. */
  #expected: Promise<readonly ExpectedService[]> | undefined;
  /** What was found, by service and the hash of what is served; the oldest first. */
  readonly #verdicts: Map<string, Verdict> = new Map();
  /** Questions under way; undefined when there was no answer. */
  readonly #asking: Map<string, Promise<Verdict | undefined>> = new Map();
  /** The connections on which something is refused. */
  readonly #refused: Map<Connection, Verdict> = new Map();
  /** Services of which it was said that they cannot be compared. */
  readonly #warned: Set<string> = new Set();

  constructor(contracts: readonly ServiceContract[], deadlines: Deadlines, log: Log) {
    this.#contracts = contracts;
    this.#deadlines = deadlines;
    this.#log = log;
  }

  /**
   * Looks at a connection on which the server has said its hello. To be awaited before it is used, when
   * there is something to await. Never rejects.
   */
  greeted(connection: Connection): Promise<void> | undefined {
    const hasHash = this.#contracts.some(
      (contract) => factsOf(connection, contract)?.contract !== undefined,
    );
    return hasHash ? this.#judge(connection) : undefined;
  }

  async #load(): Promise<readonly ExpectedService[]> {
    const { ExpectedService: Expected } = await import("../contract/expected.ts");
    return this.#contracts.map((contract) => new Expected(contract));
  }

  async #judge(connection: Connection): Promise<void> {
    const expected = await (this.#expected ??= this.#load());
    const verdicts = await Promise.all(
      expected.map((service) => {
        const facts = factsOf(connection, service.contract);
        if (facts?.contract === undefined || service.isIn(facts)) return allFits;
        return this.#verdict(connection, service, facts.contract);
      }),
    );
    const refused: Verdict = new Map(verdicts.flatMap((verdict) => [...verdict]));
    if (refused.size === 0) return;
    this.#refused.set(connection, refused);
    void connection.closedPromise.then(() => this.#refused.delete(connection));
  }

  async #verdict(
    connection: Connection,
    expected: ExpectedService,
    hash: string,
  ): Promise<Verdict> {
    const key = `${expected.contract.name} ${hash}`;
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
    expected: ExpectedService,
    key: string,
  ): Promise<Verdict | undefined> {
    const { name } = expected.contract;
    let verdict: Verdict;
    try {
      const answer = await askOn(connection, this.#deadlines, {
        method: "gee.Reflection.Describe",
        args: [name],
        timeoutMs: limits.helloTimeoutMs,
      });
      verdict = expected.brokenBy(describedContract(answer));
    } catch (thrown) {
      const error = GeeError.from(thrown);
      this.#warn(connection, name, error);
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
