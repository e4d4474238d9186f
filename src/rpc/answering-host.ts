import type { Deadlines } from "../base/deadlines.ts";
import type { Clock } from "../base/time.ts";
import type { Log } from "../base/log.ts";
import type { NestedCaller } from "./context.ts";
import type { HandlerRun } from "./handler-run.ts";
import type { KeyStore } from "./key-store.ts";
import type { ServiceTable } from "./service.ts";
import type { StartClock } from "./start-clock.ts";
import type { StartHost } from "./start-rules.ts";

/** What the answering ends of one server share. */
export interface AnsweringHost extends StartHost {
  readonly clock: Clock;
  readonly starts: StartClock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  readonly table: ServiceTable;
  readonly keys: KeyStore;
  /** Calls that handlers make go through it. */
  readonly nested: NestedCaller;
  /** Handlers that run on although their connections have ended. */
  readonly detached: Set<HandlerRun>;
  running: number;
  draining: boolean;
}
