import { parseAddress } from "../../src/base/address.ts";
import type { Address } from "../../src/base/address.ts";
import { ProcessClock } from "./time.ts";
import type { SimulatedLink } from "./link.ts";
import type { Network } from "./network.ts";
import type { LinkEvents } from "../../src/wire/link.ts";

/** How a listening process takes the connections that its kernel has for it. */
export interface Listening {
  /** Takes one; what it returns hears of the link. */
  readonly accept: (link: SimulatedLink) => LinkEvents;
  /** How long that keeps the process busy. Default 0. */
  readonly acceptMs?: number | undefined;
  /** Connections that the kernel holds for it; more are not answered. Default 511, as Bun has it. */
  readonly backlog?: number | undefined;
}

/** A machine with one process, as the network sees it. */
export class Machine {
  readonly host: string;
  readonly network: Network;
  /** The process's own time. */
  readonly clock: ProcessClock;
  /** Where its process takes connections. */
  get address(): Address {
    return parseAddress(`tcp@${this.host}:4000`);
  }

  /** Ends of connections that are open here. */
  readonly links: Set<SimulatedLink> = new Set();
  /** Connections that were tried from here. */
  dials = 0;
  #isCut = false;
  #listening: Listening | undefined;
  #waiting: SimulatedLink[] = [];
  #accepting = false;

  constructor(host: string, network: Network) {
    this.host = host;
    this.network = network;
    this.clock = new ProcessClock(network.clock);
  }

  /** Takes connections from now on. */
  listen(listening: Listening): void {
    this.#listening = listening;
  }

  /** Takes no more connections; those that wait are reset. */
  stopListening(): void {
    this.#listening = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const link of waiting) link.killed();
  }

  /** What becomes of somebody who wants to connect. */
  answer(): "taken" | "refused" | "nothing" {
    if (this.#isCut) return "nothing";
    const listening = this.#listening;
    if (listening === undefined || this.clock.state === "killed") return "refused";
    return this.#waiting.length < (listening.backlog ?? 511) ? "taken" : "nothing";
  }

  /** The kernel has a connection for the process. */
  arrived(link: SimulatedLink): void {
    this.#waiting.push(link);
    this.#accept();
  }

  #accept(): void {
    if (this.#accepting) return;
    this.#accepting = true;
    this.clock.after(this.#listening?.acceptMs ?? 0, () => {
      this.#accepting = false;
      const link = this.#waiting.shift();
      if (link === undefined || this.#listening === undefined) return;
      link.open(this.#listening.accept(link));
      if (this.#waiting.length > 0) this.#accept();
    });
  }

  /** Ends the connection with a peer, as a fault on the way does. */
  reset(peer: string): void {
    for (const link of this.links) {
      if (link.peer !== peer) continue;
      link.close();
      return;
    }
  }

  /** Whether nothing gets to this machine and nothing away from it. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Cuts the machine off from all others. Nobody is told anything. */
  cut(): void {
    this.#isCut = true;
  }

  /** Ends that; what was on its way goes on. */
  heal(): void {
    this.#isCut = false;
    this.#goOn();
    for (const link of this.links) link.pumpOther();
  }

  /** SIGSTOP. */
  stop(): void {
    this.clock.stop();
  }

  /** SIGCONT. */
  resume(): void {
    this.clock.resume();
    // Behind the timers that fell due meanwhile.
    this.network.clock.after(0, () => this.#goOn());
  }

  #goOn(): void {
    for (const link of [...this.links]) link.pump();
  }

  /** SIGKILL: the kernel ends its connections. */
  kill(): void {
    this.clock.kill();
    this.#listening = undefined;
    this.#waiting = [];
    for (const link of [...this.links]) link.killed();
  }
}
