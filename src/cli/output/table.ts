import { widthOf } from './colour.ts';

export interface Column<Row> {
  title: string;
  cell: (row: Row) => string;
  /** Only with -o wide. */
  wide?: boolean;
}

const GAP = '   ';

/** Columns aligned as kubectl aligns them: as wide as their longest cell, three spaces apart. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: { wide?: boolean; header?: boolean } = {},
): string[] {
  const shown = columns.filter((column) => !column.wide || options.wide === true);
  const body = rows.map((row) => shown.map((column) => column.cell(row)));
  const header = options.header === false ? [] : [shown.map((column) => column.title)];
  return align([...header, ...body]);
}

/** Rows of cells to aligned lines; nothing is padded at the end of a line. */
export function align(rows: readonly (readonly string[])[], gap = GAP): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, index) =>
        index === row.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) - widthOf(cell)),
      )
      .join(gap)
      .trimEnd(),
  );
}
