import { connect, readContract, serve } from "../../../src/index.ts";
import { CallLoad } from "../load.ts";
import type { Caller, Flow } from "../load.ts";
import type { PeerProgram } from "../peer.ts";
import type { Order, Setup } from "../work.ts";

/** The same buffer each time, with a number in it: what sends an item has copied it. */
async function* itemsOf(count: number, size: number): AsyncGenerator<Uint8Array> {
  const item = new Uint8Array(size);
  for (let index = 0; index < count; index++) {
    item[0] = index;
    yield item;
  }
}

/** Counts the items that come; throws when one is not as it was sent. */
async function countItems(items: AsyncIterable<Uint8Array>, size: number): Promise<number> {
  let count = 0;
  for await (const item of items) {
    if (item.length !== size || item[0] !== (count & 0xff)) {
      throw new Error(`wrong result: item ${count} has ${item.length} bytes`);
    }
    count++;
  }
  return count;
}

/** Exported, so that what its source promises is found: arguments are checked as anybody's. */
export class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }

  Order(order: Order): Order {
    return order;
  }

  Bytes(bytes: Uint8Array): Uint8Array {
    return bytes;
  }

  Give(count: number, size: number): AsyncGenerator<Uint8Array> {
    return itemsOf(count, size);
  }

  Take(items: AsyncIterable<Uint8Array>, size: number): Promise<number> {
    return countItems(items, size);
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

function openFlow({ port, work, size }: Setup): Flow {
  const foo = connect({ address: `tcp@127.0.0.1:${port}` }).service<Foo>("Foo");
  return {
    async pass(items) {
      const count =
        work === "download"
          ? await countItems(foo.Give(items, size), size)
          : await foo.Take(itemsOf(items, size), size);
      if (count !== items) throw new Error(`wrong result: ${count} of ${items} items came`);
    },
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
    const server = await serve({
      services: { Foo: new Foo() },
      contract: await readContract([import.meta.path]),
    });
    const port = Number(server.address.slice(server.address.lastIndexOf(":") + 1));
    return { port, connections: () => server.connections() };
  },
  async open(setup) {
    const callers = Array.from({ length: setup.connections }, () => open(setup.port));
    await Promise.all(callers.map((caller) => caller.sum(1, 2)));
    return new CallLoad(callers, setup);
  },
  openFlow: (setup) => Promise.resolve(openFlow(setup)),
  hello,
};
