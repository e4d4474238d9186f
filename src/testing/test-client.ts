import { stderrLog } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import { connectOver } from "../client.ts";
import type { ConnectOptions, Gee } from "../client.ts";
import { NestedCalls } from "../rpc/nested-calls.ts";
import { createStubs } from "../rpc/remote.ts";
import type { MakeStub, NamedStub, Services } from "../rpc/remote.ts";
import type { OpenLink } from "../rpc/lane.ts";
import { disposeServices, hostServices } from "../server/hosted.ts";
import type { HostedOptions } from "../server/hosted.ts";
import type { ServeOptions } from "../server.ts";
import { MemoryLink } from "./memory-link.ts";
import { TestClock } from "./test-clock.ts";

/** Settings of {@link testClient}: those of `serve` that do not need a port, and the client's. */
export interface TestClientOptions
  extends Omit<HostedOptions, "services">, Pick<ServeOptions, "client" | "log"> {
  /** What a client may set, but where its servers are. */
  readonly connect?: Omit<
    ConnectOptions,
    "registry" | "registryToken" | "address" | "cache" | "clock" | "log"
  >;
  /** The time of both sides. Default: one of its own. */
  readonly clock?: TestClock;
}

/** A client whose servers are in the same process; what it may do is in {@link Gee}. */
export interface TestClient<S> extends Gee {
  /** Stubs of the services that it was made with are typed by their names. */
  readonly service: NamedStub<S> & MakeStub<Services>;
  /** The time of both sides. It stands still until it is moved: `await clock.advance(10_000)`. */
  readonly clock: TestClock;
}

/** Where the server is, for those who look at the members: no link is opened by it. */
const address = "unix@/in-memory";

/** More than any test opens. */
const maxConnections = 10_000;

/** Lets what ends have what time it needs. */
async function ended(clock: TestClock, work: Promise<void>): Promise<void> {
  const state = { isOver: false };
  const ending = work.finally(() => {
    state.isOver = true;
  });
  for (let stepMs = 0; !state.isOver; stepMs = 100) await clock.advance(stepMs);
  await ending;
}

/**
 * Serves instances to a client in memory, for tests of services and of what calls them: every call goes
 * through the whole of client and server, its bytes, deadline, interceptors and checks included, and
 * needs no port and no real time.
 *
 * ```ts
 * await using client = testClient({ Foo: new Foo() });
 * expect(await client.service("Foo").Sum(1, 2)).toBe(3);
 * ```
 *
 * What handlers call through `callContext()` is found among the same services. Disposing it ends at
 * once what is still in flight, and disposes the instances as a server does.
 *
 * @throws GeeError INVALID_ARGUMENT for services and settings that cannot be right, as `serve` and
 *   `connect`
 */
export function testClient<S extends Readonly<Record<string, object>>>(
  services: S,
  options: TestClientOptions = {},
): TestClient<S> {
  const { clock = new TestClock(), log = stderrLog } = options;
  const shared = { address, clock, log };
  const dialOf = (time: Clock): OpenLink => {
    return (_endpoint, { signal }, attach) => {
      if (signal?.aborted === true) return Promise.reject(signal.reason);
      const [caller, server] = MemoryLink.pair(time);
      server.open(hosting.accept(server));
      caller.open(attach(caller));
      return Promise.resolve();
    };
  };
  const ownClient = new NestedCalls(() => connectOver(dialOf, shared));
  const { hosting } = hostServices(
    { ...options, services },
    { clock, log, instance: "in-memory", nested: options.client ?? ownClient, maxConnections },
  );
  const gee = connectOver(dialOf, { drainTimeoutMs: 0, ...options.connect, ...shared });
  const end = async (): Promise<void> => {
    await gee[Symbol.asyncDispose]();
    await hosting.stop(
      { lameDuckMs: 0, drainTimeoutMs: 0 },
      {
        withdraw: () => Promise.resolve(),
        stopListening() {},
        async dispose() {
          await ownClient[Symbol.asyncDispose]();
          await disposeServices(services, log);
        },
      },
    );
  };
  let over: Promise<void> | undefined;
  return {
    ...gee,
    service: createStubs<S>(gee.call),
    clock,
    [Symbol.asyncDispose]: () => (over ??= ended(clock, end())),
  };
}
