import { formatEndpoint, parseEndpoint } from "./base/address.ts";
import type { Address } from "./base/address.ts";
import { Deadlines } from "./base/deadlines.ts";
import { GeeError } from "./base/errors.ts";
import { limits } from "./base/limits.ts";
import { advertisedAddress, checkExposure, parseListen } from "./base/listening.ts";
import { stderrLog } from "./base/log.ts";
import type { Log } from "./base/log.ts";
import { sleep, systemClock } from "./base/time.ts";
import type { Clock } from "./base/time.ts";
import { Turns } from "./base/turns.ts";
import { createHeartbeat } from "./discovery/heartbeat.ts";
import type { Heartbeat } from "./discovery/heartbeat.ts";
import { newInstanceId } from "./discovery/member.ts";
import { createRegistryClient, parseRegistryUrls } from "./discovery/registry-client.ts";
import { maxConnections } from "./net/descriptors.ts";
import { listen } from "./net/listen.ts";
import type { Listener } from "./net/listen.ts";
import { Admission } from "./rpc/admission.ts";
import { createServerHello } from "./rpc/greeting.ts";
import { createServiceTable, disposeService } from "./rpc/service.ts";
import type { ServedService, ServiceOptions } from "./rpc/service.ts";
import { Session } from "./rpc/session.ts";
import type { SessionHost } from "./rpc/session.ts";

/** Settings of {@link serve}. */
export interface ServeOptions {
  /**
   * Instances by service name. Served are the methods of an instance's own class: public ones, no
   * accessors, none with a leading underscore, none that it inherits. The server owns the instances:
   * when it has stopped, it disposes those that can be disposed of.
   */
  readonly services: Readonly<Record<string, object>>;
  /** What there is to say of single methods: `{ Foo: { Sum: { idempotent: true } } }`. */
  readonly methods?: ServiceOptions | undefined;
  /** Registries to announce the server at, by URL. Default: none. */
  readonly registry?: string | readonly string[] | undefined;
  /** `tcp@HOST:PORT` (port 0: a free one) or `unix@/PATH`. Default `tcp@127.0.0.1:0`. */
  readonly listen?: string | undefined;
  /**
   * Where callers reach the server, `HOST`, `HOST:PORT` or a whole address, when that is not where
   * it listens. Required with a registry when it listens on every address.
   */
  readonly advertise?: string | undefined;
  /** Allows to listen beyond loopback without any protection. */
  readonly insecure?: boolean | undefined;
  /** How long running handlers may take to finish when the server stops. Default 25 s. */
  readonly drainTimeoutMs?: number | undefined;
  /** How long new calls are still accepted then, only to be sent elsewhere. Default 1 s. */
  readonly lameDuckMs?: number | undefined;
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
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #host: SessionHost;
  readonly #sessions: Set<Session>;
  readonly #listener: Listener;
  readonly #heartbeat: Heartbeat | undefined;
  #stopped: Promise<void> | undefined;
  /** Resolved when there is nothing in flight and nothing unsent; set while stopping. */
  #quiet: PromiseWithResolvers<void> | undefined;

  constructor(parts: {
    readonly options: ServeOptions;
    readonly clock: Clock;
    readonly log: Log;
    readonly host: SessionHost;
    readonly sessions: Set<Session>;
    readonly services: readonly ServedService[];
    readonly listener: Listener;
    readonly address: Address;
    readonly registries: readonly string[];
  }) {
    const { clock, log, host, address, registries } = parts;
    this.#options = parts.options;
    this.#clock = clock;
    this.#log = log;
    this.#host = host;
    this.#sessions = parts.sessions;
    this.#listener = parts.listener;
    this.address = address;
    this.services = parts.services;
    this.id = host.hello.instance;
    if (registries.length > 0) {
      this.#heartbeat = createHeartbeat({
        registries: registries.map((url) => createRegistryClient({ url, clock, log })),
        announcement: () => ({
          id: this.id,
          address,
          services: this.services.map(({ name }) => name),
          weight: 1,
          load: host.running,
          draining: false,
        }),
        clock,
        log,
      });
      this.#heartbeat.start();
    }
    this.registered = this.#heartbeat?.registered() ?? Promise.resolve(undefined);
  }

  inFlight(): number {
    let sum = 0;
    for (const session of this.#sessions) sum += session.inFlight;
    return sum;
  }

  connections(): number {
    return this.#sessions.size;
  }

  /** A session has changed: whoever waits for quiet looks again. */
  look(): void {
    const quiet = this.#quiet;
    // Behind the flush with which the answer that ended a call leaves.
    if (quiet !== undefined) queueMicrotask(() => this.#isQuiet() && quiet.resolve());
  }

  #isQuiet(): boolean {
    for (const session of this.#sessions) {
      if (session.inFlight > 0 || session.channel.unsentBytes > 0) return false;
    }
    return true;
  }

  stop(options: Parameters<Server["stop"]>[0] = {}): Promise<void> {
    this.#stopped ??= this.#stop({
      lameDuckMs: options.lameDuckMs ?? this.#options.lameDuckMs ?? limits.lameDuckMs,
      drainTimeoutMs:
        options.drainTimeoutMs ?? this.#options.drainTimeoutMs ?? limits.drainTimeoutMs,
    });
    return this.#stopped;
  }

  async #stop(times: {
    readonly lameDuckMs: number;
    readonly drainTimeoutMs: number;
  }): Promise<void> {
    const clock = this.#clock;
    await this.#heartbeat?.withdraw();
    // Only now: until the last registry has let go of it, callers are still sent here.
    this.#host.draining = true;
    for (const session of this.#sessions) session.announceDrain();
    await sleep(clock, times.lameDuckMs);
    await this.#acceptQueued();
    this.#listener.stop();

    this.#quiet = Promise.withResolvers();
    this.look();
    const timer = clock.after(times.drainTimeoutMs, () => this.#quiet?.resolve());
    await this.#quiet.promise;
    timer.cancel();

    const why = new GeeError("UNAVAILABLE", "the server has shut down", {
      reason: "SHUT_DOWN",
      executed: "maybe",
    });
    // A peer that does not take its last bytes is not waited for; its session's watch cuts it off.
    for (const session of [...this.#sessions]) session.end(why);
    for (const instance of Object.values(this.#options.services)) {
      await disposeService(instance, this.#log);
    }
  }

  /** Lets the loop turn a few times, so that connections in the kernel's queue get their answer. */
  async #acceptQueued(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) {
      await new Promise<void>((resolve) => this.#clock.nextPhase(resolve));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Serves instances of plain classes, and resolves once callers can connect.
 *
 * @throws GeeError INVALID_ARGUMENT for a service, address or URL that cannot be right (reason
 *   NOTHING_TO_SERVE, BAD_SERVICE, BAD_ADDRESS); FAILED_PRECONDITION, reason INSECURE_BIND, beyond
 *   loopback without `insecure`; UNAVAILABLE, reason ADDRESS_IN_USE, ADDRESS_DENIED,
 *   ADDRESS_NOT_AVAILABLE or BIND_FAILED
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const clock = options.clock ?? systemClock;
  const log = options.log ?? stderrLog;
  const endpoint = parseListen(options.listen ?? "tcp@127.0.0.1:0");
  checkExposure(endpoint, options.insecure === true);
  const table = createServiceTable(options.services, options.methods);
  const registries = parseRegistryUrls(options.registry ?? []);
  const sessions = new Set<Session>();
  let server: RunningServer | undefined;
  const admission = new Admission(maxConnections(), clock);
  const host: SessionHost = {
    clock,
    deadlines: new Deadlines(clock),
    turns: new Turns(clock),
    log,
    table,
    hello: createServerHello(table, newInstanceId()),
    running: 0,
    draining: false,
    greeted: (session) => admission.greeted(session),
    changed(session) {
      if (session.isClosed && sessions.delete(session)) admission.left(session);
      server?.look();
    },
  };
  // A server that nobody is told of needs no address that callers can reach.
  const advertise = (at: Address): Address =>
    registries.length === 0 && options.advertise === undefined
      ? at
      : advertisedAddress(options.advertise, parseEndpoint(at));
  // A wrong address is found before anything listens.
  advertise(formatEndpoint(endpoint.kind === "tcp" ? { ...endpoint, port: 1 } : endpoint));
  const listener = await listen(endpoint, clock, (link) => {
    const session = new Session(link, host);
    sessions.add(session);
    const refusal = admission.enter(session);
    // The link opens when this returns; before that nothing can be said on it.
    if (refusal !== undefined) queueMicrotask(() => session.channel.refuse(refusal));
    return session.channel;
  });
  try {
    const address = advertise(listener.address);
    server = new RunningServer({
      options,
      clock,
      log,
      host,
      sessions,
      services: table.services,
      listener,
      address,
      registries,
    });
    return server;
  } catch (error) {
    listener.stop();
    throw error;
  }
}
