import { eventually } from "./cluster.ts";
import { type Folder, folder } from "./folder.ts";

/** Where etcd is; undefined when it is not installed. */
export const etcdPath: string | undefined = Bun.which("etcd") ?? undefined;

/** Why tests that need it are skipped. */
export const withoutEtcd =
  "skipped: etcd is not installed (on Debian: apt-get install etcd-server)";

/** One process of etcd. */
export interface EtcdMember {
  /** `127.0.0.1:PORT`, where it answers. */
  readonly place: string;
  readonly pid: number;
  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
  /** Starts it again after it was killed, with the data that it had. */
  restart(): Promise<void>;
}

/** Ports that nobody has now. */
function freePorts(count: number): readonly number[] {
  const listeners = Array.from({ length: count }, () =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }),
  );
  const ports = listeners.map(({ port }) => port);
  for (const listener of listeners) listener.stop(true);
  return ports;
}

/** What a gateway answers, as it is. */
export async function askEtcd(place: string, path: string, body: object): Promise<unknown> {
  const init = { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(3_000) };
  const answer = await fetch(`http://${place}${path}`, { ...init, proxy: false, keepalive: false });
  const value: unknown = await answer.json();
  if (answer.status !== 200) throw new Error(JSON.stringify(value));
  return value;
}

class Member implements EtcdMember {
  readonly place: string;
  readonly #command: readonly string[];
  #child: Bun.Subprocess;

  constructor(place: string, command: readonly string[]) {
    this.place = place;
    this.#command = command;
    this.#child = this.#start();
  }

  get pid(): number {
    return this.#child.pid;
  }

  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(name);
  }

  async restart(): Promise<void> {
    await this.#child.exited;
    this.#child = this.#start();
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  #start(): Bun.Subprocess {
    // Settings of etcd may come from the environment as well: none of them is for this one.
    const env = {
      PATH: process.env["PATH"] ?? "",
      ...(process.arch === "arm64" ? { ETCD_UNSUPPORTED_ARCH: "arm64" } : {}),
    };
    const silent = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
    return Bun.spawn([...this.#command], { ...silent, env });
  }
}

/** A cluster of etcd on loopback, with its data in a folder of its own. Disposing it ends it. */
export class EtcdCluster implements AsyncDisposable {
  readonly members: readonly EtcdMember[];
  readonly #own: readonly Member[];
  readonly #folder: Folder;

  private constructor(place: Folder, members: readonly Member[]) {
    this.#folder = place;
    this.members = members;
    this.#own = members;
  }

  /** @throws Error when etcd is not installed, or does not come up */
  static async start(size = 3): Promise<EtcdCluster> {
    if (etcdPath === undefined) throw new Error(withoutEtcd);
    const place = await folder();
    const ports = freePorts(2 * size);
    const peer = (n: number): string => `http://127.0.0.1:${ports[size + n]}`;
    const names = Array.from({ length: size }, (_, n) => `m${n}`);
    const initial = names.map((name, n) => `${name}=${peer(n)}`).join(",");
    // When the test's process dies, however that is, so do they.
    const setpriv = Bun.which("setpriv");
    const bound = setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"];
    const members = names.map((name, n) => {
      const at = `127.0.0.1:${ports[n]}`;
      const settings = {
        name,
        "data-dir": `${place.path}/${name}`,
        "listen-client-urls": `http://${at}`,
        "advertise-client-urls": `http://${at}`,
        "listen-peer-urls": peer(n),
        "initial-advertise-peer-urls": peer(n),
        "initial-cluster": initial,
        "initial-cluster-token": place.path,
        "log-level": "error",
      };
      const flags = Object.entries(settings).map(([flag, value]) => `--${flag}=${value}`);
      return new Member(at, [...bound, etcdPath, ...flags]);
    });
    const cluster = new EtcdCluster(place, members);
    try {
      for (const member of members) await cluster.ready(member);
      return cluster;
    } catch (thrown) {
      await cluster[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** As it is named to a registry. */
  get url(): string {
    return `etcd://${this.members.map(({ place }) => place).join(",")}`;
  }

  /** Waits until a member answers with all of the cluster's writes. */
  async ready({ place }: EtcdMember): Promise<void> {
    const body = { key: Buffer.from("x").toString("base64") };
    const asks = (): Promise<boolean> =>
      askEtcd(place, "/v3/kv/range", body).then(
        () => true,
        () => false,
      );
    await eventually(asks, `etcd at ${place}`);
  }

  /** Who leads now, as those say that run. */
  async leader(): Promise<EtcdMember> {
    let found: EtcdMember | undefined;
    await eventually(async () => {
      for (const member of this.members) {
        const status = await askEtcd(member.place, "/v3/maintenance/status", {}).catch(() => ({}));
        const { leader, header } = parseStatus(status);
        if (leader !== undefined && leader === header) found = member;
      }
      return found !== undefined;
    }, "a leader of etcd");
    if (found === undefined) throw new Error("there is no leader");
    return found;
  }

  /** A request to whichever member answers. */
  async ask(path: string, body: object): Promise<unknown> {
    let last: unknown;
    for (const { place } of this.members) {
      try {
        return await askEtcd(place, path, body);
      } catch (thrown) {
        last = thrown;
      }
    }
    throw last;
  }

  /** Writes a key as another program would, under a lease or under none. */
  async put(key: string, value: string | Uint8Array, lease = "0"): Promise<void> {
    const [name, content] = [Buffer.from(key), Buffer.from(value)];
    const body = { key: name.toString("base64"), value: content.toString("base64"), lease };
    await this.ask("/v3/kv/put", body);
  }

  /** A new lease; it ends with the cluster, if not before. */
  async lease(seconds: number): Promise<string> {
    const answer = await this.ask("/v3/lease/grant", { TTL: `${seconds}` });
    const id = /"ID":"(\d+)"/.exec(JSON.stringify(answer))?.[1];
    if (id === undefined) throw new Error("etcd grants no lease");
    return id;
  }

  /** Removes all keys of ours. */
  async clear(): Promise<void> {
    const [from, to] = ["gee/", "gee0"].map((name) => Buffer.from(name).toString("base64"));
    await this.ask("/v3/kv/deleterange", { key: from, range_end: to });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#own.map((member) => member.end()));
    await this.#folder[Symbol.asyncDispose]();
  }
}

function parseStatus(value: unknown): { leader?: unknown; header?: unknown } {
  if (typeof value !== "object" || value === null) return {};
  const leader = "leader" in value ? value.leader : undefined;
  const header = "header" in value ? value.header : undefined;
  if (typeof header !== "object" || header === null || !("member_id" in header)) return { leader };
  return { leader, header: header.member_id };
}
