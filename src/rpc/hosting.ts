import { Deadlines } from "../base/deadlines.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { Turns } from "../base/turns.ts";
import { checkMaxMessageBytes } from "../wire/hello.ts";
import type { Link, LinkEvents } from "../wire/link.ts";
import { Admission } from "./admission.ts";
import type { NestedCaller } from "./context.ts";
import { createServerHello } from "./greeting.ts";
import { KeyStore } from "./key-store.ts";
import type { ServiceTable } from "./service.ts";
import { Session } from "./session.ts";
import type { SessionHost } from "./session.ts";
import { Shutdown } from "./shutdown.ts";
import type { ShutdownSteps, ShutdownTimes } from "./shutdown.ts";
import { StartClock } from "./start-clock.ts";
import { checkCount } from "./start-rules.ts";
import { Upkeep } from "./upkeep.ts";

/** What a server allows; each has its default in `limits`. */
export interface HostingLimits {
  /** Calls in flight on one connection. */
  readonly maxInFlight?: number | undefined;
  /** Handlers that run at once. */
  readonly maxRunningHandlers?: number | undefined;
  /** The largest message that is accepted. */
  readonly maxMessageBytes?: number | undefined;
  /** Age at which callers are asked to open another connection; 0: never. */
  readonly maxConnectionAgeMs?: number | undefined;
}

/** What a {@link Hosting} is made of. */
export interface HostingOptions extends HostingLimits {
  readonly clock: Clock;
  readonly log: Log;
  readonly table: ServiceTable;
  /** This start's id. */
  readonly instance: string;
  /** Makes the calls that handlers make. */
  readonly nested: NestedCaller;
  /** Connections that there is room for. */
  readonly maxConnections: number;
}

/** What a server is behind its listener: its services, the connections to them, and their end. */
export class Hosting {
  readonly #host: SessionHost;
  readonly #shutdown: Shutdown;
  readonly #admission: Admission;
  readonly #upkeep: Upkeep<Session>;

  /** @throws GeeError INVALID_ARGUMENT, reason BAD_OPTION, for a limit that cannot be right */
  constructor(options: HostingOptions) {
    const { clock, log, table, nested } = options;
    const maxInFlight = checkCount("maxInFlight", options.maxInFlight ?? limits.maxInFlight);
    const { maxMessageBytes = limits.maxMessageBytes } = options;
    checkMaxMessageBytes(maxMessageBytes);
    const own = { maxInFlight, maxMessageBytes };
    this.#admission = new Admission(options.maxConnections, clock);
    this.#upkeep = new Upkeep({ clock, maxConnectionAgeMs: options.maxConnectionAgeMs });
    this.#host = {
      clock,
      deadlines: new Deadlines(clock),
      turns: new Turns(clock),
      starts: new StartClock(clock),
      log,
      table,
      hello: createServerHello(table, options.instance, own),
      keys: new KeyStore(clock),
      nested,
      maxInFlight,
      maxRunningHandlers: checkCount(
        "maxRunningHandlers",
        options.maxRunningHandlers ?? limits.maxRunningHandlers,
      ),
      detached: new Set(),
      running: 0,
      draining: false,
      greeted: (session) => this.#admission.greeted(session.channel),
      changed: (session) => this.#changed(session),
    };
    this.#shutdown = new Shutdown(clock, this.#host, this.#upkeep.sessions);
  }

  #changed(session: Session): void {
    if (session.isClosed && this.#upkeep.remove(session)) this.#admission.left(session.channel);
    this.#shutdown.look();
  }

  /** Takes a connection; what it returns hears of the link's bytes. */
  accept(link: Link): LinkEvents {
    const session = new Session(link, this.#host);
    this.#upkeep.add(session);
    const refusal = this.#admission.enter(session.channel);
    // The link opens when this returns; before that nothing can be said on it.
    if (refusal !== undefined) queueMicrotask(() => session.channel.refuse(refusal));
    return session.channel;
  }

  /** Handlers that run. */
  get running(): number {
    return this.#host.running;
  }

  /** Calls that are being answered. */
  get inFlight(): number {
    let sum = 0;
    for (const session of this.#upkeep.sessions) sum += session.inFlight;
    return sum;
  }

  /** Callers that are connected. */
  get connections(): number {
    return this.#upkeep.sessions.size;
  }

  /** Ends it without losing a call. To be called once. */
  stop(times: ShutdownTimes, steps: ShutdownSteps): Promise<void> {
    return this.#shutdown.run(times, {
      ...steps,
      withdraw: async () => {
        await steps.withdraw();
        // With the first call that is refused; streams that tell of it end, and hold up nothing.
        this.#host.table.drain();
      },
    });
  }
}
