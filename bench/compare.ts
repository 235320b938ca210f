/** Two reports compared. */
import type { Stat } from './measure';
import type { Precision, What } from './networks';
import { type Report, type Row, casesOf } from './report';
import { digits, markdownTable, milliseconds } from './table';

export type Verdict = 'faster' | 'slower' | 'same' | 'broken' | 'repaired' | 'new' | 'missing';

export interface Comparison {
  readonly net: string;
  readonly batch: number;
  readonly what: What;
  readonly precision: Precision;
  readonly contender: string;
  readonly before: number | null;
  readonly after: number | null;
  /** `after / before`. */
  readonly ratio: number | null;
  /** By how much the rivals beside it got slower, at least; 1 without rivals. What everyone lost, the machine took. */
  readonly drift: number;
  readonly verdict: Verdict;
}

/**
 * Pairs the rows of two reports. Slower (or faster) is a row whose median moved by more than 10 % beyond what the
 * machine explains, *and* whose p10–p90 range no longer meets the old one: the second keeps noise from being news, the
 * first keeps trifles from it.
 */
export function compareReports(before: Report, after: Report): Comparison[] {
  const key = (row: Row): string => [row.net, row.batch, row.what, row.contender, row.precision].join(' ');
  const old = new Map(before.rows.map((row) => [key(row), row]));
  const fresh = new Map(after.rows.map((row) => [key(row), row]));
  return [...new Set([...old.keys(), ...fresh.keys()])].map((name) => {
    const [was, is] = [old.get(name), fresh.get(name)];
    const { net, batch, what, precision, contender } = (is ?? was)!;
    const [a, b] = [was?.wallMs ?? null, is?.wallMs ?? null];
    const drift = driftOf(after, old, key, (is ?? was)!);
    const verdict = !was
      ? 'new'
      : !is
        ? 'missing'
        : a && b
          ? verdictOf(a, b, drift)
          : a
            ? 'broken'
            : b
              ? 'repaired'
              : 'same';
    return {
      net,
      batch,
      what,
      precision,
      contender,
      before: a?.median ?? null,
      after: b?.median ?? null,
      ratio: a && b ? b.median / a.median : null,
      drift,
      verdict,
    };
  });
}

const LEAST_CHANGE = 1.1;

function verdictOf(before: Stat, after: Stat, drift: number): Verdict {
  const ratio = after.median / before.median;
  if (ratio > LEAST_CHANGE * Math.max(1, drift) && after.p10 > before.p90) return 'slower';
  if (ratio < Math.min(1, drift) / LEAST_CHANGE && after.p90 < before.p10) return 'faster';
  return 'same';
}

/** The rival whose time changed least, when all changed the same way. */
function driftOf(
  after: Report,
  old: ReadonlyMap<string, Row>,
  key: (row: Row) => string,
  { net, batch, what, contender }: Row,
): number {
  const ratios = after.rows
    .filter((row) => row.net === net && row.batch === batch && row.what === what && row.contender !== contender)
    .map((row) => (row.wallMs?.median ?? NaN) / (old.get(key(row))?.wallMs?.median ?? NaN))
    .filter(Number.isFinite);
  if (ratios.length === 0) return 1;
  if (ratios.every((ratio) => ratio > 1)) return Math.min(...ratios);
  if (ratios.every((ratio) => ratio < 1)) return Math.max(...ratios);
  return 1;
}

/** What is to be blamed on gradlens. */
export const regressionsOf = (comparisons: readonly Comparison[]): Comparison[] =>
  comparisons.filter(
    ({ contender, verdict }) => contender === 'gradlens' && (verdict === 'slower' || verdict === 'broken'),
  );

/** Why two reports say little about each other, or null. */
export function mismatchOf(before: Report, after: Report): string | null {
  const nameOf = ({ environment: { adapter } }: Report): string =>
    [adapter.vendor, adapter.architecture, adapter.device, adapter.description].filter(Boolean).join(' ');
  if (nameOf(before) !== nameOf(after)) return `the adapters differ: ${nameOf(before)}, then ${nameOf(after)}`;
  if (before.environment.runtime !== after.environment.runtime)
    return `the runtimes differ: ${before.environment.runtime}, then ${after.environment.runtime}`;
  const alone = casesOf(after).some(({ rows }) => rows.every(({ contender }) => contender === 'gradlens'));
  if (alone && after.environment.adapter.isFallbackAdapter)
    return 'on a software adapter, without a rival beside it, nothing shows what the machine itself gained or lost';
  return null;
}

export const comparisonColumns: readonly {
  readonly title: string;
  readonly cell: (comparison: Comparison) => string;
}[] = [
  { title: 'case', cell: ({ net, batch, what }) => `${net}, batch ${batch}, ${what}` },
  {
    title: 'contender',
    cell: ({ contender, precision }) => (precision === 'f32' ? contender : `${contender}, ${precision}`),
  },
  { title: 'before', cell: ({ before }) => (before === null ? '–' : milliseconds(before)) },
  { title: 'after', cell: ({ after }) => (after === null ? '–' : milliseconds(after)) },
  { title: 'ratio', cell: ({ ratio }) => (ratio === null ? '–' : `${digits(ratio)}×`) },
  { title: 'rivals', cell: ({ drift }) => `${digits(drift)}×` },
  { title: 'verdict', cell: ({ verdict }) => verdict },
];

export const comparisonMarkdown = (comparisons: readonly Comparison[]): string =>
  markdownTable(
    comparisonColumns.map(({ title }) => title),
    comparisons.map((comparison) => comparisonColumns.map(({ cell }) => cell(comparison))),
  );

/** The comparison in words, and whether gradlens got slower. */
export function comparisonOf(before: Report, after: Report): { text: string; regressed: boolean } {
  const mismatch = mismatchOf(before, after);
  const comparisons = compareReports(before, after);
  const regressions = regressionsOf(comparisons).map(
    ({ net, batch, what, precision, verdict }) =>
      `Regression: ${net}, batch ${batch}, ${what}, ${precision}: ${verdict}`,
  );
  return {
    text: [...(mismatch ? [`Beware: ${mismatch}.`] : []), comparisonMarkdown(comparisons), ...regressions].join('\n\n'),
    regressed: regressions.length > 0,
  };
}
