import type { Log } from "../base/log.ts";
import type { Clock } from "../base/time.ts";
import type { EtcdApi } from "./etcd-api.ts";
import type { EtcdContent } from "./etcd-content.ts";
import type { EtcdLeases, HeldKey } from "./etcd-leases.ts";
import type { EtcdMirror } from "./etcd-mirror.ts";
import { instanceKey } from "./etcd-records.ts";
import { EtcdSilence, type Finding } from "./etcd-silence.ts";
import type { EtcdWriter } from "./etcd-writer.ts";
import type { MemberTable } from "./member-table.ts";
import type { StoredMember } from "./store.ts";

/** How long the watch may take to say that a key went with its lease. */
const vanishMs = 1_000;

/** Settings of an {@link EtcdUpkeep}. */
export interface EtcdUpkeepOptions {
  readonly api: EtcdApi;
  readonly table: MemberTable;
  readonly leases: EtcdLeases;
  readonly content: EtcdContent;
  readonly mirror: EtcdMirror;
  readonly writer: EtcdWriter;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a registry writes to etcd of itself, because somebody falls silent or is heard all the same. */
export class EtcdUpkeep implements Disposable {
  readonly #options: EtcdUpkeepOptions;
  readonly #silence: EtcdSilence;

  constructor(options: EtcdUpkeepOptions) {
    const { api, leases, clock } = options;
    this.#options = options;
    const onFinding = (held: HeldKey, finding: Finding): void => void this.#found(held, finding);
    this.#silence = new EtcdSilence({ api, leases, clock, onFinding });
  }

  /** The beats of an instance, which came here, have stopped: finds out whether others hear it. */
  silent(id: string): void {
    const held = this.#options.leases.get(instanceKey(id));
    if (held !== undefined) this.#silence.ask(held);
  }

  /** A key vanished, and its member's beats come here: writes it again. Never rejects. */
  async restore(held: HeldKey): Promise<void> {
    const { leases, table, content, writer, log } = this.#options;
    const { key, of, beatAt } = held;
    const make = (): StoredMember | undefined => {
      if (leases.get(key) !== undefined) return undefined;
      if ("address" in of) return { address: of.address, old: true };
      const record = table.record(of.id);
      return record?.state === "up" ? record : undefined;
    };
    try {
      const written = await writer.write(key, make);
      if (written !== undefined) content.heard(written.record, written.revision);
    } catch (thrown) {
      log.warn("a member vanished from etcd and cannot be written again", { key, error: thrown });
    }
    const now = leases.get(key);
    if (now === undefined) content.lose(held);
    else now.beatAt = Math.max(now.beatAt, beatAt);
  }

  /**
   * A lease is over. Its key goes with it, as the watch will tell; if it does not, what is known
   * here is not what etcd has, and everything is read again.
   */
  lost(held: HeldKey): void {
    const { leases, mirror, clock } = this.#options;
    const { key, lease } = held;
    const look = (): void => {
      if (leases.get(key) === held && held.lease === lease) mirror.reread();
    };
    clock.after(vanishMs, look, { background: true });
  }

  /** Nothing more is written. */
  [Symbol.dispose](): void {
    this.#silence[Symbol.dispose]();
  }

  async #found(held: HeldKey, finding: Finding): Promise<void> {
    const { table, writer } = this.#options;
    const { key, of, beatAt } = held;
    if (!("id" in of)) return;
    const { id } = of;
    if (finding === "elsewhere") return table.touch(id);
    const make = (): StoredMember | undefined => {
      const record = table.record(id);
      const isSilent = record?.state === "up" && held.beatAt === beatAt;
      return isSilent ? { ...record, state: "suspect" } : undefined;
    };
    try {
      await writer.write(key, make, false);
    } catch {
      this.#silence.again(held);
    }
  }
}
