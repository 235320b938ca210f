/** The report: data that is written as JSON, its table, and the comparison of two of them. */
import type { Stat, WarmUp } from './measure';
import type { Profile } from '../src';
import type { Contender } from './contenders/contender';
import type { Precision, What } from './networks';
import type { Probe } from './probe';

export interface Report {
  readonly schema: 1;
  readonly environment: ReportEnvironment;
  readonly probe: Probe | null;
  readonly rows: readonly Row[];
  readonly layers: readonly LayerTimes[];
}

/** How long each step of gradlens takes by itself. */
export interface LayerTimes extends Profile {
  readonly net: string;
  readonly batch: number;
  readonly contender: string;
  readonly precision: Precision;
}

export interface ReportEnvironment {
  readonly date: string;
  /** Name and version of the browser, or of Node and its WebGPU. */
  readonly runtime: string;
  readonly engineVersion: string;
  readonly adapter: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
    /** It computes on the CPU: its rows are no statement about GPUs, and are not ranked. */
    readonly isFallbackAdapter: boolean;
  };
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** The smallest step of the clock, in milliseconds. */
  readonly clockQuantumMs: number;
  readonly hardwareConcurrency: number;
  /** Whether threads in WebAssembly are allowed here. */
  readonly crossOriginIsolated: boolean;
  /** gradlens's own self-test on this device: its gradient against stored float64 numbers. */
  readonly selfTest: { readonly ok: boolean; readonly relativeL2: number } | null;
  /** Known to whoever started the run. */
  readonly commit?: string;
  readonly command?: string;
  readonly launchFlags?: readonly string[];
}

export interface Row {
  readonly net: string;
  readonly batch: number;
  readonly what: What;
  readonly precision: Precision;
  readonly contender: string;
  readonly version: string;
  /** `wrong`: its result differs from ours, so it is not timed. `failed`: it threw. */
  readonly status: 'ok' | 'wrong' | 'failed';
  /** Why not `ok`. */
  readonly reason?: string;
  /** ‖rival − gradlens‖ / ‖gradlens‖ of the gradient (of the scores for `forward`, of the way gone for `class-model`); null where there is nothing to compare with. */
  readonly gradientError: number | null;
  readonly cold: Cold | null;
  readonly wallMs: Stat | null;
  readonly warmUp: WarmUp | null;
  /** Runs behind each of the times. */
  readonly repeats: number;
  readonly imagesPerSecond: number | null;
  readonly gflops: number | null;
  /** What this adapter would take at the rates of its probe (roofline.ts); null without a probe, and off WebGPU. */
  readonly floorMs: number | null;
  /** Of one call, on WebGPU. */
  readonly calls: { readonly dispatches: number; readonly passes: number; readonly submits: number } | null;
  /** Bytes in WebGPU buffers, weights included: while it was made ready and computed its first results, and after them. Of fresh devices only. */
  readonly gpuBytes: { readonly peak: number; readonly live: number } | null;
  /** What the engine itself says about its bytes. */
  readonly memory: Readonly<Record<string, number>> | null;
}

/** The way to the first result, without the download of code and weights. */
export interface Cold {
  /** Compilation and upload. */
  readonly loadMs: number;
  /** The first gradient after that; the first scores of an engine without gradients. */
  readonly firstMs: number;
  /** Whether nothing had run on this device before, so that no shader was there already. */
  readonly fresh: boolean;
}

/** A row without numbers. */
export function emptyRow(place: Pick<Row, 'net' | 'batch' | 'what' | 'precision'>, { name, version }: Pick<Contender, 'name' | 'version'>, status: Row['status'], reason?: string): Row {
  return {
    ...place, contender: name, version, status, ...(reason === undefined ? {} : { reason }),
    gradientError: null, cold: null, wallMs: null, warmUp: null, repeats: 0, imagesPerSecond: null, gflops: null, floorMs: null, calls: null, gpuBytes: null, memory: null,
  };
}

/** A report as it was read from a file. */
export function parseReport(text: string): Report {
  const report = JSON.parse(text) as Partial<Report>;
  if (report.schema !== 1 || !Array.isArray(report.rows) || !report.environment) throw new Error('this is not a gradlens benchmark report of schema 1');
  return report as Report;
}

/** Adapter and runtime, fit for a file name: `llvmpipe-mesa-25.0.7-node`. */
export function adapterSlug({ adapter, runtime }: ReportEnvironment): string {
  const words = (text: string): string[] => text.toLowerCase().split(/[^a-z0-9.]+/).filter(Boolean);
  const name = adapter.description || adapter.device || [adapter.vendor, adapter.architecture].join(' ');
  return [...words(name).slice(0, 5), ...words(runtime).slice(0, 1)].join('-') || 'adapter';
}

/** One report of several, all from the same machine; the probe and the environment are those of the first. */
export const merged = (reports: readonly [Report, ...Report[]]): Report =>
  ({ ...reports[0], rows: reports.flatMap(({ rows }) => rows), layers: reports.flatMap(({ layers }) => layers) });

// ——— the table ———

export interface Column {
  readonly title: string;
  readonly cell: (row: Row, report: Report) => string;
}

export const COLUMNS: readonly Column[] = [
  { title: 'contender', cell: ({ contender, version, precision }) => `${contender} ${version}${precision === 'f32' ? '' : `, ${precision}`}` },
  { title: 'median', cell: ({ wallMs }) => (wallMs ? milliseconds(wallMs.median) : '–') },
  { title: 'p10–p90', cell: ({ wallMs }) => (wallMs ? `${milliseconds(wallMs.p10)} – ${milliseconds(wallMs.p90)}` : '–') },
  { title: 'runs', cell: ({ wallMs }) => String(wallMs?.n ?? 0) },
  { title: 'images/s', cell: ({ imagesPerSecond }) => (imagesPerSecond === null ? '–' : digits(imagesPerSecond)) },
  { title: 'GFLOP/s', cell: ({ gflops }) => (gflops === null ? '–' : digits(gflops)) },
  { title: 'of FMA rate', cell: ({ gflops, contender, calls }, { probe }) => (gflops === null || !probe || (calls === null && contender !== 'gradlens') ? '–' : `${digits((100 * gflops) / probe.fmaGflops)} %`) },
  { title: 'of roofline', cell: ({ wallMs, floorMs }) => (wallMs && floorMs !== null ? `${digits((100 * floorMs) / wallMs.median)} %` : '–') },
  { title: 'load + first result', cell: ({ cold }) => (cold ? `${milliseconds(cold.loadMs)} + ${milliseconds(cold.firstMs)}${cold.fresh ? '' : ' (warm device)'}` : '–') },
  { title: 'dispatches/submits', cell: ({ calls }) => (calls ? `${calls.dispatches} / ${calls.submits}` : '–') },
  { title: 'peak GPU MB', cell: ({ gpuBytes }) => (gpuBytes ? digits(gpuBytes.peak / 1e6) : '–') },
  { title: 'difference', cell: ({ gradientError, contender, precision }) => (contender === 'gradlens' && precision === 'f32' ? '' : gradientError === null ? 'unchecked' : exponential(gradientError)) },
];

/** Rows that were measured side by side. */
export interface Case {
  readonly net: string;
  readonly batch: number;
  readonly what: What;
  readonly rows: readonly Row[];
}

export function casesOf({ rows }: Pick<Report, 'rows'>): Case[] {
  const cases = new Map<string, Row[]>();
  for (const row of rows) {
    const key = `${row.net} ${row.batch} ${row.what}`;
    cases.set(key, [...(cases.get(key) ?? []), row]);
  }
  return [...cases.values()].map((all) => ({ net: all[0]!.net, batch: all[0]!.batch, what: all[0]!.what, rows: all }));
}

const TITLES: Readonly<Record<What, string>> = { forward: 'forward only', gradient: 'forward + gradient', 'class-model': 'an iteration of gradient ascent' };

export const titleOf = ({ net, batch, what }: Case): string => `${net}, batch ${batch}, ${TITLES[what]}`;

/** Why a row has no numbers, or what to think of those it has. */
export function remarkOf(row: Row): string | null {
  const name = row.precision === 'f32' ? row.contender : `${row.contender} in ${row.precision}`;
  if (row.status === 'wrong') return `${name}: wrong result, not timed (${row.reason})`;
  if (row.status === 'failed') return `${name}: failed (${row.reason})`;
  if (row.warmUp && !row.warmUp.settled) return `${name}: its times had not settled within 2 % when warming up ended (${row.warmUp.raw.length} runs)`;
  return null;
}

export function environmentLines({ environment, probe }: Pick<Report, 'environment' | 'probe'>): [string, string][] {
  const { adapter, runtime, engineVersion, clockQuantumMs, hardwareConcurrency, crossOriginIsolated, selfTest, commit, command, date, launchFlags } = environment;
  const name = [adapter.description, adapter.vendor, adapter.architecture, adapter.device].filter(Boolean).join(' · ') || 'an adapter without a name';
  return [
    ['Adapter', adapter.isFallbackAdapter ? `${name} (software: computes on the CPU, not ranked)` : name],
    ['Runtime', `${runtime}; ${hardwareConcurrency} logical cores; clock step ${digits(clockQuantumMs * 1000)} µs; ${crossOriginIsolated ? 'threads in wasm allowed' : 'no threads in wasm'}`],
    ['gradlens', `${engineVersion}${commit ? `, commit ${commit}` : ''}; self-test ${selfTest ? `${selfTest.ok ? 'passed' : 'FAILED'}, error ${exponential(selfTest.relativeL2)}` : 'not run'}`],
    ...(probe ? [['Probe', `FMA ${digits(probe.fmaGflops)} GFLOP/s; copy ${digits(probe.copyGBs)} GB/s; dispatch ${digits(probe.dispatchMicroseconds)} µs; read-back ${digits(probe.readBackMs)} ms`] as [string, string]] : []),
    ['Date', date],
    ...(command ? [['Command', command] as [string, string]] : []),
    ...(launchFlags?.length ? [['Launch flags', launchFlags.join(' ')] as [string, string]] : []),
  ];
}

export function markdownOf(report: Report): string {
  const header = environmentLines(report).map(([name, value]) => `* ${name}: ${escaped(value)}`);
  const tables = casesOf(report).map((group) => [
    `**${titleOf(group)}**`,
    '',
    markdownTable(COLUMNS.map(({ title }) => title), group.rows.map((row) => COLUMNS.map(({ cell }) => cell(row, report)))),
    ...group.rows.map(remarkOf).filter((remark) => remark !== null).map((remark) => `\n${escaped(remark)}.`),
  ].join('\n'));
  return [header.join('\n'), ...tables].join('\n\n');
}

export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map((_, k) => (k === 0 ? '---' : '---:')), ...rows.map((cells) => cells.map(escaped))];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The text with what lies between the two marks replaced. */
export function betweenMarks(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`there are no marks ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`;
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Three significant digits, and no exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 6));
}

export const milliseconds = (value: number): string => (value >= 1000 ? `${digits(value / 1000)} s` : `${digits(value)} ms`);

const exponential = (value: number): string => (Number.isFinite(value) ? value.toExponential(1) : '∞');

// ——— two reports ———

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
 * Pairs the rows of two reports. Slower (or faster) is a row whose median moved by more than 10 % beyond what the machine explains,
 * *and* whose p10–p90 range no longer meets the old one: the second keeps noise from being news, the first keeps trifles from it.
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
    const verdict = !was ? 'new' : !is ? 'missing' : a && b ? verdictOf(a, b, drift) : a ? 'broken' : b ? 'repaired' : 'same';
    return { net, batch, what, precision, contender, before: a?.median ?? null, after: b?.median ?? null, ratio: a && b ? b.median / a.median : null, drift, verdict };
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
function driftOf(after: Report, old: ReadonlyMap<string, Row>, key: (row: Row) => string, { net, batch, what, contender }: Row): number {
  const ratios = after.rows.filter((row) => row.net === net && row.batch === batch && row.what === what && row.contender !== contender)
    .map((row) => (row.wallMs?.median ?? NaN) / (old.get(key(row))?.wallMs?.median ?? NaN))
    .filter(Number.isFinite);
  if (ratios.length === 0) return 1;
  if (ratios.every((ratio) => ratio > 1)) return Math.min(...ratios);
  if (ratios.every((ratio) => ratio < 1)) return Math.max(...ratios);
  return 1;
}

/** What is to be blamed on gradlens. */
export const regressionsOf = (comparisons: readonly Comparison[]): Comparison[] =>
  comparisons.filter(({ contender, verdict }) => contender === 'gradlens' && (verdict === 'slower' || verdict === 'broken'));

/** Why two reports say little about each other, or null. */
export function mismatchOf(before: Report, after: Report): string | null {
  const nameOf = ({ environment: { adapter } }: Report): string => [adapter.vendor, adapter.architecture, adapter.device, adapter.description].filter(Boolean).join(' ');
  if (nameOf(before) !== nameOf(after)) return `the adapters differ: ${nameOf(before)}, then ${nameOf(after)}`;
  if (before.environment.runtime !== after.environment.runtime) return `the runtimes differ: ${before.environment.runtime}, then ${after.environment.runtime}`;
  const alone = casesOf(after).some(({ rows }) => rows.every(({ contender }) => contender === 'gradlens'));
  if (alone && after.environment.adapter.isFallbackAdapter) return 'on a software adapter, without a rival beside it, nothing shows what the machine itself gained or lost';
  return null;
}

export const comparisonColumns: readonly { readonly title: string; readonly cell: (comparison: Comparison) => string }[] = [
  { title: 'case', cell: ({ net, batch, what }) => `${net}, batch ${batch}, ${what}` },
  { title: 'contender', cell: ({ contender, precision }) => (precision === 'f32' ? contender : `${contender}, ${precision}`) },
  { title: 'before', cell: ({ before }) => (before === null ? '–' : milliseconds(before)) },
  { title: 'after', cell: ({ after }) => (after === null ? '–' : milliseconds(after)) },
  { title: 'ratio', cell: ({ ratio }) => (ratio === null ? '–' : `${digits(ratio)}×`) },
  { title: 'rivals', cell: ({ drift }) => `${digits(drift)}×` },
  { title: 'verdict', cell: ({ verdict }) => verdict },
];

export const comparisonMarkdown = (comparisons: readonly Comparison[]): string =>
  markdownTable(comparisonColumns.map(({ title }) => title), comparisons.map((comparison) => comparisonColumns.map(({ cell }) => cell(comparison))));

/** The comparison in words, and whether gradlens got slower. */
export function comparisonOf(before: Report, after: Report): { text: string; regressed: boolean } {
  const mismatch = mismatchOf(before, after);
  const comparisons = compareReports(before, after);
  const regressions = regressionsOf(comparisons).map(({ net, batch, what, precision, verdict }) => `Regression: ${net}, batch ${batch}, ${what}, ${precision}: ${verdict}`);
  return { text: [...(mismatch ? [`Beware: ${mismatch}.`] : []), comparisonMarkdown(comparisons), ...regressions].join('\n\n'), regressed: regressions.length > 0 };
}
