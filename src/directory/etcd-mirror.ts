import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { backoffMs, type Clock, sleep } from "../base/time.ts";
import type { EtcdApi, Head, KeyValue, WatchMessage } from "./etcd-api.ts";
import { prefix } from "./etcd-records.ts";
import { EtcdRevisions } from "./etcd-revisions.ts";

/** The member that sends the watch is asked so often whether it still has its cluster. */
const lookMs = 1_000;

/** A watch that ended is opened again after this; when that fails, after ... */
const reopenMs = 20;

/** ... a wait between these. */
const retry = { minMs: 50, maxMs: 500 } as const;

/** Keys that are read at a time. */
const pageSize = 512;

/** Keys that are read in all: as many as there may be members, and as many broken ones. */
const maxKeys = 2 * limits.maxInstances;

/**
 * What they may take up, as they came: a full list has a third more in base64, and the rest is room
 * for broken ones.
 */
const maxBytes = 4 * limits.maxListBytes;

/** Who is told what etcd holds; each call runs to its end before the next. */
export interface MirrorTarget {
  /**
   * All there is, as of a revision.
   *
   * @param anew nothing that was told before says anything about it: it is another cluster, or one
   * that went back to an earlier state
   */
  whole(entries: readonly KeyValue[], revision: number, anew: boolean): void;
  put(entry: KeyValue): void;
  vanished(key: string, revision: number): void;
}

/** Settings of an {@link EtcdMirror}. */
export interface EtcdMirrorOptions {
  readonly api: EtcdApi;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
  readonly target: MirrorTarget;
}

/** What came of looking after a watch. */
interface Look {
  well: boolean;
  error: unknown;
}

/** What an entry takes up while everything is read. */
function bytesOf({ key, rawKey, value = "" }: KeyValue): number {
  return key.length + rawKey.length + value.length;
}

/**
 * Follows what etcd holds: reads it once, then watches from that revision on, at one member after
 * the other, for ever. When the next revision is compacted away, everything is read again.
 */
export class EtcdMirror implements Disposable {
  readonly #options: EtcdMirrorOptions;
  readonly #closing = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  /** What the target knows. */
  readonly #revisions: EtcdRevisions;
  #trouble: string | undefined = "etcd has not answered yet";
  #isTold = false;
  #cluster: string | undefined;
  /** Where to watch from; undefined: everything has to be read first. */
  #next: number | undefined;
  /** When the watch last brought something, or began. */
  #heardAt = 0;
  #stopWatch: () => void = () => {};

  constructor(options: EtcdMirrorOptions) {
    this.#options = options;
    this.#revisions = new EtcdRevisions(options.clock);
  }

  /** Resolves when everything was read, or when that failed for the first time. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** The cluster's id; undefined until it was read. */
  get cluster(): string | undefined {
    return this.#cluster;
  }

  /** The revision up to which the target knows everything. */
  get revision(): number {
    return this.#revisions.current;
  }

  /** Why what is here may be old, in a few words; undefined when it is not. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Starts to follow. Once. */
  start(): void {
    void this.#run();
  }

  /** Reads everything again: somebody knows that what is here is not all. */
  reread(): void {
    this.#next = undefined;
    this.#stopWatch();
  }

  /** The watch owes something, and is given up if it brought nothing at all for so long. */
  doubt(silentMs: number): void {
    const isSilent = this.#options.clock.now() - this.#heardAt >= silentMs;
    if (isSilent && this.#trouble === undefined) this.reread();
  }

  /** Resolves when the target knows a revision: with true, or with false when the time is over. */
  reached(revision: number, timeoutMs: number): Promise<boolean> {
    return this.#revisions.reached(revision, timeoutMs);
  }

  /** Ends it; nobody is told anything any more. */
  [Symbol.dispose](): void {
    this.#closing.abort();
    this.#stopWatch();
    this.#ready.resolve();
    this.#revisions[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted;) {
      try {
        if (this.#next === undefined) await this.#read();
        await this.#follow();
        failures = 0;
      } catch (thrown) {
        if (signal.aborted) return;
        failures += 1;
        this.#fail(GeeError.from(thrown));
      }
      await this.#pause(failures);
    }
  }

  async #pause(failures: number): Promise<void> {
    const { clock, random } = this.#options;
    const waitMs = failures === 0 ? reopenMs : backoffMs(failures, retry, random);
    const { signal } = this.#closing;
    await sleep(clock, waitMs, { signal, background: true }).catch(() => {});
  }

  #fail({ message }: GeeError): void {
    this.#trouble = message;
    this.#ready.resolve();
    if (this.#isTold) return;
    this.#isTold = true;
    this.#options.log.warn("etcd does not answer; the list is served from memory", {
      why: message,
    });
  }

  #well(): void {
    this.#trouble = undefined;
    if (!this.#isTold) return;
    this.#isTold = false;
    this.#options.log.warn("etcd answers again", { revision: this.revision });
  }

  async #read(): Promise<void> {
    const { api, log, target } = this.#options;
    const entries: KeyValue[] = [];
    let head: Head | undefined;
    let limit = pageSize;
    let bytes = 0;
    for (let more = true; more && entries.length < maxKeys && bytes < maxBytes;) {
      const after = entries.at(-1)?.rawKey;
      try {
        const page = await api.range(prefix, { after, limit, revision: head?.revision });
        head ??= page.head;
        entries.push(...page.entries);
        for (const entry of page.entries) bytes += bytesOf(entry);
        more = page.more && page.entries.length > 0;
      } catch (thrown) {
        const { reason } = GeeError.from(thrown);
        if (reason !== "BODY_TOO_LARGE" || limit === 1) throw thrown;
        limit = Math.ceil(limit / 4);
      }
    }
    if (head === undefined || this.#closing.signal.aborted) return;
    if (entries.length >= maxKeys) log.warn("etcd holds more keys than are read", { maxKeys });
    if (bytes >= maxBytes) log.warn("etcd holds more bytes than are read", { maxBytes });
    const { cluster, revision } = head;
    const anew = this.#cluster !== undefined && this.#isOther(head, this.revision);
    if (anew) log.warn("etcd is another one, or went back to an earlier state", { revision });
    this.#cluster = cluster;
    this.#next = revision + 1;
    // In the order in which they were written: who came later to an address has it.
    target.whole(
      entries.sort((a, b) => a.revision - b.revision),
      revision,
      anew,
    );
    this.#revisions.reach(revision);
    this.#ready.resolve();
  }

  /** Whether an answer is from another history than the one that reached `known`. */
  #isOther({ cluster, revision }: Head, known: number): boolean {
    return cluster !== this.#cluster || revision < known;
  }

  /** Watches until the watch ends. @throws GeeError when it was not well before */
  async #follow(): Promise<void> {
    const { api, clock } = this.#options;
    const stop = new AbortController();
    this.#stopWatch = () => stop.abort();
    if (this.#closing.signal.aborted || this.#next === undefined) return;
    this.#heardAt = clock.now();
    const look: Look = { well: false, error: undefined };
    try {
      const { member, messages } = await api.watch(prefix, this.#next, stop.signal);
      void this.#look(member, stop, look);
      for await (const message of messages) {
        if (stop.signal.aborted || !this.#take(message)) break;
      }
    } catch (thrown) {
      if (look.error !== undefined) throw look.error;
      if (stop.signal.aborted) return;
      const { reason } = GeeError.from(thrown);
      if (reason === "LINE_TOO_LONG") this.#next = undefined;
      if (reason !== "ETCD_UNAVAILABLE" || !look.well) throw thrown;
    } finally {
      stop.abort();
    }
  }

  /**
   * Looks after a watch while it runs: one that says nothing may just as well be cut off. Reads
   * are linearizable, so a member without its cluster fails here.
   */
  async #look(member: number, stop: AbortController, look: Look): Promise<void> {
    const { api, clock } = this.#options;
    const { signal } = stop;
    while (!signal.aborted) {
      const known = this.revision;
      try {
        const head = await api.head(member);
        if (signal.aborted) return;
        look.well = true;
        this.#well();
        // A watch that begins in the future of a store that went back would wait for ever.
        if (this.#isOther(head, known)) this.reread();
      } catch (thrown) {
        if (signal.aborted) return;
        look.error = thrown;
        stop.abort();
        return;
      }
      await sleep(clock, lookMs, { signal, background: true }).catch(() => {});
    }
  }

  /** @returns whether the watch goes on */
  #take({ events, partial, compacted, cancelled }: WatchMessage): boolean {
    const { target, clock } = this.#options;
    this.#heardAt = clock.now();
    if (compacted) {
      this.#next = undefined;
      return false;
    }
    if (cancelled !== undefined) {
      throw new GeeError("UNAVAILABLE", `etcd ended the watch: ${cancelled}`, {
        reason: "ETCD_UNAVAILABLE",
      });
    }
    let last = 0;
    for (const event of events) {
      last = "put" in event ? event.put.revision : event.revision;
      if ("put" in event) target.put(event.put);
      else target.vanished(event.vanished, event.revision);
    }
    if (last === 0) return true;
    // The rest of a revision that came in part comes again, should the watch end here.
    this.#next = partial ? last : last + 1;
    this.#revisions.reach(partial ? last - 1 : last);
    return true;
  }
}
