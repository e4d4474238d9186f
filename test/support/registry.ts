import { parseAddress } from "../../src/base/address.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import type { Clock } from "../../src/base/time.ts";
import { LocalDirectory } from "../../src/directory/local-directory.ts";
import type { MemberTable } from "../../src/directory/member-table.ts";
import { createRegistryRoutes, type RegistryRoutes } from "../../src/directory/registry-routes.ts";
import { MemoryStore } from "../../src/directory/store.ts";
import type { Announcement } from "../../src/discovery/member.ts";
import { createRegistryClient, type RegistryClient } from "../../src/discovery/registry-client.ts";

import { FakeClock } from "./clock.ts";

export { memoryLog } from "./memory-log.ts";

/** An instance id of one digit, 32 times. */
export function idOf(digit: string): string {
  return digit.repeat(32);
}

/** An announcement with nothing special about it. */
export function announcement(changes: Partial<Announcement> = {}): Announcement {
  return {
    id: idOf("a"),
    address: parseAddress("tcp@127.0.0.1:4000"),
    revision: 1,
    services: ["Foo"],
    weight: 1,
    draining: false,
    ...changes,
  };
}

/** Answers one request. */
type Routes = (request: Request, sourceAddress: string | undefined) => Promise<Response>;

/**
 * A registry without a port: clients reach its routes by a function call. It is another process, so
 * its timers and its log are its own.
 */
export class MemoryRegistry {
  readonly url: string;
  readonly clock: Clock;
  directory: LocalDirectory;
  routes: Routes;
  /** `METHOD` of every request, in order, those that failed too. */
  readonly requests: string[] = [];
  /** Refuses connections. */
  down = false;
  /** Answers nothing, for ever. */
  hung = false;
  /** Handles the request and loses the answer. */
  losesAnswers = false;
  readonly #client: RegistryClient;
  readonly #ownClock: Clock;
  #http: RegistryRoutes;

  constructor(clock: Clock, log: Log, name = "r1") {
    this.url = `http://${name}.test`;
    this.clock = clock;
    this.#ownClock = clock instanceof FakeClock ? clock.elsewhere() : clock;
    this.directory = this.#begin();
    this.#http = this.#serve();
    this.routes = (request, sourceAddress) => this.#http.answer(request, { sourceAddress });
    this.#client = createRegistryClient({
      url: this.url,
      log,
      clock,
      fetch: async (url, init) => {
        this.requests.push(init.method ?? "GET");
        if (this.down) throw Object.assign(new TypeError("down"), { code: "ECONNREFUSED" });
        if (this.hung) return new Promise(() => {});
        const answer = await this.routes(new Request(url, init), "127.0.0.1");
        if (!this.losesAnswers) return answer;
        throw Object.assign(new TypeError("lost"), { code: "ECONNRESET" });
      },
    });
  }

  get table(): MemberTable {
    return this.directory.table;
  }

  get client(): RegistryClient {
    return this.#client;
  }

  /** Watches held now. */
  get watchers(): number {
    return this.#http.watchers;
  }

  /** Forgets everything, as a restart does. */
  restart(): void {
    this.#http[Symbol.dispose]();
    this.directory = this.#begin();
    this.#http = this.#serve();
  }

  #begin(): LocalDirectory {
    const store = new MemoryStore();
    return new LocalDirectory({ clock: this.#ownClock, log: silentLog, store });
  }

  #serve(): RegistryRoutes {
    const options = {
      directory: this.directory,
      clock: this.#ownClock,
      log: silentLog,
      allowLoopback: true,
    };
    return createRegistryRoutes({ ...options, random: () => 0 });
  }
}
