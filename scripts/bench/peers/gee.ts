import { connect, serve } from "../../../src/index.ts";
import { CallLoad } from "../load.ts";
import type { Caller } from "../load.ts";
import type { PeerProgram } from "../peer.ts";
import type { Order } from "../work.ts";

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }

  Order(order: Order): Order {
    return order;
  }

  Bytes(bytes: Uint8Array): Uint8Array {
    return bytes;
  }
}

function open(port: number): Caller {
  const foo = connect({ address: `tcp@127.0.0.1:${port}` }).service<Foo>("Foo");
  return {
    sum: foo.Sum,
    order: foo.Order,
    bytes: foo.Bytes,
  };
}

/** What a client of gee says first: learnt from one, because the wire is no business of ours. */
async function hello(): Promise<Uint8Array> {
  const said = Promise.withResolvers<Uint8Array>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (_, bytes) => said.resolve(new Uint8Array(bytes)) },
  });
  const over = new AbortController();
  const gee = connect({ address: `tcp@127.0.0.1:${listener.port}` });
  const call = gee.call("Foo.Sum", [1, 2], { signal: over.signal }).catch(() => {});
  const bytes = await said.promise;
  over.abort();
  await call;
  listener.stop(true);
  await gee[Symbol.asyncDispose]();
  return bytes;
}

export const program: PeerProgram = {
  async serve() {
    const server = await serve({ services: { Foo: new Foo() } });
    const port = Number(server.address.slice(server.address.lastIndexOf(":") + 1));
    return { port, connections: () => server.connections() };
  },
  async open(setup) {
    const callers = Array.from({ length: setup.connections }, () => open(setup.port));
    await Promise.all(callers.map((caller) => caller.sum(1, 2)));
    return new CallLoad(callers, setup);
  },
  hello,
};
