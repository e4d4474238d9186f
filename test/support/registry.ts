import { parseAddress } from "../../src/base/address.ts";
import { createLog, type Log } from "../../src/base/log.ts";
import type { Clock } from "../../src/base/time.ts";
import { LeaseTable } from "../../src/discovery/lease-table.ts";
import type { Announcement } from "../../src/discovery/member.ts";
import { createRegistryClient, type RegistryClient } from "../../src/discovery/registry-client.ts";
import { createRegistryRoutes, type RegistryRoutes } from "../../src/discovery/registry-routes.ts";

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

/** A log that remembers its lines. */
export function memoryLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLog((line) => lines.push(line), "info"), lines };
}

/** A registry without a port: clients reach its routes by a function call. */
export class MemoryRegistry {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  table: LeaseTable;
  routes: RegistryRoutes;
  /** `METHOD` of every request, in order, those that failed too. */
  readonly requests: string[] = [];
  /** Refuses connections. */
  down = false;
  /** Answers nothing, for ever. */
  hung = false;
  /** Handles the request and loses the answer. */
  losesAnswers = false;
  readonly #client: RegistryClient;

  constructor(clock: Clock, log: Log, name = "r1") {
    this.url = `http://${name}.test`;
    this.clock = clock;
    this.log = log;
    this.table = new LeaseTable({ clock });
    this.routes = createRegistryRoutes({ table: this.table, log });
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

  get client(): RegistryClient {
    return this.#client;
  }

  /** Forgets everything, as a restart does. */
  restart(): void {
    this.table = new LeaseTable({ clock: this.clock });
    this.routes = createRegistryRoutes({ table: this.table, log: this.log });
  }
}
