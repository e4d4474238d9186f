import { Deadlines } from "../../src/base/deadlines.ts";
import { limits } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { Turns } from "../../src/base/turns.ts";
import { StartClock } from "../../src/rpc/start-clock.ts";
import type { ConnectionOptions } from "../../src/rpc/connection.ts";
import { createServerHello } from "../../src/rpc/greeting.ts";
import type { ServerInterceptor } from "../../src/rpc/interceptors.ts";
import { KeyStore } from "../../src/rpc/key-store.ts";
import { NestedCalls } from "../../src/rpc/nested-calls.ts";
import { createServiceTable } from "../../src/rpc/service.ts";
import type { ContractOptions, ServiceOptions } from "../../src/rpc/service.ts";
import type { SessionHost } from "../../src/rpc/session.ts";
import { FakeClock } from "./clock.ts";

/** What a test may say of what the sessions of a server share. */
export interface TestHost extends Partial<Omit<SessionHost, "table" | "hello">> {
  readonly methods?: ServiceOptions | undefined;
  readonly interceptors?: readonly ServerInterceptor[];
  readonly contracts?: ContractOptions;
  /** The largest message that the server accepts. Default `limits.maxMessageBytes`. */
  readonly maxMessageBytes?: number;
}

/** What the sessions of a server share: everything has a default, and time stands still. */
export function hostOf(
  services: Readonly<Record<string, object>>,
  options: TestHost = {},
): SessionHost {
  const { methods, interceptors, contracts, maxMessageBytes, ...changes } = options;
  const { clock = new FakeClock(), maxInFlight = limits.maxInFlight } = options;
  const table = createServiceTable(services, methods, interceptors, { ...contracts, clock });
  return {
    clock,
    deadlines: new Deadlines(clock),
    turns: new Turns(clock),
    starts: new StartClock(clock),
    log: silentLog,
    table,
    hello: createServerHello(table, "served", {
      maxInFlight,
      maxMessageBytes: maxMessageBytes ?? limits.maxMessageBytes,
    }),
    keys: new KeyStore(clock),
    nested: new NestedCalls(undefined),
    maxInFlight,
    maxRunningHandlers: limits.maxRunningHandlers,
    detached: new Set(),
    running: 0,
    draining: false,
    greeted() {},
    changed() {},
    ...changes,
  };
}

/** What a connection needs beside its link: everything has a default, and time stands still. */
export function connectionOptions(changes: Partial<ConnectionOptions> = {}): ConnectionOptions {
  const { clock = new FakeClock() } = changes;
  return {
    clock,
    deadlines: new Deadlines(clock),
    maxMessageBytes: limits.maxMessageBytes,
    instance: undefined,
    ...changes,
  };
}
