import { connect as connectSocket, createServer, type Socket } from "node:net";
import { silentLog } from "../../src/base/log.ts";
import { createRegistryClient } from "../../src/discovery/registry-client.ts";
import { connect, type Gee } from "../../src/index.ts";
import { Cluster, Load, type ServerProcess } from "../support/cluster.ts";
import { type Ended, type Running, startCommand } from "../support/executable.ts";
import { type Folder, folder } from "../support/folder.ts";

/** The lease of these tests, as it is typed, and its parts. */
export const lease = "600ms";
export const leaseMs = 600;
/** A server beats about so often. */
export const intervalMs: number = leaseMs / 3;
/** On a machine under load everything comes later; a test that waits for ever says nothing. */
export const patienceMs: number = 10 * intervalMs;

export const isLong: boolean = Bun.env["GEE_LONG"] === "1";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

/** A process of `gee registry`. */
export type RegistryRun = Running & { readonly url: string; readonly host: string };

/** What a registry answers. */
export type RegistryList = Awaited<ReturnType<ReturnType<typeof createRegistryClient>["list"]>>;

/** Real registries, servers and commands of one test; disposing kills them. */
export class RegistryScene implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #place: Folder;
  /** Servers of `Work.Do`, and the ledger of what they ran. */
  readonly cluster: Cluster;

  private constructor(stack: AsyncDisposableStack, place: Folder, cluster: Cluster) {
    this.#stack = stack;
    this.#place = place;
    this.cluster = cluster;
  }

  static async create(): Promise<RegistryScene> {
    const stack = new AsyncDisposableStack();
    const place = stack.use(await folder());
    return new RegistryScene(stack, place, stack.use(await Cluster.create()));
  }

  /** The command line, to be run by Bun. */
  readonly main: string = main;

  /** A file of this test. */
  path(name: string): string {
    return `${this.#place.path}/${name}`;
  }

  /** A command of the executable, from source. */
  start(words: readonly string[]): Running {
    return this.#stack.use(startCommand([process.execPath, main, ...words]));
  }

  /** The same to its end. */
  async gee(...words: readonly string[]): Promise<Ended> {
    const running = this.start(words);
    const code = await running.exited;
    return { code, stdout: running.stdout(), stderr: running.stderr() };
  }

  /** A registry with the lease of these tests, at a free port or at one that an earlier one had. */
  async registry(host = "127.0.0.1:0", words: readonly string[] = []): Promise<RegistryRun> {
    const running = this.start(["registry", "--listen", host, "--lease", lease, ...words]);
    const [, url = ""] = await running.says(/^registry +(\S+)/m);
    return { ...running, url, host: new URL(url).host };
  }

  /** Servers of `Work.Do` that are registered. */
  async servers(count: number, ...registries: readonly string[]): Promise<ServerProcess[]> {
    const registry = registries.join(",");
    const lameDuckMs = 0;
    return await Promise.all(
      Array.from({ length: count }, () => this.cluster.server({ registry, lameDuckMs })),
    );
  }

  /** A client of these registries. */
  client(...registry: readonly string[]): Gee {
    return this.#stack.use(connect({ registry, log: silentLog }));
  }

  /** Calls `Work.Do` by several hands, one after the other each, until it is told to stop. */
  load(hands: number, gee: Gee): Load {
    return new Load(hands, "call", (call) =>
      gee.call("Work.Do", [call, 5]).catch(async (thrown: unknown) => {
        // A call may fail at once; hands that only fail would leave nobody else a turn.
        await Bun.sleep(1);
        throw thrown;
      }),
    );
  }

  /** Something between a registry and those that ask it there. */
  async proxy(url: string): Promise<RegistryProxy> {
    const proxy = new RegistryProxy(Number(new URL(url).port));
    await proxy.open();
    return this.#stack.use(proxy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** What a registry answers now; undefined when it does not. */
export async function listOf(url: string): Promise<RegistryList | undefined> {
  return await createRegistryClient({ url, log: silentLog })
    .list()
    .catch(() => undefined);
}

/** Longer than it takes a store to write down what has changed. */
export const writtenMs = 500;

/** The ids that a registry lists as up; with a state, those in it. */
export function idsOf(
  list: RegistryList | undefined,
  state: "up" | "suspect" | "left" = "up",
): string[] {
  return (list?.members ?? [])
    .filter((member) => member.state === state)
    .map(({ id }) => id ?? "?")
    .sort();
}

/** The ids of server processes. */
export function idsAt(servers: readonly ServerProcess[]): string[] {
  return servers.map(({ said }) => said.id).sort();
}

/** Passes connections on to a port of this machine while it is open; closing it cuts them all. */
export class RegistryProxy implements AsyncDisposable {
  readonly #to: number;
  readonly #sockets: Set<Socket> = new Set();
  #listener: ReturnType<typeof createServer> | undefined;
  #port = 0;

  constructor(to: number) {
    this.#to = to;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Opens it, at the port that it had before. */
  async open(): Promise<void> {
    const listener = createServer((caller) => {
      const registry = connectSocket(this.#to, "127.0.0.1");
      for (const [socket, other] of [
        [caller, registry],
        [registry, caller],
      ] as const) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject).listen(this.#port, "127.0.0.1", resolve);
    });
    const address = listener.address();
    if (address !== null && typeof address === "object") this.#port = address.port;
    this.#listener = listener;
  }

  /** Nobody gets through any more, on old connections or on new ones. */
  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
