import { limits } from "../base/limits.ts";
import { printable } from "../base/log.ts";
import { Fields, flag, integer, list, type Parse, text } from "../base/fields.ts";
import type { EtcdClient, EtcdRequestOptions } from "./etcd-client.ts";
import { parseRefusal } from "./etcd-errors.ts";

/** A page may have some MB. */
const rangeMs = 5_000;

/** What each answer begins with. */
export interface Head {
  /** The cluster's id, in hex digits. */
  readonly cluster: string;
  /** Of the store when it answered; every write raises it. */
  readonly revision: number;
  /** Rises with every new leader. */
  readonly term: number;
}

/** A key and what it holds. */
export interface KeyValue {
  readonly key: string;
  /** The key in base64, as it came: one of another program's need not be text. */
  readonly rawKey: string;
  /** In which it was last written. */
  readonly revision: number;
  /** Decimal; `"0"` = none. */
  readonly lease: string;
  /** In base64; undefined when it is larger than any record. */
  readonly value: string | undefined;
}

/** Part of a range. */
export interface Page {
  readonly head: Head;
  readonly entries: readonly KeyValue[];
  readonly more: boolean;
}

/** What became of a write. */
export interface Commit {
  readonly head: Head;
  readonly done: boolean;
  /** What is there, when that is why it was not done; undefined when nothing is. */
  readonly found: KeyValue | undefined;
}

/** How a lease stands, in seconds. */
export interface LeaseState {
  readonly head: Head;
  /** Undefined when there is no such lease. */
  readonly leftSeconds: number | undefined;
  readonly grantedSeconds: number;
}

/** One message of a watch. */
export interface WatchMessage {
  /** Each key as it was written, or its name and the revision in which it vanished. */
  readonly events: readonly (
    { readonly put: KeyValue } | { readonly vanished: string; readonly revision: number }
  )[];
  /** More of the same revision follows. */
  readonly partial: boolean;
  /** The watch is over: what it was to begin with is not kept any more. */
  readonly compacted: boolean;
  /** The watch is over, for this reason. */
  readonly cancelled: string | undefined;
}

/** 64-bit numbers travel as text. */
const digits = text(20, /^-?\d{1,20}$/);

const count: Parse<number> = (value, path) =>
  integer(0, Number.MAX_SAFE_INTEGER)(Number(digits(value, path)), path);

const base64 = text(Number.MAX_SAFE_INTEGER, /^[A-Za-z0-9+/]*={0,2}$/);

const nested: Parse<Fields> = (value, path) => new Fields(value, path);

function parseHead(fields: Fields): Head {
  const head = fields.need("header", nested);
  const cluster = head.need("cluster_id", digits);
  return {
    cluster: BigInt(cluster).toString(16),
    // What is zero is left out of an answer.
    revision: head.may("revision", count) ?? 0,
    term: head.may("raft_term", count) ?? 0,
  };
}

/** A record has to fit in what a registry takes from the network; base64 is a third longer. */
const maxValueLength = Math.ceil((limits.maxRegistryBodyBytes * 4) / 3) + 4;

function parseKeyValue(value: unknown, path: string): KeyValue {
  const fields = new Fields(value, path);
  const rawKey = fields.need("key", base64);
  const held = fields.may("value", base64) ?? "";
  return {
    key: Buffer.from(rawKey, "base64").toString(),
    rawKey,
    revision: fields.need("mod_revision", count),
    lease: fields.may("lease", digits) ?? "0",
    value: held.length > maxValueLength ? undefined : held,
  };
}

function parseEntries(fields: Fields): readonly KeyValue[] {
  return fields.may("kvs", list(Number.MAX_SAFE_INTEGER, parseKeyValue)) ?? [];
}

function parseEvent(value: unknown, path: string): WatchMessage["events"][number] {
  const fields = new Fields(value, path);
  const written = fields.need("kv", parseKeyValue);
  const type = fields.may("type", text(10)) ?? "PUT";
  if (type === "PUT") return { put: written };
  return { vanished: written.key, revision: written.revision };
}

function parseMessage(value: unknown): WatchMessage {
  const result = new Fields(value, "answer").need("result", nested);
  const compactedTo = result.may("compact_revision", count) ?? 0;
  const isOver = result.may("canceled", flag) ?? false;
  const reason = result.may("cancel_reason", (given) => printable(String(given)));
  return {
    events: result.may("events", list(Number.MAX_SAFE_INTEGER, parseEvent)) ?? [],
    partial: result.may("fragment", flag) ?? false,
    compacted: compactedTo > 0,
    cancelled: isOver ? (reason ?? "for no reason given") : undefined,
  };
}

function encode(plain: string): string {
  return Buffer.from(plain).toString("base64");
}

/** Up to where all keys begin with a prefix: the same with its last character one further. */
function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

/**
 * What a registry needs of etcd's API v3, as it is spoken through the JSON gateway. Reads are
 * linearizable. Every method rejects as `EtcdClient` says, and with INVALID_ARGUMENT when an answer
 * makes no sense.
 */
export class EtcdApi {
  readonly #client: EtcdClient;

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  /** How one member stands, asked of the whole cluster through it. */
  async head(member: number): Promise<Head> {
    const body = { key: encode("gee"), count_only: true };
    const options: EtcdRequestOptions = { member, urgent: true };
    const answer = await this.#client.ask("/v3/kv/range", body, options);
    return parseHead(new Fields(answer, "answer"));
  }

  /**
   * Keys under a prefix, in order.
   *
   * @param after only those behind this one, given as `rawKey`
   * @param revision as they were then; undefined: as they are
   * @throws GeeError RESOURCE_EXHAUSTED, reason BODY_TOO_LARGE: ask for fewer; OUT_OF_RANGE when
   * that revision is not kept any more
   */
  async range(
    prefix: string,
    {
      after,
      limit,
      revision,
    }: { after: string | undefined; limit: number; revision: number | undefined },
  ): Promise<Page> {
    // The next key after one is the same with a zero byte behind it.
    const from =
      after === undefined
        ? Buffer.from(prefix)
        : Buffer.concat([Buffer.from(after, "base64"), Buffer.of(0)]);
    const answer = await this.#client.ask(
      "/v3/kv/range",
      {
        key: from.toString("base64"),
        range_end: encode(endOf(prefix)),
        limit,
        revision: revision === undefined ? undefined : `${revision}`,
      },
      { urgent: true, attemptMs: rangeMs },
    );
    const fields = new Fields(answer, "answer");
    const more = fields.may("more", flag) ?? false;
    return { head: parseHead(fields), entries: parseEntries(fields), more };
  }

  /** One key; undefined when there is none. */
  async get(key: string): Promise<KeyValue | undefined> {
    const answer = await this.#client.ask("/v3/kv/range", { key: encode(key) });
    return parseEntries(new Fields(answer, "answer"))[0];
  }

  /**
   * Writes a key, or removes it, if it was last written in the revision `seen`; 0 = if it is not
   * there.
   *
   * @throws GeeError NOT_FOUND when there is no such lease
   */
  async commit(
    key: string,
    seen: number,
    put: { readonly value: string; readonly lease: string } | undefined,
  ): Promise<Commit> {
    const name = { key: encode(key) };
    const change =
      put === undefined
        ? { request_delete_range: name }
        : { request_put: { ...name, value: encode(put.value), lease: put.lease } };
    const answer = await this.#client.ask("/v3/kv/txn", {
      compare: [{ ...name, target: "MOD", result: "EQUAL", mod_revision: `${seen}` }],
      success: [change],
      failure: [{ request_range: name }],
    });
    const fields = new Fields(answer, "answer");
    const head = parseHead(fields);
    if (fields.may("succeeded", flag) === true) return { head, done: true, found: undefined };
    const [response] = fields.may("responses", list(1, nested)) ?? [];
    const range = response?.may("response_range", nested);
    return { head, done: false, found: range === undefined ? undefined : parseEntries(range)[0] };
  }

  /** A lease of at least so many seconds; etcd has a shortest one. Decimal. */
  async grant(seconds: number): Promise<{ readonly head: Head; readonly lease: string }> {
    const answer = await this.#client.ask("/v3/lease/grant", { TTL: `${seconds}` });
    const fields = new Fields(answer, "answer");
    return { head: parseHead(fields), lease: fields.need("ID", digits) };
  }

  /** Starts leases anew. Returns those that are there; the others are over. */
  async keepAlive(
    leases: readonly string[],
  ): Promise<{ readonly term: number; readonly kept: ReadonlySet<string> }> {
    const kept = new Set<string>();
    let term = 0;
    const bodies = leases.map((lease) => ({ ID: lease }));
    for (const answer of await this.#client.askMany("/v3/lease/keepalive", bodies)) {
      const outer = new Fields(answer, "answer");
      if (outer.has("error")) throw parseRefusal("a keepalive", answer);
      const fields = outer.need("result", nested);
      ({ term } = parseHead(fields));
      if ((fields.may("TTL", count) ?? 0) > 0) kept.add(fields.need("ID", digits));
    }
    return { term, kept };
  }

  /** How much of a lease is left. */
  async timeToLive(lease: string): Promise<LeaseState> {
    const answer = await this.#client.ask("/v3/lease/timetolive", { ID: lease });
    const fields = new Fields(answer, "answer");
    const left = Number(fields.may("TTL", digits) ?? 0);
    const grantedSeconds = fields.may("grantedTTL", count) ?? 0;
    return { head: parseHead(fields), leftSeconds: left < 0 ? undefined : left, grantedSeconds };
  }

  /** Watches all keys under a prefix from a revision on, itself included, at one member. */
  async watch(
    prefix: string,
    revision: number,
    signal: AbortSignal,
  ): Promise<{ readonly member: number; readonly messages: AsyncGenerator<WatchMessage> }> {
    const create = {
      key: encode(prefix),
      range_end: encode(endOf(prefix)),
      start_revision: `${revision}`,
      // Without it one message could have any size.
      fragment: true,
    };
    const body = { create_request: create };
    const { member, values } = await this.#client.open("/v3/watch", body, signal);
    return { member, messages: parseMessages(values) };
  }
}

async function* parseMessages(values: AsyncGenerator<unknown>): AsyncGenerator<WatchMessage> {
  for await (const value of values) yield parseMessage(value);
}
