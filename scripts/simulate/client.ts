import type { NestedCaller } from "../../src/rpc/context.ts";
import { createRemote } from "../../src/rpc/remote.ts";
import type { Call, CallOptions, Remote } from "../../src/rpc/remote.ts";
import type { Core } from "./core.ts";
import type { Machine } from "./machine.ts";

/** A client on a machine of its own; handlers may call through it as well. */
export class SimulatedClient implements NestedCaller {
  readonly machine: Machine;
  readonly #core: Core;

  constructor(machine: Machine, core: Core) {
    this.machine = machine;
    this.#core = core;
  }

  call(method: string, args: readonly unknown[], options: CallOptions): Call {
    return this.#core.call(method, args, options);
  }

  service<T>(name: string, options: CallOptions): Remote<T> {
    return createRemote(name, (method, args) => this.call(method, args, options));
  }
}
