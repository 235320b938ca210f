/** The table of measures: a row for each method and control, a column for each measure, with standard errors. */
import { type BoxHits, maxBoxAccuracy } from '../../methods/metrics/maxBoxAccuracy';
import type { Line } from '../many/index';
import type { Measures } from './measures';

type Cell = ({ readonly mean: number } | { readonly median: number }) & {
  /** Of that, over pictures; null where there is one picture, or the number is of all of them. */
  readonly standardError: number | null;
  readonly pictures: number;
};

/** Shares of what a picture's score is above that of the mean colour: where that is next to nothing, they are huge. */
const SHARES: readonly string[] = ['deletion', 'insertion'];

type Table = Readonly<Record<string, Readonly<Record<string, Cell>>>>;

/**
 * By method, then by measure: means, and of {@link SHARES} medians. Of numbers that are infinite there is neither:
 * those pictures are left out.
 */
export function tableOf(lines: readonly Line[]): Table {
  const all = lines.flatMap((line) => ('measures' in line ? [line.measures as Measures] : []));
  const names = [...new Set(all.flatMap((measures) => Object.keys(measures)))];
  return Object.fromEntries(
    names.map((method) => {
      const own = all.flatMap((measures) => measures[method] ?? []);
      const measures = [...new Set(own.flatMap(({ numbers }) => Object.keys(numbers)))];
      const cells = measures.map((measure): readonly [string, Cell] => [
        measure,
        (SHARES.includes(measure) ? medianOf : meanOf)(
          own.map(({ numbers }) => numbers[measure] ?? NaN).filter(Number.isFinite),
        ),
      ]);
      const hits = own.flatMap((one) => one.hits ?? []).length > 0 ? own.map((one) => rowsOf(one.hits ?? [])) : [];
      const box = { mean: maxBoxAccuracy(hits), standardError: null, pictures: hits.length };
      return [method, Object.fromEntries([...cells, ...(hits.length > 0 ? [['MaxBoxAccV2', box] as const] : [])])];
    }),
  );
}

const rowsOf = (rows: readonly string[]): BoxHits => rows.map((row) => row.split('').map((hit) => hit === '1'));

function meanOf(values: readonly number[]): Cell {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, standardError: n > 1 ? Math.sqrt(variance / n) : null, pictures: n };
}

/**
 * Its standard error is half of what lies between the values of the ranks one standard deviation below and above the
 * middle, that of a binomial distribution: √n / 2.
 */
function medianOf(values: readonly number[]): Cell {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  const at = (rank: number): number => sorted[Math.min(n - 1, Math.max(0, rank))]!;
  const [low, high] = [Math.floor((n - 1) / 2), Math.ceil((n - 1) / 2)];
  const away = Math.round(Math.sqrt(n) / 2);
  const standardError = n > 1 ? (at(high + away) - at(low - away)) / 2 : null;
  return { median: (at(low) + at(high)) / 2, standardError, pictures: n };
}

/** As Markdown: a method a row. */
export function printed(table: Table): readonly string[] {
  const measures = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))];
  const cell = (found: Cell | undefined): string => {
    if (!found) return '';
    const value = ('median' in found ? found.median : found.mean).toFixed(3);
    return found.standardError === null ? value : `${value} ± ${found.standardError.toFixed(3)}`;
  };
  const rows = [
    ['', ...measures],
    ...Object.entries(table).map(([method, row]) => [method, ...measures.map((measure) => cell(row[measure]))]),
  ];
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((row) => row[k]!.length)));
  const lined = rows.map((row) => `| ${row.map((text, k) => text.padEnd(widths[k]!)).join(' | ')} |`);
  return [lined[0]!, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lined.slice(1)];
}
