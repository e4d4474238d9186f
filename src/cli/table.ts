import { printable } from "../base/log.ts";

/** A column: its heading and its text for a row. */
export interface Column<Row> {
  readonly heading: string;
  readonly text: (row: Row) => string;
}

const gap = "   ";

/**
 * Rows below headings, aligned by what the terminal shows (wide characters count twice), cut to
 * `width` where one is given. A column that is empty in every row is left out.
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width?: number,
): string {
  const cells = columns
    .map(({ heading, text }) => [
      heading,
      ...rows.map((row) => printable(text(row), Number.POSITIVE_INFINITY)),
    ])
    .filter(([, ...body]) => rows.length === 0 || body.some((cell) => cell !== ""));
  const widths = cells.map((column) => Math.max(...column.map((cell) => Bun.stringWidth(cell))));
  const lines = Array.from({ length: rows.length + 1 }, (_, row) =>
    cells
      .map((column, index) => pad(column[row] ?? "", widths[index] ?? 0))
      .join(gap)
      .trimEnd(),
  );
  return lines
    .map((line) => (width === undefined ? line : Bun.sliceAnsi(line, 0, width)))
    .join("\n");
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - Bun.stringWidth(cell)));
}
