import { printable } from "../base/log.ts";
import { GeeError } from "../base/errors.ts";
import { isOwnService, nearest } from "../base/names.ts";
import { systemClock } from "../base/time.ts";
import { connect, type Gee } from "../client.ts";
import type { ServiceContract } from "../contract/contract.ts";
import { parseDescribedService, type DescribedService } from "../contract/described.ts";
import { parseServiceContract } from "../contract/parse.ts";
import { connectOptions } from "./connecting.ts";
import type { Output } from "./output.ts";
import { tellAway } from "./registry-states.ts";
import type { Target } from "./values.ts";
import { within } from "./within.ts";

type Member = Awaited<ReturnType<Gee["members"]>>[number];

/** Instances that serve one and the same contract. */
export interface ContractGroup {
  /** The contract's hash; undefined while nobody knows it. */
  readonly hash: string | undefined;
  readonly instances: number;
}

/** What running servers say of a service. */
export interface RunningService {
  readonly described: DescribedService;
  readonly contract: ServiceContract;
  /** How many instances a registry knows, those first whose contract this is; none without one. */
  readonly groups: readonly ContractGroup[];
}

/** What {@link askServices} has to know. */
export interface AskOptions {
  readonly target: Target;
  /** For all of it. */
  readonly timeoutMs: number;
}

/** Of a large fleet as many as one of them is sure to be reached. */
const maxAddresses = 8;

/** Members by the contract that they have of a service, the most first, then the newest. */
export function groupsOf(members: readonly Member[], service: string): readonly Member[][] {
  const groups = new Map<string | undefined, Member[]>();
  for (const member of members) {
    const hash = member.contracts?.[service];
    const group = groups.get(hash);
    if (group === undefined) groups.set(hash, [member]);
    else group.push(member);
  }
  const usable = (group: readonly Member[]): number => group.filter(isUsable).length;
  const age = (group: readonly Member[]): number => Math.min(...group.map(({ ageMs }) => ageMs));
  return [...groups.values()].sort(
    (a, b) => usable(b) - usable(a) || b.length - a.length || age(a) - age(b),
  );
}

function isUsable({ state, draining }: Member): boolean {
  return state === "up" && !draining;
}

function nobodyServes(service: string, listed: Iterable<string>): GeeError {
  const near = nearest(service, new Set(listed));
  return new GeeError("UNAVAILABLE", `no server of ${service} is registered`, {
    reason: "NO_SERVER",
    executed: "no",
    hint: near === undefined ? "gee list shows what is there" : `did you mean ${near}?`,
  });
}

function hasNear(details: unknown): details is { readonly didYouMean: unknown } {
  return typeof details === "object" && details !== null && "didYouMean" in details;
}

/** A server without reflection, and one without the service, are told apart as `gee call` does. */
function asCallWould(thrown: unknown): GeeError {
  const error = GeeError.from(thrown);
  const { code, message, details } = error;
  const own = { reason: "NO_SUCH_METHOD", executed: "no" } as const;
  if (code === "NOT_FOUND") {
    const near = hasNear(details) ? details.didYouMean : undefined;
    const hint = typeof near === "string" ? `did you mean ${near}?` : error.hint;
    return new GeeError("UNIMPLEMENTED", message, { ...own, hint });
  }
  if (error.reason !== "NO_SUCH_METHOD") return error;
  return new GeeError("UNIMPLEMENTED", "the server does not tell what it serves", {
    ...own,
    hint: "it runs an older gee",
  });
}

function readAnswer(
  value: unknown,
): readonly { described: DescribedService; contract: ServiceContract }[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [];
  return all.map((one) => {
    try {
      const described = parseDescribedService(one);
      return { described, contract: parseServiceContract(JSON.parse(described.contract)) };
    } catch (thrown) {
      const why = printable(GeeError.from(thrown).message, 300);
      throw new GeeError("INTERNAL", `what the server says of itself cannot be read: ${why}`, {
        executed: "yes",
        cause: thrown,
      });
    }
  });
}

/** Asks servers for what they serve, each group of them over a client of its own. */
class Asking implements AsyncDisposable {
  readonly #clients = new Map<string, Gee>();
  readonly #output: Output;
  readonly #until: number;

  constructor(output: Output, timeoutMs: number) {
    this.#output = output;
    this.#until = systemClock.now() + timeoutMs;
  }

  /** What is left of the time. */
  get leftMs(): number {
    return Math.max(this.#until - systemClock.now(), 1);
  }

  #client(addresses: readonly string[]): Gee {
    const key = addresses.join(" ");
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = connect({ address: addresses, log: this.#output.log("error"), drainTimeoutMs: 0 });
      this.#clients.set(key, client);
    }
    return client;
  }

  async describe(
    addresses: readonly string[],
    service?: string,
  ): Promise<readonly { described: DescribedService; contract: ServiceContract }[]> {
    const args = service === undefined ? [] : [service];
    const options = { timeoutMs: this.leftMs, idempotent: true };
    let answer: unknown;
    try {
      answer = await this.#client(addresses).call("gee.Reflection.Describe", args, options);
    } catch (thrown) {
      throw asCallWould(thrown);
    }
    return readAnswer(answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#clients.values()].map((gee) => gee[Symbol.asyncDispose]()));
  }
}

/** Addresses of those that are asked, the usable ones first. */
function addressesOf(group: readonly Member[]): readonly string[] {
  const usable = group.filter(isUsable);
  const asked = usable.length > 0 ? usable : group;
  return asked.slice(0, maxAddresses).map(({ address }) => address);
}

/**
 * What running servers say of the services that are named, or of all there are, by name. Where several
 * instances have different contracts, it is the one that most of them have, or else the newest.
 *
 * @throws GeeError UNAVAILABLE when nobody serves one of them or nobody can be reached; UNIMPLEMENTED
 *   from an address where there is no such service; DEADLINE_EXCEEDED
 */
export async function askServices(
  names: readonly string[],
  { target, timeoutMs }: AskOptions,
  output: Output,
): Promise<readonly RunningService[]> {
  await using asking = new Asking(output, timeoutMs);
  if (target.kind === "address") {
    const found =
      names.length === 0
        ? await asking.describe(target.address)
        : (await Promise.all(names.map((name) => asking.describe(target.address, name)))).flat();
    return found.map((one) => ({ ...one, groups: [] }));
  }
  await using gee = connect(connectOptions({ target }, output));
  const listed = await within(asking.leftMs, "no answer", gee.members());
  const members = listed.filter(
    ({ state, services }) => state !== "left" && services !== undefined,
  );
  const all = [...new Set(members.flatMap(({ services }) => services ?? []))].sort();
  const found = await Promise.all(
    (names.length === 0 ? all : names).map(async (name): Promise<readonly RunningService[]> => {
      const own = isOwnService(name);
      const groups = groupsOf(
        members.filter(({ services }) => own || services?.includes(name) === true),
        name,
      );
      const [first] = groups;
      if (first === undefined) throw nobodyServes(name, all);
      const counted = groups.map((group) => ({
        hash: group[0]?.contracts?.[name],
        instances: group.length,
      }));
      const answer = await asking.describe(addressesOf(first), name);
      return answer.map((one) => ({ ...one, groups: counted }));
    }),
  );
  await tellAway(gee, { target }, output);
  return found.flat();
}
