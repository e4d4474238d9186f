import { silentLog } from "../../src/base/log.ts";
import { serve, serveRegistry, type Server } from "../../src/index.ts";
import type { ModuleContract, ServiceContract } from "../../src/contract/contract.ts";
import { date, method, number, object, ref, service, string } from "./contracts.ts";

/** What the tests of `gee describe` and `gee types` ask about. */
export class Foo {
  Sum(a: number, b: number): number {
    return a + b;
  }
  async *Count(to: number): AsyncGenerator<number> {
    for (let at = 1; at <= to; at++) yield at;
  }
  async Total(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const one of numbers) sum += one;
    return sum;
  }
  Save(user: { readonly name: string }): string {
    return user.name;
  }
  At(when: Date): number {
    return when.getTime();
  }
  Odd(what: unknown): unknown {
    return what;
  }
}

/** Its contract, as its source would be read. */
export const fooContract: ServiceContract = {
  ...service(
    [
      { ...method("Sum", { a: number, b: number }, number), doc: "Adds two numbers." },
      method("Count", { to: number }, number, "stream"),
      method("Total", { "numbers...": number }, number),
      method("Save", { user: ref("User") }, string),
      method("At", { when: date }, number),
      method("Odd", { what: { kind: "unknown", why: "it is any" } }, number),
    ],
    { User: object({ name: { kind: "literal", value: "it's $(me)" } }) },
  ),
  doc: "Sums.",
};

/** A module of the services given. */
export function moduleOf(...services: readonly ServiceContract[]): ModuleContract {
  return { services, hidden: {}, marks: {}, files: [] };
}

/** A registry and servers of `Foo`, one for each contract. */
export async function describedFoo(
  contracts: readonly ServiceContract[] = [fooContract],
): Promise<AsyncDisposable & { readonly url: string; readonly servers: readonly Server[] }> {
  const stack = new AsyncDisposableStack();
  try {
    const registry = stack.use(await serveRegistry({ listen: "127.0.0.1:0", log: silentLog }));
    const servers: Server[] = [];
    for (const contract of contracts) {
      const server = stack.use(
        await serve({
          services: { Foo: new Foo() },
          methods: { Foo: { Sum: { idempotent: true, timeoutMs: 500, concurrency: 3 } } },
          contract: moduleOf(contract),
          registry: registry.url,
          lameDuckMs: 0,
          log: silentLog,
        }),
      );
      await server.registered;
      servers.push(server);
    }
    return { url: registry.url, servers, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (thrown) {
    await stack.disposeAsync();
    throw thrown;
  }
}
