// Every way to hold a call wrongly, in a process of its own, because what nobody catches ends a
// process. It prints how many rejections nobody has handled, and in which of them.

import { callContext, connect, GeeError, serve } from "../../src/index.ts";
import type { Call, ClientInterceptor, Gee } from "../../src/index.ts";

const unhandled: string[] = [];
let step = "";
process.on("unhandledRejection", (error) => unhandled.push(`${step}: ${String(error)}`));

const silent = { debug() {}, info() {}, warn() {}, error() {} };

class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }

  async *Count(to: number): AsyncGenerator<number> {
    for (let number = 1; number <= to; number++) yield number;
  }

  Iterable(to: number): AsyncIterable<number> {
    return this.Count(to);
  }

  async *Fail(): AsyncGenerator<number> {
    yield* [];
    throw new GeeError("ABORTED", "no");
  }

  async Total(items: AsyncIterable<number>): Promise<number> {
    let total = 0;
    for await (const item of items) total += item;
    return total;
  }

  async Hold(): Promise<void> {
    const { signal } = callContext();
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  try {
    const iterator = items[Symbol.asyncIterator]();
    while ((await iterator.next()).done !== true);
  } catch {}
}

async function awaited(call: Call): Promise<void> {
  try {
    await call;
  } catch {}
}

async function rest(): Promise<void> {
  for (let each = 0; each < 20; each++) await new Promise((resolve) => setImmediate(resolve));
}

async function* failing(): AsyncGenerator<number> {
  yield 1;
  throw new Error("dry");
}

const steps: Readonly<Record<string, (gee: Gee) => Promise<unknown>>> = {
  "a stream is awaited": (gee) => awaited(gee.call("Foo.Count", [3])),
  "an unknown stream is awaited": (gee) => awaited(gee.call("Foo.Iterable", [3])),
  "a result is iterated": (gee) => drain(gee.call("Foo.Sum", [1, 2])),
  "a stream is opened and never looked at": async (gee) => void gee.call("Foo.Count", [3]),
  "an unknown stream is opened and never looked at": async (gee) =>
    void gee.call("Foo.Iterable", [3]),
  "a stream that fails is iterated late": async (gee) => {
    const call = gee.call("Foo.Fail");
    await rest();
    await drain(call);
  },
  "streams are read one after the other": async (gee) => {
    const calls = [gee.call("Foo.Count", [9]), gee.call("Foo.Iterable", [9]), gee.call("Foo.Fail")];
    for (const call of calls) {
      await rest();
      await drain(call);
    }
  },
  "a stream is left": async (gee) => {
    for await (const item of gee.call("Foo.Count", [1e9])) if (item === 1) break;
  },
  "a stream is left before its first item": async (gee) => {
    await gee.call("Foo.Count", [1e9])[Symbol.asyncIterator]().return?.();
  },
  "a source fails": (gee) => awaited(gee.call("Foo.Total", [failing()])),
  "the options are wrong, and it is iterated": (gee) =>
    drain(gee.call("Foo.Count", [3], { timeoutMs: -1 })),
  "a stream is aborted": async (gee) => {
    const stop = new AbortController();
    const call = gee.call("Foo.Count", [1e9], { signal: stop.signal });
    for await (const item of call) if (item === 9) stop.abort();
  },
  "a stream is aborted before it is looked at": async (gee) => {
    const stop = new AbortController();
    const call = gee.call("Foo.Count", [1e9], { signal: stop.signal });
    await rest();
    stop.abort();
    await rest();
    await drain(call);
  },
  "a one-way call of a stream": (gee) => awaited(gee.call("Foo.Count", [3], { oneWay: true })),
  "a one-way call that fails": (gee) => awaited(gee.call("Foo.Fail", [], { oneWay: true })),
};

const server = await serve({ services: { Foo: new Foo() }, lameDuckMs: 0, log: silent });
const names = Object.keys(steps);
const through: ClientInterceptor = (call, next) => next(call);
for (const interceptors of [[], [through]]) {
  const gee = connect({ address: server.address, drainTimeoutMs: 0, interceptors, log: silent });
  await gee.call("Foo.Sum", [1, 2]);
  for (const name of names) {
    step = `${name}, with ${interceptors.length} interceptors`;
    await steps[name]?.(gee).catch((error: unknown) => {
      const aborted = error instanceof GeeError && error.code === "CANCELLED";
      if (!aborted) unhandled.push(`${step} failed: ${String(error)}`);
    });
    await rest();
  }
  step = "calls and streams are under way when the client is closed";
  const held = [awaited(gee.call("Foo.Hold")), drain(gee.call("Foo.Count", [1e9]))];
  await rest();
  await gee[Symbol.asyncDispose]();
  await Promise.all(held);
  await rest();
}
await server.stop({ drainTimeoutMs: 0 });
await rest();
console.log(JSON.stringify({ steps: 2 * names.length, unhandled }));
process.exit(0);
