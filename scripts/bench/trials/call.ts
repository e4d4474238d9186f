// A server for `gee call`, which is a process of its own each time.

import { serve } from "../../../src/index.ts";
import type { Trial } from "../trial.ts";

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
}

export const trial: Trial = {
  async serve() {
    const server = await serve({ services: { Foo: new Foo() } });
    return Number(server.address.slice(server.address.lastIndexOf(":") + 1));
  },
  // The port, for whoever starts the calls.
  open: (port) => Promise.resolve(() => Promise.resolve(port)),
};
