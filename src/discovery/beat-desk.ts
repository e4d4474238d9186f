import type { Log, LogFields, LogLevel } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { type FromBeatThread, signPeriodMs, type ToBeatThread } from "./beat-messages.ts";
import { createHeartbeat, type Description, type Heartbeat } from "./heartbeat.ts";
import { LoopSigns } from "./loop-signs.ts";
import { createRegistryClient } from "./registry-client.ts";

/** Settings of a {@link BeatDesk}. */
export interface BeatDeskOptions {
  readonly clock: Clock;
  /** Says something to the main thread. */
  readonly post: (message: FromBeatThread) => void;
  /** Called last, when the withdrawal is done and said. */
  readonly onEnd: () => void;
  /** The calling side of a registry. Default: over HTTP. */
  readonly createRegistry?: typeof createRegistryClient | undefined;
  /** From 0 to 1, for stagger and jitter. */
  readonly random?: (() => number) | undefined;
}

/** Errors have no code of their own on the other side, only their message. */
function sendable(fields: LogFields): LogFields {
  const pairs = Object.entries(fields);
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  );
}

/** The program's log is with the main thread. */
function remoteLog(post: (message: FromBeatThread) => void): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      post({ kind: "log", level, message, fields: sendable(fields) });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/**
 * What the thread that beats does: it announces what the main thread said last, as long as that one
 * says anything, and however busy it is. Begins at once.
 */
export class BeatDesk {
  readonly #options: BeatDeskOptions;
  readonly #signs: LoopSigns;
  readonly #heartbeat: Heartbeat;
  #description: Description;

  /** With the main thread's first message. */
  constructor(start: ToBeatThread & { readonly kind: "start" }, options: BeatDeskOptions) {
    const { clock, post, createRegistry = createRegistryClient, random } = options;
    const { urls, token, description, revision, secret, hungAfterMs } = start;
    const log = remoteLog(post);
    this.#options = options;
    this.#description = description;
    this.#signs = new LoopSigns({ clock, periodMs: signPeriodMs, hungAfterMs });
    this.#heartbeat = createHeartbeat({
      registries: urls.map((url) => createRegistry({ url, token, log, clock })),
      announcement: () => this.#description,
      clock,
      log,
      random,
      onState: ({ kind, url }) => kind === "registered" && post({ kind, url }),
      signs: this.#signs,
      progress: { revision, secret, claims: new Map() },
      onClaim: (url, claim) => post({ kind: "claim", url, claim }),
    });
    this.#heartbeat.start();
  }

  /** The main thread's next message. */
  take(message: Exclude<ToBeatThread, { readonly kind: "start" }>): void {
    if (message.kind === "withdraw") {
      void this.#withdraw();
      return;
    }
    this.#description = message.description;
    this.#signs.heard(message.kind === "sign" ? message.lagMs : 0);
    if (message.kind === "update") this.#heartbeat.update();
  }

  async #withdraw(): Promise<void> {
    await this.#heartbeat.withdraw();
    this.#options.post({ kind: "withdrawn" });
    this.#options.onEnd();
  }
}
