import { GeeError } from "../base/errors.ts";
import type { NestedCaller } from "./context.ts";
import type { Call, CallOptions } from "./remote.ts";

/** The client of a server's own handlers, opened when the first of them calls another service. */
export class NestedCalls implements NestedCaller, AsyncDisposable {
  readonly #open: (() => NestedCaller & AsyncDisposable) | undefined;
  #client: (NestedCaller & AsyncDisposable) | undefined;

  /** `open` is missing where there is no registry to find other services by. */
  constructor(open: (() => NestedCaller & AsyncDisposable) | undefined) {
    this.#open = open;
  }

  #opened(): NestedCaller {
    if (this.#open === undefined) {
      throw new GeeError("FAILED_PRECONDITION", "this server knows no registry to find others by", {
        reason: "NO_CLIENT",
        executed: "no",
        hint: "give serve a registry, or a client",
      });
    }
    this.#client ??= this.#open();
    return this.#client;
  }

  call(method: string, args: readonly unknown[], options: CallOptions): Call {
    return this.#opened().call(method, args, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
  }
}
