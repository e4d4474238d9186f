import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { systemClock } from "../../src/base/time.ts";
import { Foo } from "../../src/cli/demo-service.ts";
import { seeNames } from "../../src/cli/live-names.ts";
import { NamesCache } from "../../src/cli/names-cache.ts";
import { serve, serveRegistry, type Server } from "../../src/index.ts";
import { folder } from "../support/folder.ts";

/** No test waits for it: there is an answer, or nobody to give one. */
const longMs = 10_000;

class Bar {
  Buy(): number {
    return 1;
  }
}

/** A registry, and a server with two services. */
async function started(): Promise<AsyncDisposable & { url: string; server: Server }> {
  const stack = new AsyncDisposableStack();
  const registry = stack.use(await serveRegistry({ listen: "127.0.0.1:0", log: silentLog }));
  const server = stack.use(
    await serve({
      services: { Foo: new Foo(), Bar: new Bar() },
      registry: registry.url,
      lameDuckMs: 0,
      log: silentLog,
    }),
  );
  await server.registered;
  return { url: registry.url, server, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function see(
  connect: { readonly registry?: string; readonly address?: string },
  folderPath?: string,
  forMs = longMs,
): ReturnType<typeof seeNames> {
  const cache = new NamesCache(folderPath, JSON.stringify(connect), systemClock.wall);
  const clock = systemClock;
  return seeNames({ connect, cache, clock, until: clock.now() + forMs });
}

test("services and instances are the registry's, methods are a server's", async () => {
  await using running = await started();
  await using names = see({ registry: running.url });
  expect(await names.services()).toEqual(["Bar", "Foo"]);
  expect(await names.instances()).toEqual([running.server.id]);
  expect(await names.addresses()).toEqual([running.server.address]);
  expect(await names.methods("Foo")).toEqual(["Sum", "Sleep", "Count", "Total"]);
  expect(await names.methods("Bar")).toEqual(["Buy"]);
  expect(await names.methods("Nope")).toEqual([]);
});

test("at an address, all of it is the server's", async () => {
  await using running = await started();
  await using names = see({ address: running.server.address });
  expect(await names.services()).toEqual(["Bar", "Foo"]);
  expect(await names.methods("Bar")).toEqual(["Buy"]);
  expect(await names.instances()).toEqual([]);
  expect(await names.addresses()).toEqual([running.server.address]);
});

test("what was seen is seen again without anybody to ask", async () => {
  await using place = await folder();
  const running = await started();
  const connect = { registry: running.url };
  {
    await using first = see(connect, place.path);
    expect(await first.methods("Foo")).toContain("Sum");
  }
  const { id } = running.server;
  await running[Symbol.asyncDispose]();
  await using names = see(connect, place.path);
  expect(await names.services()).toEqual(["Bar", "Foo"]);
  expect(await names.methods("Foo")).toContain("Sum");
  expect(await names.instances()).toEqual([id]);
  // Nobody has looked at those, and now nobody is there.
  expect(await names.methods("Bar")).toEqual([]);
});

test("nobody, or somebody who does not answer, is no name and no error", async () => {
  const gone = await serveRegistry({ listen: "127.0.0.1:0", log: silentLog });
  await gone[Symbol.asyncDispose]();
  await using none = see({ registry: gone.url });
  expect(await none.services()).toEqual([]);
  expect(await none.methods("Foo")).toEqual([]);

  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  for (const connect of [
    { registry: `http://127.0.0.1:${silent.port}` },
    { address: `tcp@127.0.0.1:${silent.port}` },
  ]) {
    await using names = see(connect, undefined, 20);
    expect(await names.services()).toEqual([]);
    expect(await names.instances()).toEqual([]);
  }
});
