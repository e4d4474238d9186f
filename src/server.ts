import { connect } from "./client.ts";
import { type Address, formatEndpoint, parseEndpoint } from "./base/address.ts";
import { limits } from "./base/limits.ts";
import { advertisedAddress, checkExposure, parseListen } from "./base/listening.ts";
import { type Log, stderrLog } from "./base/log.ts";
import { type Clock, systemClock } from "./base/time.ts";
import { announceAt } from "./discovery/announcer.ts";
import type { StartBeatThread } from "./discovery/beat-thread.ts";
import type { Heartbeat } from "./discovery/heartbeat.ts";
import { newInstanceId } from "./discovery/member.ts";
import { contractFacts, ownFacts } from "./discovery/own-facts.ts";
import type { OwnFacts } from "./discovery/own-facts.ts";
import { checkRegistryToken, parseRegistryUrls } from "./discovery/registry-url.ts";
import { maxConnections } from "./net/descriptors.ts";
import { listen, type Listener } from "./net/listen.ts";
import type { NestedCaller } from "./rpc/context.ts";
import type { Hosting } from "./rpc/hosting.ts";
import type { ServerInterceptor } from "./rpc/interceptors.ts";
import { NestedCalls } from "./rpc/nested-calls.ts";
import type { ContractOptions, ServedService, ServiceOptions } from "./rpc/service.ts";
import { disposeServices, hostServices } from "./server/hosted.ts";

/** Settings of {@link serve}. */
export interface ServeOptions extends OwnFacts, ContractOptions {
  /**
   * Instances by service name. Served are the methods of an instance's own class: public ones, no
   * accessors, none with a leading underscore, none that it inherits, none that the source marks as
   * private or protected as far as a `contract` says so. Names that begin with `gee.` are the server's
   * own. The server owns the instances: when it has stopped, it disposes those that can be disposed of.
   */
  readonly services: Readonly<Record<string, object>>;
  /** What there is to say of single methods: `{ Foo: { Sum: { idempotent: true } } }`. */
  readonly methods?: ServiceOptions | undefined;
  /** Registries to announce the server at, by URL. Default: none. */
  readonly registry?: string | readonly string[] | undefined;
  /**
   * The bearer token that is shown to every registry named, and to nobody else. Over plain http to
   * another machine it can be read on the way, which is worth a warning. Default: none.
   */
  readonly registryToken?: string | undefined;
  /** `tcp@HOST:PORT` (port 0: a free one) or `unix@/PATH`. Default `tcp@127.0.0.1:0`. */
  readonly listen?: string | undefined;
  /**
   * Where callers reach the server, `HOST`, `HOST:PORT` or a whole address, when that is not where
   * it listens. Required with a registry when it listens on every address.
   */
  readonly advertise?: string | undefined;
  /** Allows to listen beyond loopback without any protection. */
  readonly insecure?: boolean | undefined;
  /** Run around every handler, the first outermost. */
  readonly interceptors?: readonly ServerInterceptor[] | undefined;
  /**
   * Makes the calls that handlers make through `callContext()`. It stays its owner's. Default: a
   * client of the server's own, at the server's registries.
   */
  readonly client?: NestedCaller | undefined;
  /** Calls in flight on one connection. Default 1,024. */
  readonly maxInFlight?: number | undefined;
  /** Handlers that run at once. Default 10,000. */
  readonly maxRunningHandlers?: number | undefined;
  /** The largest message that is accepted, from 64 KiB to 64 MiB. Default 4 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /**
   * Age at which callers are asked to open another connection, give or take a tenth, so that
   * long-lived ones spread over new servers. Default 30 min; 0: never.
   */
  readonly maxConnectionAgeMs?: number | undefined;
  /** How long running handlers may take to finish when the server stops. Default 25 s. */
  readonly drainTimeoutMs?: number | undefined;
  /** How long new calls are still accepted then, only to be sent elsewhere. Default 1 s. */
  readonly lameDuckMs?: number | undefined;
  /** Beats from a thread of its own keep a busy server listed. Default: yes, unless with a `clock`. */
  readonly beatThread?: boolean | undefined;
  /** They end when the main loop has hung for so long, until it goes on. Default 60 s. */
  readonly hungAfterMs?: number | undefined;
  /** Where warnings and failures of handlers go. Default: stderr. */
  readonly log?: Log | undefined;
  /** For tests: time by hand. */
  readonly clock?: Clock | undefined;
}

/** A server at work. Disposing it stops it as `stop` does. */
export interface Server extends AsyncDisposable {
  /** Where callers reach it. */
  readonly address: Address;
  /** This start's id: 32 hex digits. */
  readonly id: string;
  readonly services: readonly ServedService[];
  /**
   * Resolves with the URL of the first registry that has taken the announcement; with undefined when
   * there is none to take it, or the server has stopped before. Never rejects.
   */
  readonly registered: Promise<string | undefined>;
  /** Calls that are being answered. */
  inFlight(): number;
  /** Callers that are connected. */
  connections(): number;
  /**
   * Stops without losing a call: withdraws from every registry, sends new calls elsewhere, accepts
   * nobody any more, lets what runs finish, and aborts what is left when its time is over. Resolves
   * when every connection was told its end and the services are disposed of; peers that take their
   * last bytes slowly have a second more. Further calls return the first one's promise.
   */
  stop(options?: {
    readonly drainTimeoutMs?: number | undefined;
    readonly lameDuckMs?: number | undefined;
  }): Promise<void>;
}

class RunningServer implements Server {
  readonly address: Address;
  readonly id: string;
  readonly services: readonly ServedService[];
  readonly registered: Promise<string | undefined>;
  readonly #options: ServeOptions;
  readonly #log: Log;
  readonly #hosting: Hosting;
  readonly #ownClient: NestedCalls;
  readonly #listener: Listener;
  readonly #heartbeat: Heartbeat | undefined;
  #stopped: Promise<void> | undefined;

  constructor(parts: {
    readonly options: ServeOptions;
    readonly clock: Clock;
    readonly log: Log;
    readonly id: string;
    readonly services: readonly ServedService[];
    readonly hosting: Hosting;
    readonly listener: Listener;
    readonly address: Address;
    readonly registries: readonly string[];
    readonly ownClient: NestedCalls;
    readonly startBeats: StartBeatThread | undefined;
  }) {
    const { address, clock, hosting, log, registries } = parts;
    const facts = { ...ownFacts(parts.options), ...contractFacts(parts.services) };
    this.#options = parts.options;
    this.#log = log;
    this.#hosting = hosting;
    this.#ownClient = parts.ownClient;
    this.#listener = parts.listener;
    this.address = address;
    this.services = parts.services;
    this.id = parts.id;
    this.#heartbeat = announceAt(registries, {
      token: parts.options.registryToken,
      inThread: parts.options.beatThread ?? parts.options.clock === undefined,
      startThread: parts.startBeats,
      hungAfterMs: parts.options.hungAfterMs,
      announcement: () => ({
        id: this.id,
        address,
        services: this.services.map(({ name }) => name),
        ...facts,
        load: hosting.running,
        draining: false,
      }),
      clock,
      log,
    });
    this.registered = this.#heartbeat?.registered() ?? Promise.resolve(undefined);
  }

  inFlight(): number {
    return this.#hosting.inFlight;
  }

  connections(): number {
    return this.#hosting.connections;
  }

  stop(options: Parameters<Server["stop"]>[0] = {}): Promise<void> {
    this.#stopped ??= this.#hosting.stop(
      {
        lameDuckMs: options.lameDuckMs ?? this.#options.lameDuckMs ?? limits.lameDuckMs,
        drainTimeoutMs:
          options.drainTimeoutMs ?? this.#options.drainTimeoutMs ?? limits.drainTimeoutMs,
      },
      {
        withdraw: async () => await this.#heartbeat?.withdraw(),
        stopListening: () => this.#listener.stop(),
        dispose: () => this.#dispose(),
      },
    );
    return this.#stopped;
  }

  async #dispose(): Promise<void> {
    await this.#ownClient[Symbol.asyncDispose]();
    await disposeServices(this.#options.services, this.#log);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Serves instances of plain classes, and resolves once callers can connect.
 *
 * @throws GeeError INVALID_ARGUMENT for a service, address, URL or fact that cannot be right (reason
 *   NOTHING_TO_SERVE, BAD_SERVICE, BAD_ADDRESS, BAD_URL, BAD_TOKEN); FAILED_PRECONDITION, reason INSECURE_BIND, beyond
 *   loopback without `insecure`; UNAVAILABLE, reason ADDRESS_IN_USE, ADDRESS_DENIED,
 *   ADDRESS_NOT_AVAILABLE or BIND_FAILED
 */
export async function serve(options: ServeOptions): Promise<Server> {
  return await serveBeaten(options);
}

/** {@link serve}, with beats that come from elsewhere than a thread of this process. */
export async function serveBeaten(
  options: ServeOptions,
  startBeats?: StartBeatThread,
): Promise<Server> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? stderrLog;
  const endpoint = parseListen(options.listen ?? "tcp@127.0.0.1:0");
  checkExposure(endpoint, options.insecure === true);
  const registries = parseRegistryUrls(options.registry ?? []);
  const { registryToken, zone } = options;
  ownFacts(options);
  checkRegistryToken(registries, registryToken, log);
  const ownClient = new NestedCalls(
    registries.length === 0
      ? undefined
      : () => connect({ registry: registries, registryToken, clock, log, zone }),
  );
  const id = newInstanceId();
  const { hosting, services } = hostServices(options, {
    clock,
    log,
    instance: id,
    nested: options.client ?? ownClient,
    maxConnections: maxConnections(),
  });
  // A server that nobody is told of needs no address that callers can reach.
  const isTold = registries.length > 0 || options.advertise !== undefined;
  const advertise = (at: Address): Address =>
    isTold ? advertisedAddress(options.advertise, parseEndpoint(at)) : at;
  // A wrong address is found before anything listens.
  advertise(formatEndpoint(endpoint.kind === "tcp" ? { ...endpoint, port: 1 } : endpoint));
  const listener = await listen(endpoint, clock, (link) => hosting.accept(link));
  try {
    const address = advertise(listener.address);
    return new RunningServer({
      options,
      clock,
      log,
      id,
      services,
      hosting,
      listener,
      address,
      registries,
      ownClient,
      startBeats,
    });
  } catch (error) {
    listener.stop();
    throw error;
  }
}
