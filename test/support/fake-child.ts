import { GeeError } from "../../src/base/errors.ts";
import type { ChildServer } from "../../src/cli/child-server.ts";
import { turn } from "./clock.ts";

/** A server in a process of its own that does what a test says. */
export class FakeChild implements ChildServer {
  readonly pid: number;
  /** What it was told, in order. */
  readonly signals: string[] = [];
  readonly #listening = Promise.withResolvers<Awaited<ChildServer["ready"]>>();
  readonly #ready = Promise.withResolvers<Awaited<ChildServer["ready"]>>();
  readonly #exited = Promise.withResolvers<number>();
  readonly #withdrawn = Promise.withResolvers<void>();
  readonly listening: ChildServer["listening"] = this.#listening.promise;
  readonly ready: ChildServer["ready"] = this.#ready.promise;
  readonly exited: Promise<number> = this.#exited.promise;
  readonly withdrawn: Promise<void> = this.#withdrawn.promise;

  constructor(pid: number) {
    this.pid = pid;
    this.listening.catch(() => {});
    this.ready.catch(() => {});
  }

  get id(): string {
    return `id-${this.pid}`;
  }

  drain(): void {
    this.signals.push("drain");
  }

  kill(): void {
    this.signals.push("kill");
    void this.ends(137);
  }

  /** It takes calls, and is not registered yet. */
  async listens(): Promise<void> {
    this.#listening.resolve({ address: `tcp@127.0.0.1:${this.pid}`, id: this.id, services: [] });
    await turn();
  }

  /** Calls reach it. */
  async isReady(): Promise<void> {
    await this.listens();
    this.#ready.resolve(await this.listening);
    await turn();
  }

  /** Says that it cannot start, before it ends. */
  async fails(message = "it does not compile"): Promise<void> {
    this.#refuse(new GeeError("INVALID_ARGUMENT", message));
    await turn();
  }

  async ends(code: number, isWithdrawn = true): Promise<void> {
    this.#refuse(new GeeError("UNAVAILABLE", `ended with ${code}`, { reason: "ENDED" }));
    this.#exited.resolve(code);
    if (isWithdrawn) await this.isWithdrawn();
    await turn();
  }

  /** No registry lists it any more. */
  async isWithdrawn(): Promise<void> {
    this.#withdrawn.resolve();
    await turn();
  }

  #refuse(error: GeeError): void {
    this.#listening.reject(error);
    this.#ready.reject(error);
  }
}
