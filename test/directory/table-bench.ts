import { parseAddress } from "../../src/base/address.ts";
import { GeeError } from "../../src/base/errors.ts";
import { MemberTable } from "../../src/directory/member-table.ts";
import type { MemberTableOptions } from "../../src/directory/table-types.ts";
import type { Announcement } from "../../src/discovery/member.ts";
import { FakeClock } from "../support/clock.ts";
import { announcement } from "../support/registry.ts";

/** The id of the n-th instance. */
export function id(n: number): string {
  return n.toString(16).padStart(32, "0");
}

/** The announcement of the n-th instance; each has an address of its own. */
export function instance(n: number, changes: Partial<Announcement> = {}): Announcement {
  const address = parseAddress(`tcp@10.0.${n >> 8}.${n & 255}:4000`);
  return announcement({ id: id(n), address, ...changes });
}

/** The code of what `run` throws; `"fine"` when it throws nothing. */
export function codeOf(run: () => unknown): string {
  try {
    run();
    return "fine";
  } catch (thrown) {
    return GeeError.from(thrown).code;
  }
}

/** A table on a clock of its own, swept as its owner would. */
export class TableBench {
  readonly clock: FakeClock = new FakeClock();
  readonly table: MemberTable;
  /** `kind n` of each change; `-` for a header-only peer. */
  readonly changes: string[] = [];
  /** `kind class late/total` of each mode. */
  readonly modes: string[] = [];
  /** Numbers of those that a store was asked about. */
  readonly silent: number[] = [];
  readonly #secrets = new Map<number, string>();

  constructor(options: Partial<MemberTableOptions> = {}) {
    this.table = new MemberTable({
      clock: this.clock,
      onChange: ({ kind, id: of }) =>
        this.changes.push(`${kind} ${of === undefined ? "-" : Number.parseInt(of, 16)}`),
      onMode: (mode) =>
        this.modes.push(
          mode.kind === "warm" ? "warm" : `${mode.kind} ${mode.of} ${mode.late}/${mode.total}`,
        ),
      onSilent: (of) => this.silent.push(Number.parseInt(of, 16)),
      ...options,
    });
  }

  /** Registers the instances from `from` to `to`, both included. */
  join(from: number, to: number = from, changes: Partial<Announcement> = {}): void {
    for (let n = from; n <= to; n++) {
      this.#secrets.set(n, this.table.put(instance(n, changes)).secret);
    }
  }

  secret(n: number): string {
    return this.#secrets.get(n) ?? "";
  }

  /** One beat of each instance from `from` to `to`. */
  beat(from: number, to: number = from): void {
    for (let n = from; n <= to; n++) this.table.beat(id(n), this.secret(n), 1);
  }

  leave(n: number): void {
    this.table.leave(id(n), this.secret(n));
  }

  /** Time passes, and the table is swept whenever something is due. */
  pass(ms: number): void {
    const { clock, table } = this;
    const end = clock.now() + ms;
    while (table.nextAt <= end) {
      clock.stall(Math.max(0, table.nextAt - clock.now()));
      table.sweep();
    }
    clock.stall(end - clock.now());
  }

  /** Time passes while the instances from `from` to `to` beat every third of a lease. */
  beating(ms: number, from: number, to: number): void {
    for (let left = ms; left > 0; left -= 3_000) {
      this.pass(Math.min(left, 3_000));
      this.beat(from, to);
    }
  }

  /** How many are in each state. */
  states(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { state } of this.table.list()) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }
}
