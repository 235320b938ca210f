/** The table of measures: a row for each method and control, a column for each measure, with standard errors. */
import { type BoxHits, maxBoxAccuracy } from '../../methods/metrics/maxBoxAccuracy';
import type { Line } from '../many/index';
import type { Measures } from './measures';

interface Cell {
  readonly mean: number;
  /** Of the mean, over pictures; null where there is one picture, or the number is of all of them. */
  readonly standardError: number | null;
  readonly pictures: number;
}

type Table = Readonly<Record<string, Readonly<Record<string, Cell>>>>;

/** By method, then by measure. Of numbers that are infinite there is no mean: those pictures are left out. */
export function tableOf(lines: readonly Line[]): Table {
  const all = lines.flatMap((line) => ('measures' in line ? [line.measures as Measures] : []));
  const names = [...new Set(all.flatMap((measures) => Object.keys(measures)))];
  return Object.fromEntries(
    names.map((method) => {
      const own = all.flatMap((measures) => measures[method] ?? []);
      const measures = [...new Set(own.flatMap(({ numbers }) => Object.keys(numbers)))];
      const cells = measures.map((measure): readonly [string, Cell] => [
        measure,
        cellOf(own.map(({ numbers }) => numbers[measure] ?? NaN).filter(Number.isFinite)),
      ]);
      const hits = own.flatMap((one) => one.hits ?? []).length > 0 ? own.map((one) => rowsOf(one.hits ?? [])) : [];
      const box = { mean: maxBoxAccuracy(hits), standardError: null, pictures: hits.length };
      return [method, Object.fromEntries([...cells, ...(hits.length > 0 ? [['MaxBoxAccV2', box] as const] : [])])];
    }),
  );
}

const rowsOf = (rows: readonly string[]): BoxHits => rows.map((row) => row.split('').map((hit) => hit === '1'));

function cellOf(values: readonly number[]): Cell {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, standardError: n > 1 ? Math.sqrt(variance / n) : null, pictures: n };
}

/** As Markdown: a method a row. */
export function printed(table: Table): readonly string[] {
  const measures = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))];
  const cell = (found: Cell | undefined): string => {
    if (!found) return '';
    return found.standardError === null
      ? found.mean.toFixed(3)
      : `${found.mean.toFixed(3)} ± ${found.standardError.toFixed(3)}`;
  };
  const rows = [
    ['', ...measures],
    ...Object.entries(table).map(([method, row]) => [method, ...measures.map((measure) => cell(row[measure]))]),
  ];
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((row) => row[k]!.length)));
  const lined = rows.map((row) => `| ${row.map((text, k) => text.padEnd(widths[k]!)).join(' | ')} |`);
  return [lined[0]!, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lined.slice(1)];
}
