import { GeeError } from "../base/errors.ts";
import type { Clock } from "../base/time.ts";
import type { EtcdApi, KeyValue } from "./etcd-api.ts";
import type { EtcdLeases, HeldKey } from "./etcd-leases.ts";
import type { EtcdMirror } from "./etcd-mirror.ts";
import { encodeRecord } from "./etcd-records.ts";
import type { StoredMember } from "./store.ts";

/** How long the watch may take to bring what was written. */
const bringMs = 1_000;

/** Settings of an {@link EtcdWriter}. */
export interface EtcdWriterOptions {
  readonly api: EtcdApi;
  readonly mirror: EtcdMirror;
  readonly leases: EtcdLeases;
  readonly clock: Clock;
  /** Takes in what is in etcd when the watch does not bring it. */
  readonly take: (entry: KeyValue) => void;
}

/** What was written. */
export interface Written {
  readonly record: StoredMember;
  readonly revision: number;
}

/** What came of one try. */
interface Attempt {
  readonly done: boolean;
  /** What is there now: ours when it is done, else what came between; undefined = nothing. */
  readonly entry: KeyValue | undefined;
  /** The lease that was made for it. */
  readonly granted?: { readonly lease: string; readonly at: number; readonly term: number };
}

function rawValue(value: string): string {
  return Buffer.from(value).toString("base64");
}

/** That the store does not take a write, as the caller is told. */
function untaken(cause: GeeError): GeeError {
  return new GeeError("UNAVAILABLE", `the registry cannot write: ${cause.message}`, {
    reason: "STORE_UNAVAILABLE",
    cause,
  });
}

async function attempted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw untaken(GeeError.from(thrown));
  }
}

/**
 * Writes members to etcd, where other registries write as well: each write names the revision that
 * it was made from. When there is another one meanwhile, it is made once more, from that.
 */
export class EtcdWriter {
  readonly #options: EtcdWriterOptions;

  constructor(options: EtcdWriterOptions) {
    this.#options = options;
  }

  /**
   * Writes what `make` makes of what is known, and resolves when the watch has brought it, so that
   * changes are told in the order of their revisions. It may be made twice.
   *
   * @param make throws what the caller is to be told, or returns undefined: there is no use in it
   * @param creates whether it is written when the key is not there, or not there any more
   * @throws GeeError what `make` throws; UNAVAILABLE, executed maybe, when etcd does not take it
   */
  async write(
    key: string,
    make: () => StoredMember | undefined,
    creates = true,
  ): Promise<Written | undefined> {
    const { leases } = this.#options;
    let seen: number | undefined;
    for (let attempt = 1; ; attempt++) {
      const record = make();
      if (record === undefined) return undefined;
      const held = leases.get(key);
      if (held === undefined && seen === undefined && !creates) return undefined;
      const value = encodeRecord(record);
      const commit = await attempted(() =>
        this.#commit(key, record, seen ?? held?.revision ?? 0, value),
      );
      const { done, entry } = commit;
      // The answer to an earlier try may have been lost, and this is what it wrote.
      if (entry !== undefined && (done || entry.value === rawValue(value))) {
        await this.#bring(entry);
        const { granted } = commit;
        if (granted !== undefined) leases.kept(key, granted.lease, granted.at, granted.term);
        return { record, revision: entry.revision };
      }
      if (entry === undefined && !creates) return undefined;
      if (entry !== undefined) await this.#bring(entry);
      seen = entry?.revision ?? 0;
      if (attempt < 2) continue;
      throw untaken(new GeeError("ABORTED", "others write to the same key"));
    }
  }

  /** Removes a key, if it is still as it was. Never rejects: what stays ends with its lease. */
  async remove({ key, revision }: HeldKey): Promise<void> {
    await this.#options.api.commit(key, revision, undefined).catch(() => {});
  }

  /** Looks whether there is a key that this registry has not heard of. @throws GeeError */
  async look(key: string): Promise<void> {
    const { api, mirror } = this.#options;
    const found = await attempted(() => api.get(key));
    if (found !== undefined && found.revision > mirror.revision) await this.#bring(found);
  }

  async #commit(key: string, record: StoredMember, seen: number, value: string): Promise<Attempt> {
    const { leases } = this.#options;
    const held = leases.get(key);
    const seconds = leases.secondsOf(record);
    if (seconds === 0) return this.#put(key, seen, value, "0");
    if (held === undefined || !leases.isFit(held, record)) {
      return this.#putAnew(key, seen, value, seconds);
    }
    const { lease } = held;
    try {
      return await this.#put(key, seen, value, lease);
    } catch (thrown) {
      if (GeeError.from(thrown).code !== "NOT_FOUND") throw thrown;
      // It ended a moment ago.
      if (held.lease === lease) held.isLost = true;
      return this.#putAnew(key, seen, value, seconds);
    }
  }

  /** Under a new lease. */
  async #putAnew(key: string, seen: number, value: string, seconds: number): Promise<Attempt> {
    const { api, clock } = this.#options;
    const { head, lease } = await api.grant(seconds);
    const grantedAt = clock.now();
    const attempt = await this.#put(key, seen, value, lease);
    return { ...attempt, granted: { lease, at: grantedAt, term: head.term } };
  }

  async #put(key: string, seen: number, value: string, lease: string): Promise<Attempt> {
    const { head, done, found } = await this.#options.api.commit(key, seen, { value, lease });
    if (!done) return { done, entry: found };
    const rawKey = Buffer.from(key).toString("base64");
    const entry = { key, rawKey, revision: head.revision, lease, value: rawValue(value) };
    return { done, entry };
  }

  /** Waits until the watch has brought what is there; when it does not, that is taken in alone. */
  async #bring(entry: KeyValue): Promise<void> {
    const { mirror, take } = this.#options;
    if (await mirror.reached(entry.revision, bringMs)) return;
    take(entry);
    mirror.doubt(bringMs);
  }
}
