import { GeeError } from "../../src/base/errors.ts";
import type { Clock, Timer } from "../../src/base/time.ts";
import type { OpenLink } from "../../src/rpc/lane.ts";
import { SimulatedLink } from "./link.ts";
import { Machine } from "./machine.ts";

/** A way takes so long, and up to a fifth more. */
const wayMs = 0.2;
const jitterMs = wayMs / 5;
/** A kernel knocks again when nobody has answered, and waits twice as long each time. */
const knockAgainMs = 1_000;

function cannotConnect(host: string, why: string): GeeError {
  return new GeeError("UNAVAILABLE", `cannot connect to ${host}: ${why}`, {
    reason: "CONNECT_FAILED",
    executed: "no",
  });
}

/** One attempt at a connection, until it is there or has failed. It fails as in `net/dial.ts`. */
class Dial {
  readonly from: Machine;
  readonly host: string;
  readonly promise: Promise<void>;
  isOver = false;
  readonly #attach: Parameters<OpenLink>[2];
  readonly #resolve: () => void;
  readonly #reject: (why: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: Timer;

  constructor(from: Machine, host: string, [, options, attach]: Parameters<OpenLink>) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.from = from;
    this.host = host;
    this.promise = promise;
    this.#attach = attach;
    this.#resolve = resolve;
    this.#reject = reject;
    const { timeoutMs, signal } = options;
    this.#signal = signal;
    this.#timer = from.clock.after(timeoutMs, () => this.fail(`no answer in ${timeoutMs} ms`));
    if (signal?.aborted === true) this.handleEvent();
    else signal?.addEventListener("abort", this, { once: true });
  }

  /** The signal aborted. */
  handleEvent(): void {
    if (this.#end()) this.#reject(this.#signal?.reason);
  }

  fail(why: string): void {
    if (this.#end()) this.#reject(cannotConnect(this.host, why));
  }

  /** The connection is there. */
  succeed(link: SimulatedLink): void {
    if (!this.#end()) {
      link.close();
      return;
    }
    link.open(this.#attach(link));
    this.#resolve();
  }

  #end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#timer.cancel();
    this.#signal?.removeEventListener("abort", this);
    return true;
  }
}

/** The machines and the ways between them. */
export class Network {
  readonly clock: Clock;
  readonly #random: () => number;
  readonly #machines: Map<string, Machine> = new Map();

  constructor(clock: Clock, random: () => number) {
    this.clock = clock;
    this.#random = random;
  }

  /** How long the next piece takes from one machine to another. */
  delayMs(): number {
    return wayMs + jitterMs * this.#random();
  }

  /** A machine at a host; in the place of the one that was there. */
  machine(host: string): Machine {
    const machine = new Machine(host, this);
    this.#machines.set(host, machine);
    return machine;
  }

  /** How the process of a machine opens connections. */
  dialOf(from: Machine): OpenLink {
    return (endpoint, options, attach) => {
      const host = endpoint.kind === "tcp" ? endpoint.host : endpoint.path;
      const dial = new Dial(from, host, [endpoint, options, attach]);
      from.dials++;
      if (!dial.isOver) this.#knock(dial, knockAgainMs);
      return dial.promise;
    };
  }

  #knock(dial: Dial, againMs: number): void {
    this.clock.after(this.delayMs(), () => {
      const target = this.#machines.get(dial.host);
      const answer = dial.from.isCut ? "nothing" : (target?.answer() ?? "refused");
      if (answer === "taken" && target !== undefined) {
        this.#connect(dial, target);
        return;
      }
      const isRefused = answer === "refused";
      this.clock.after(isRefused ? this.delayMs() : againMs, () => {
        if (isRefused) dial.fail("connection refused");
        else if (!dial.isOver) this.#knock(dial, againMs * 2);
      });
    });
  }

  #connect(dial: Dial, target: Machine): void {
    const { from, host } = dial;
    const caller = new SimulatedLink(from, `${host}:4000`);
    const server = new SimulatedLink(target, `${from.host}:${50_000 + (from.dials % 10_000)}`);
    SimulatedLink.join(caller, server);
    target.arrived(server);
    this.clock.after(this.delayMs(), () => dial.succeed(caller));
  }
}
