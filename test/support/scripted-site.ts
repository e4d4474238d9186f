import type { Code } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import type { ServiceContract } from "../../src/contract/contract.ts";
import { methodHash, serviceHash } from "../../src/contract/hash.ts";
import { featureNames } from "../../src/wire/hello.ts";
import type { MethodFacts } from "../../src/wire/hello.ts";
import type { CallMessage, FaultMessage, Metadata } from "../../src/wire/message.ts";
import { endMessage, faultMessage, itemMessage } from "./calls.ts";
import type { MemoryLink } from "./links.ts";
import { ScriptedPeer } from "./scripted-peer.ts";

/** A server by script: what it says of its methods, and what it does with each call. */
export interface ScriptedSite {
  /** The flags of its class's methods, as its hello lists them. Default: it lists none. */
  readonly methods?: Readonly<Record<string, number>>;
  /** What its hello tells by the hashes: of the service, and of each method. Default: no hash. */
  readonly contract?: ServiceContract;
  /** The class that its hello names. Default: that of its port. */
  readonly service?: string;
  /** It says hello when this resolves. Default: at once. */
  readonly greets?: Promise<void>;
  /** How many calls it takes at once. */
  readonly maxInFlight?: number;
  /** The process that it is, by its hello: a restart is another one. Default: that of its port. */
  readonly instance?: string;
  /** Its handlers run on when they are cancelled, so that their ids stay taken. */
  readonly deaf?: boolean;
  answer(call: HeardCall): void;
}

/** What a script does with one call. */
export type Act = (call: HeardCall) => void;

/** One call as a scripted server has heard it. */
export class HeardCall {
  readonly port: number;
  readonly message: CallMessage;
  /** It was cancelled. */
  isCancelled = false;
  readonly #peer: ScriptedPeer;

  constructor(port: number, message: CallMessage, peer: ScriptedPeer) {
    this.port = port;
    this.message = message;
    this.#peer = peer;
  }

  get attempt(): number {
    return this.message.attempt;
  }

  /** Answers; by default with the port. */
  result(value: unknown = this.port, metadata?: Metadata): void {
    this.#peer.say({ kind: "result", id: this.message.id, value, metadata });
  }

  fault(code: Code, changes: Partial<FaultMessage> = {}): void {
    const message = `${code} at ${this.port}`;
    this.#peer.say(faultMessage(this.message.id, { code, message, ...changes }));
  }

  item(value: unknown): void {
    this.#peer.say(itemMessage(this.message.id, value));
  }

  end(): void {
    this.#peer.say(endMessage(this.message.id));
  }

  /** The connection breaks. */
  lose(): void {
    this.#peer.link.close();
  }

  /** The server is about to end and has not accepted this call. */
  drain(): void {
    this.#peer.say({ kind: "drain", id: 0, lastCallId: this.message.id - 1, reason: undefined });
  }
}

/** The server's end of one connection to a scripted site. */
export class ScriptedServer extends ScriptedPeer {
  readonly #port: number;
  readonly #site: () => ScriptedSite | undefined;
  readonly #heard: (call: HeardCall) => void;
  readonly #calls: Map<number, HeardCall> = new Map();
  readonly #names: Map<number, string> = new Map();
  #read = 0;

  /** `site` is asked anew for each call. */
  constructor(
    link: MemoryLink,
    port: number,
    site: () => ScriptedSite | undefined,
    heard: (call: HeardCall) => void,
  ) {
    super(link, "server");
    this.#port = port;
    this.#site = site;
    this.#heard = heard;
  }

  /** Says hello, when it is time. */
  async greet(): Promise<void> {
    const site = this.#site();
    if (site?.greets !== undefined) await site.greets;
    const port = this.#port;
    const { methods = {}, maxInFlight = limits.maxInFlight } = site ?? {};
    const service = site?.service ?? (port < 5_000 ? "Foo" : "Bar");
    const facts = new Map<string, MethodFacts>();
    for (const [index, [name, flags]] of Object.entries(methods).entries()) {
      facts.set(name, { number: index + 1, flags });
      this.#names.set(index + 1, `${service}.${name}`);
    }
    let hash: string | undefined;
    if (site?.contract !== undefined) {
      const { contract } = site;
      hash = serviceHash(contract);
      for (const method of contract.methods) {
        const number = facts.get(method.name)?.number ?? facts.size + 1;
        const flags = methods[method.name] ?? 0;
        facts.set(method.name, { number, flags, hash: methodHash(contract, method) });
        this.#names.set(number, `${service}.${method.name}`);
      }
    }
    const services = new Map([[service, { contract: hash, methods: facts }]]);
    const { instance = instanceAt(port) } = site ?? {};
    this.hello({ features: featureNames, maxInFlight, services, instance });
  }

  override data(bytes: Uint8Array): boolean {
    super.data(bytes);
    for (const message of this.messages.slice(this.#read)) {
      this.#read++;
      if (message.kind === "cancel") {
        const call = this.#calls.get(message.id);
        if (call === undefined) continue;
        call.isCancelled = true;
        // As a server does: an answer frees the id.
        if (this.#site()?.deaf !== true) call.fault("CANCELLED", { executed: "maybe" });
      }
      if (message.kind !== "call") continue;
      const { method } = message;
      const name = typeof method === "number" ? this.#names.get(method) : method;
      const call = new HeardCall(this.#port, { ...message, method: name ?? "" }, this);
      this.#calls.set(message.id, call);
      this.#heard(call);
      this.#site()?.answer(call);
    }
    return false;
  }
}

/** The id of the instance at a port. */
export function instanceAt(port: number): string {
  return port.toString(16).padStart(32, "0");
}

/** A site that does one thing with its first call, the next with its second, and so on; the last goes on. */
export function acts(...list: readonly Act[]): ScriptedSite {
  let count = 0;
  return {
    answer(call) {
      const act = list[Math.min(count++, list.length - 1)];
      act?.(call);
    },
  };
}

/** Answers with its port. */
export const answers: Act = (call) => call.result();
/** Says nothing. */
export const keepsQuiet: Act = () => {};
/** Loses the connection when the call is there. */
export const breaks: Act = (call) => call.lose();
/** Is about to end. */
export const drains: Act = (call) => call.drain();
/** A fault of this code; not started unless it is said. */
export function refuses(code: Code, changes: Partial<FaultMessage> = {}): Act {
  return (call) => call.fault(code, { executed: "no", ...changes });
}
