// What the guard measures: what a call costs, and not how many of them a machine makes.

import { guardRow } from "./rows.ts";
import type { Row } from "./rows.ts";

/** One row of the guard. */
export interface GuardRow {
  readonly row: Row;
  /** Of one window, a tenth or two of a second of work. */
  readonly calls: number;
  /** Both ends on one CPU: with one call in flight two CPUs measure how they wake each other. */
  readonly onOneCpu: boolean;
}

function of(own: Partial<Row> & Pick<Row, "name" | "title" | "work">, calls: number): GuardRow {
  return { row: guardRow(own), calls, onOneCpu: own.inFlight === undefined };
}

/** Every row of the guard. */
export const guardRows: readonly GuardRow[] = [
  of({ name: "sum-64", title: "Sum(1, 2), 64 in flight", work: "sum", inFlight: 64 }, 80_000),
  of({ name: "sum-512", title: "Sum(1, 2), 512 in flight", work: "sum", inFlight: 512 }, 160_000),
  of(
    { name: "object-64", title: "200-byte object, 64 in flight", work: "object", inFlight: 64 },
    25_000,
  ),
  of({ name: "one", title: "Sum(1, 2), 1 in flight, one CPU", work: "sum" }, 6_000),
  of(
    {
      name: "bytes-64k",
      title: "64 KiB echoed, 16 in flight",
      work: "bytes",
      size: 65_536,
      inFlight: 16,
    },
    1_500,
  ),
];
