import { Fields, word } from "../base/fields.ts";
import { GeeError } from "../base/errors.ts";
import { nearest } from "../base/names.ts";
import { systemClock } from "../base/time.ts";
import { connect, type ConnectOptions, type Gee } from "../client.ts";
import { errorFields } from "./output.ts";
import { within } from "./within.ts";

type Member = Awaited<ReturnType<Gee["members"]>>[number];

/** What a registry answered. */
export interface RegistryPing {
  readonly url: string;
  readonly ok: boolean;
  /** Of asking for the list. */
  readonly roundTripMs: number | null;
  readonly error: Readonly<Record<string, unknown>> | null;
}

/** An instance that is not well, and why. */
export interface Trouble {
  readonly id: string | null;
  readonly address: string;
  readonly state: string;
  readonly why: string;
}

/** What the instances of a service answered, or the server at an address. */
export interface ServicePing {
  /** A service's name, or an address. */
  readonly name: string;
  /** Those that are up and do not drain: all of them are to be well. */
  readonly instances: number;
  readonly ok: number;
  readonly draining: number;
  readonly suspect: number;
  /** The median of a few round trips to each that answered; null when none did. */
  readonly p50Ms: number | null;
  readonly troubles: readonly Trouble[];
}

/** What one look at everything has shown. */
export interface PingRound {
  readonly registries: readonly RegistryPing[];
  readonly services: readonly ServicePing[];
  /** Why it is not all well; undefined when it is. */
  readonly failure: GeeError | undefined;
  /** Nobody could be reached that should be asked. */
  readonly unreachable: boolean;
}

/** What is looked at. */
export interface PingRequest {
  readonly options: ConnectOptions;
  /** Undefined: all of them. */
  readonly service: string | undefined;
  readonly timeoutMs: number;
}

const healthMethod = "gee.Health.Check";
/** Round trips to each instance, behind the one that opens the connection. */
const trips = 5;
/** Instances that are asked at once. */
const atOnce = 64;

const statusOf = word("SERVING", "NOT_SERVING", "SERVICE_UNKNOWN");

/** What an instance said of one service. */
interface Answer {
  readonly member: Member;
  readonly name: string;
  readonly trips: readonly number[];
  readonly error: GeeError | undefined;
}

function toList(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** Looks at the registries, or without any at the servers that were named, and at what they lead to. */
export async function pingRound(request: PingRequest): Promise<PingRound> {
  const { options, timeoutMs } = request;
  const addresses = toList(options.address);
  const registries = await Promise.all(
    toList(options.registry).map((url) => pingRegistry(url, options, timeoutMs)),
  );
  if (addresses.length === 0 && !registries.some(({ ping }) => ping.ok)) {
    const [first] = registries;
    return {
      registries: registries.map(({ ping }) => ping),
      services: [],
      failure: first?.error,
      unreachable: true,
    };
  }
  const round = await pingServers(request, addresses);
  const away = registries.find(({ ping }) => !ping.ok);
  return {
    ...round,
    registries: registries.map(({ ping }) => ping),
    failure: round.failure ?? away?.error,
  };
}

async function pingRegistry(
  url: string,
  { registryToken, log }: ConnectOptions,
  timeoutMs: number,
): Promise<{ readonly ping: RegistryPing; readonly error: GeeError | undefined }> {
  const settings: ConnectOptions = { registry: url, registryToken, ...(log ? { log } : {}) };
  const ask = async (): Promise<number> => {
    await using gee = connect(settings);
    const startedAt = systemClock.now();
    await within(timeoutMs, `no answer of ${url}`, gee.members());
    return systemClock.now() - startedAt;
  };
  try {
    // The first one finds out that there is a way, and the second how long it is.
    await ask();
    const roundTripMs = await ask();
    return { ping: { url, ok: true, roundTripMs, error: null }, error: undefined };
  } catch (thrown) {
    const error = GeeError.from(thrown);
    return { ping: { url, ok: false, roundTripMs: null, error: errorFields(error) }, error };
  }
}

async function pingServers(
  { options, service, timeoutMs }: PingRequest,
  addresses: readonly string[],
): Promise<Omit<PingRound, "registries">> {
  await using gee = connect({ ...options, drainTimeoutMs: 0 });
  const list = await within(timeoutMs, "no answer", gee.members());
  const members = list.filter(({ state }) => state !== "left");
  const byAddress = addresses.length > 0;
  const named = members.flatMap(({ services }) => services ?? []);
  const names = service === undefined ? [...new Set(named)].sort() : [service];
  const answers = await inTurns(members, async (member) => {
    if (!byAddress) return await pingMember(gee, member, servedOf(member, names), timeoutMs);
    // Each by a client of its own: of several addresses one client would choose one.
    await using one = connect({ ...options, address: member.address, drainTimeoutMs: 0 });
    const asked = [[service ?? member.address, service]] as const;
    return await pingMember(one, member, asked, timeoutMs);
  });
  const all = answers.flat();
  const rows = byAddress && service === undefined ? members.map(({ address }) => address) : names;
  const services = rows.map((name) => servicePing(name, all));
  const failures = all.flatMap(({ error }) => error ?? []);
  if (byAddress && failures.length === all.length && failures.every(isUnreachable)) {
    return { services, failure: failures[0], unreachable: true };
  }
  if (!byAddress && all.length === 0) return nobody(service, named, services);
  return { services, failure: failureOf(services), unreachable: false };
}

/** The services of a member that are to be asked for. */
function servedOf(
  { services = [] }: Member,
  names: readonly string[],
): readonly (readonly [name: string, service: string])[] {
  return names.filter((name) => services.includes(name)).map((name) => [name, name] as const);
}

/** Whether nobody was there; a server that says that it takes no calls is. */
function isUnreachable({ code, reason }: GeeError): boolean {
  if (reason === "NOT_SERVING" || reason === "DRAINING") return false;
  return code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED";
}

function nobody(
  service: string | undefined,
  known: readonly string[],
  services: readonly ServicePing[],
): Omit<PingRound, "registries"> {
  if (service === undefined) {
    const failure = new GeeError("UNAVAILABLE", "no server is registered", { executed: "no" });
    return { services, failure, unreachable: false };
  }
  const meant = nearest(service, new Set(known));
  const failure = new GeeError("UNAVAILABLE", `no server of ${service} is registered`, {
    reason: "NO_SERVER",
    executed: "no",
    hint: meant === undefined ? undefined : `did you mean ${meant}?`,
  });
  return { services: [], failure, unreachable: true };
}

/** Works on so many at once, and returns what came of each. */
async function inTurns<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

/** Asks one instance for each of some services. */
async function pingMember(
  gee: Gee,
  member: Member,
  asked: readonly (readonly [name: string, service: string | undefined])[],
  timeoutMs: number,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const [name, service] of asked) {
    const taken: number[] = [];
    let error: GeeError | undefined;
    // Who drains is on the way out, well or not.
    const count = stateOf(member) === "draining" ? 0 : trips + 1;
    for (let trip = 0; trip < count && error === undefined; trip++) {
      const startedAt = systemClock.now();
      const said = await check(gee, member, service, timeoutMs);
      taken.push(systemClock.now() - startedAt);
      if (said !== "unimplemented") error = said;
      // Such an answer is a trip as well, but for a client that knows it from the greeting.
      else if (member.services === undefined) break;
    }
    answers.push({ member, name, trips: taken.length > 1 ? taken.slice(1) : taken, error });
  }
  return answers;
}

async function check(
  gee: Gee,
  { id }: Member,
  service: string | undefined,
  timeoutMs: number,
): Promise<GeeError | "unimplemented" | undefined> {
  try {
    const answer = await gee.call(healthMethod, service === undefined ? [] : [service], {
      timeoutMs,
      maxAttempts: 1,
      ...(id === undefined ? {} : { to: id }),
    });
    const status = new Fields(answer, "answer").need("status", statusOf);
    if (status === "SERVING") return undefined;
    const text = status === "NOT_SERVING" ? "it takes no calls" : `it does not serve ${service}`;
    return new GeeError("UNAVAILABLE", text, { reason: "NOT_SERVING" });
  } catch (thrown) {
    const error = GeeError.from(thrown);
    return error.code === "UNIMPLEMENTED" ? "unimplemented" : error;
  }
}

function stateOf({ state, draining }: Member): string {
  return draining && state === "up" ? "draining" : state;
}

function servicePing(name: string, answers: readonly Answer[]): ServicePing {
  const own = answers.filter((answer) => answer.name === name);
  const inState = (state: string): readonly Answer[] =>
    own.filter(({ member }) => stateOf(member) === state);
  const up = inState("up");
  const wells = own.flatMap((answer) => (answer.error === undefined ? answer.trips : []));
  return {
    name,
    instances: up.length,
    ok: up.filter(({ error }) => error === undefined).length,
    draining: inState("draining").length,
    suspect: inState("suspect").length,
    p50Ms: medianOf(wells),
    troubles: own.flatMap(({ member, error }) =>
      error === undefined
        ? []
        : [
            {
              id: member.id ?? null,
              address: member.address,
              state: stateOf(member),
              why: error.message,
            },
          ],
    ),
  };
}

function medianOf(values: readonly number[]): number | null {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? null;
}

function failureOf(services: readonly ServicePing[]): GeeError | undefined {
  const bad = services.find(({ ok, instances }) => ok < instances || instances === 0);
  if (bad === undefined) return undefined;
  const { name, ok, instances } = bad;
  const text =
    instances === 0
      ? `${name} has no instance that takes new calls`
      : `${instances - ok} of ${instances} instances of ${name} ${instances - ok === 1 ? "is" : "are"} not well`;
  return new GeeError("UNAVAILABLE", text, { reason: "NOT_WELL", executed: "no" });
}
