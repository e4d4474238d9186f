import { createHash, timingSafeEqual } from "node:crypto";
import type { Address } from "../base/address.ts";
import { GeeError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/time.ts";
import { bearerToken } from "../base/token.ts";
import type { Announcement } from "../discovery/member.ts";
import type { Directory, Grant, Report } from "./directory.ts";
import { leastBytes, listedBytes } from "./room.ts";
import { checkScope, type TokenRule } from "./token-rules.ts";

/** Who is gone is looked for this often when a token has used up what it may have. */
const pruneMs = 1_000;

/** The writing side of a directory, for one token or for everybody. Its errors are those of both. */
export interface Writer extends Pick<Directory, "renew" | "leave" | "putAddress"> {
  /** How the log names its token. */
  readonly name: string | undefined;
  /**
   * A write begins; `end` follows, whatever becomes of it.
   *
   * @throws GeeError PERMISSION_DENIED when the token only reads; RESOURCE_EXHAUSTED when too many
   * of its writes are under way
   */
  begin(): void;
  end(): void;
  /** As `Directory.put`, in the name of the token. */
  put(announcement: Announcement, secret: string | undefined): Promise<Grant>;
}

interface Holding {
  readonly writer: TokenWriter;
  /** What it takes up of the list. */
  readonly bytes: number;
}

/** Who registered what, by id, or by address for a header-only peer. */
class Holdings {
  readonly #directory: Directory;
  readonly #clock: Clock;
  readonly #holders = new Map<string, Holding>();
  #prunedAt = Number.NEGATIVE_INFINITY;

  constructor(directory: Directory, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  isHeldBy(key: string, writer: TokenWriter): boolean {
    return this.#holders.get(key)?.writer === writer;
  }

  /**
   * Room for one more, or for one that takes up more than before. What is under way at the same
   * moment does not count yet.
   *
   * @throws GeeError RESOURCE_EXHAUSTED
   */
  check(key: string, writer: TokenWriter, bytes: number): void {
    const known = this.#holders.get(key);
    const before = known?.writer === writer ? known.bytes : 0;
    if (writer.mayHold(before, bytes)) return;
    this.#prune();
    if (writer.mayHold(before, bytes)) return;
    const { held, heldBytes } = writer;
    const message = `this token has ${held} instances (${heldBytes} bytes); it may have no more`;
    throw new GeeError("RESOURCE_EXHAUSTED", message, { reason: "TOKEN_QUOTA", executed: "no" });
  }

  set(key: string, writer: TokenWriter, bytes: number): void {
    const before = this.#holders.get(key);
    if (before?.writer === writer && before.bytes === bytes) return;
    this.drop(key);
    writer.held += 1;
    writer.heldBytes += bytes;
    this.#holders.set(key, { writer, bytes });
    // Those that are gone were never taken out.
    if (this.#holders.size > 2 * limits.maxInstances) this.#prune();
  }

  drop(key: string): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) return;
    holder.writer.held -= 1;
    holder.writer.heldBytes -= holder.bytes;
    this.#holders.delete(key);
  }

  #prune(): void {
    const now = this.#clock.now();
    if (now - this.#prunedAt < pruneMs) return;
    this.#prunedAt = now;
    const listed = new Set<string>();
    for (const { id, address, state } of this.#directory.list()) {
      if (state !== "left") listed.add(id ?? address);
    }
    for (const key of this.#holders.keys()) if (!listed.has(key)) this.drop(key);
  }
}

/** A directory as one token may write to it. */
class TokenWriter implements Writer {
  /** Instances and header-only peers that count for it. */
  held = 0;
  /** What those take up of the list. */
  heldBytes = 0;
  readonly #rule: TokenRule;
  readonly #directory: Directory;
  readonly #holdings: Holdings;
  #underWay = 0;

  constructor(rule: TokenRule, directory: Directory, holdings: Holdings) {
    this.#rule = rule;
    this.#directory = directory;
    this.#holdings = holdings;
  }

  get name(): string {
    return this.#rule.name;
  }

  begin(): void {
    if (!this.#rule.writes) {
      throw new GeeError("PERMISSION_DENIED", "this token may read, and write nothing", {
        reason: "TOKEN_SCOPE",
        executed: "no",
      });
    }
    if (this.#underWay >= limits.maxWritesPerToken) {
      const message = `${this.#underWay} writes of this token are under way`;
      throw new GeeError("RESOURCE_EXHAUSTED", message, { reason: "TOKEN_QUOTA", executed: "no" });
    }
    this.#underWay += 1;
  }

  end(): void {
    this.#underWay -= 1;
  }

  async put(announcement: Announcement, secret: string | undefined): Promise<Grant> {
    const { id, address, services } = announcement;
    checkScope(this.#rule, address, services);
    const bytes = listedBytes(announcement);
    this.#holdings.check(id, this, bytes);
    const grant = await this.#directory.put(announcement, secret, this.#rule.owner);
    this.#holdings.set(id, this, bytes);
    return grant;
  }

  async renew(id: string, secret: string, revision: number, report: Report): Promise<Grant> {
    const bytes = this.#adopted(id);
    const grant = await this.#directory.renew(id, secret, revision, report);
    if (bytes > 0) this.#holdings.set(id, this, bytes);
    return grant;
  }

  async leave(id: string, secret: string, revision?: number): Promise<void> {
    this.#adopted(id);
    await this.#directory.leave(id, secret, revision);
    this.#holdings.drop(id);
  }

  async putAddress(address: Address): Promise<void> {
    checkScope(this.#rule, address, undefined);
    this.#holdings.check(address, this, leastBytes);
    await this.#directory.putAddress(address);
    this.#holdings.set(address, this, leastBytes);
  }

  /**
   * What another token registered, or another start of this registry took in, is the token's to
   * renew only if it were the token's to register: a scope that was narrowed since holds at once.
   *
   * @returns what it takes up, when it is to count for this token from now on; else 0
   */
  #adopted(id: string): number {
    if (this.#holdings.isHeldBy(id, this)) return 0;
    const known = this.#directory.announced(id);
    if (known === undefined) return 0;
    checkScope(this.#rule, known.address, known.services);
    const bytes = listedBytes(known);
    this.#holdings.check(id, this, bytes);
    return bytes;
  }

  /** Whether it may have something that takes up so much, after what that took up before. */
  mayHold(before: number, bytes: number): boolean {
    if (before === 0 && this.held >= limits.maxInstancesPerToken) return false;
    return bytes <= before || this.heldBytes + bytes - before <= limits.maxListBytesPerToken;
  }
}

/** Everybody's writing side where there are no tokens. */
function openWriter(directory: Directory): Writer {
  return {
    name: undefined,
    begin: () => {},
    end: () => {},
    put: (announcement, secret) => directory.put(announcement, secret),
    renew: (id, secret, revision, report) => directory.renew(id, secret, revision, report),
    leave: (id, secret, revision) => directory.leave(id, secret, revision),
    putAddress: (address) => directory.putAddress(address),
  };
}

function unauthenticated(message: string): GeeError {
  return new GeeError("UNAUTHENTICATED", message, { reason: "NO_TOKEN", executed: "no" });
}

/** Who may ask a registry, and what for: everybody for everything, or those with a token. */
export class Access {
  readonly #everybody: Writer | undefined;
  readonly #tokens: readonly { readonly digest: Buffer; readonly writer: Writer }[];

  /** @param rules undefined: no token is asked for */
  constructor(directory: Directory, clock: Clock, rules: readonly TokenRule[] | undefined) {
    const holdings = new Holdings(directory, clock);
    this.#everybody = rules === undefined ? openWriter(directory) : undefined;
    this.#tokens = (rules ?? []).map((rule) => ({
      digest: Buffer.from(rule.digest, "hex"),
      writer: new TokenWriter(rule, directory, holdings),
    }));
  }

  /**
   * Who asks, by the value of the `Authorization` header. Whoever may ask may read. The time that it
   * takes says nothing of any token: digests are compared, and all of them.
   *
   * @throws GeeError UNAUTHENTICATED, reason NO_TOKEN
   */
  enter(authorization: string | null): Writer {
    if (this.#everybody !== undefined) return this.#everybody;
    const token = bearerToken(authorization);
    if (token === undefined) throw unauthenticated("this registry asks for a bearer token");
    const shown = createHash("sha256").update(token).digest();
    let found: Writer | undefined;
    for (const { digest, writer } of this.#tokens) {
      if (timingSafeEqual(shown, digest)) found = writer;
    }
    if (found === undefined) throw unauthenticated("this registry knows no such bearer token");
    return found;
  }
}
