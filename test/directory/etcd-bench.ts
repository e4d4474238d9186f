import { createLog } from "../../src/base/log.ts";
import type { Grant } from "../../src/directory/directory.ts";
import { EtcdDirectory } from "../../src/directory/etcd-directory.ts";
import type { Announcement } from "../../src/discovery/member.ts";
import { FakeClock, turn } from "../support/clock.ts";
import { FakeEtcd } from "./fake-etcd.ts";
import { id, instance } from "./table-bench.ts";

/** Members of the cluster, by host and port. */
export const places = ["e1:2379", "e2:2379", "e3:2379"] as const;

/** Lets everything happen that waits for no time. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 12; turns++) await turn();
}

/** Registries over one etcd that is none, in time that moves by hand. */
export class EtcdBench implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock();
  readonly etcd: FakeEtcd = new FakeEtcd(this.clock);
  /** Of all registries. */
  readonly lines: string[] = [];
  readonly #stack = new AsyncDisposableStack();
  readonly #secrets = new Map<number, string>();

  /** One more registry. */
  async open(
    options: {
      leaseMs?: number;
      oldLeaseMs?: number;
      allowLoopback?: boolean;
      members?: readonly string[];
    } = {},
  ): Promise<EtcdDirectory> {
    const log = createLog((line) => this.lines.push(line));
    const opening = EtcdDirectory.open({
      members: places.map((place) => `http://${place}`),
      clock: this.clock,
      log,
      leaseMs: 9_000,
      oldLeaseMs: 300_000,
      allowLoopback: false,
      random: () => 0,
      fetch: this.etcd.fetch,
      ...options,
    });
    // What is opened while nobody answers waits for a time-out.
    const state = { isOpen: false };
    void opening.then(() => (state.isOpen = true));
    while (!state.isOpen) await this.pass(50);
    return this.#stack.use(await opening);
  }

  /** Registers an instance, or announces it again. */
  async join(
    directory: EtcdDirectory,
    n: number,
    changes: Partial<Announcement> = {},
  ): Promise<Grant> {
    const grant = await directory.put(instance(n, changes), this.#secrets.get(n));
    this.#secrets.set(n, grant.secret);
    return grant;
  }

  secret(n: number): string {
    return this.#secrets.get(n) ?? "";
  }

  beat(directory: EtcdDirectory, n: number, load = 0): Promise<Grant> {
    return directory.renew(id(n), this.secret(n), 1, { load });
  }

  /** Time passes, slowly enough for everything that takes none. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0;) {
      await settle();
      const step = Math.min(left, 50);
      await this.clock.advance(step);
      left -= step;
    }
    await settle();
  }

  /** Time passes while instances beat, each at its registry, every third of 9 s. */
  async beating(ms: number, beats: readonly (readonly [EtcdDirectory, number])[]): Promise<void> {
    for (let left = ms; left > 0; left -= 3_000) {
      await Promise.all(beats.map(([directory, n]) => this.beat(directory, n)));
      await this.pass(Math.min(left, 3_000));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** `n state` of each member. */
export function states(directory: EtcdDirectory): readonly string[] {
  return directory
    .list()
    .map(({ id: of, address, state }) =>
      of === undefined ? address : `${Number.parseInt(of, 16)} ${state}`,
    );
}
