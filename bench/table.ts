/** A report as tables, in a page and in Markdown. */
import { type Case, type Report, type Row, casesOf } from './report';
import type { What } from './networks';

export interface Column {
  readonly title: string;
  readonly cell: (row: Row, report: Report) => string;
}

export const COLUMNS: readonly Column[] = [
  {
    title: 'contender',
    cell: ({ contender, version, precision }) =>
      `${contender} ${version}${precision === 'f32' ? '' : `, ${precision}`}`,
  },
  { title: 'median', cell: ({ wallMs }) => (wallMs ? milliseconds(wallMs.median) : '–') },
  {
    title: 'p10–p90',
    cell: ({ wallMs }) => (wallMs ? `${milliseconds(wallMs.p10)} – ${milliseconds(wallMs.p90)}` : '–'),
  },
  { title: 'runs', cell: ({ wallMs }) => String(wallMs?.n ?? 0) },
  { title: 'images/s', cell: ({ imagesPerSecond }) => (imagesPerSecond === null ? '–' : digits(imagesPerSecond)) },
  { title: 'GFLOP/s', cell: ({ gflops }) => (gflops === null ? '–' : digits(gflops)) },
  {
    title: 'of FMA rate',
    cell: ({ gflops, contender, calls }, { probe }) =>
      gflops === null || !probe || (calls === null && contender !== 'gradlens')
        ? '–'
        : `${digits((100 * gflops) / probe.fmaGflops)} %`,
  },
  {
    title: 'of roofline',
    cell: ({ wallMs, floorMs }) => (wallMs && floorMs !== null ? `${digits((100 * floorMs) / wallMs.median)} %` : '–'),
  },
  {
    title: 'load + first result',
    cell: ({ cold }) =>
      cold ? `${milliseconds(cold.loadMs)} + ${milliseconds(cold.firstMs)}${cold.fresh ? '' : ' (warm device)'}` : '–',
  },
  { title: 'dispatches / submits', cell: ({ calls }) => (calls ? `${calls.dispatches} / ${calls.submits}` : '–') },
  { title: 'peak GPU MB', cell: ({ gpuBytes }) => (gpuBytes ? digits(gpuBytes.peak / 1e6) : '–') },
  {
    title: 'beyond weights, peak / held',
    cell: (row) =>
      beyondWeights(row)
        ?.map((bytes) => digits(bytes / 1e6))
        .join(' / ') ?? '–',
  },
  {
    title: 'difference',
    cell: ({ gradientError, contender, precision }) =>
      contender === 'gradlens' && precision === 'f32'
        ? ''
        : gradientError === null
          ? 'unchecked'
          : exponential(gradientError),
  },
];

/**
 * Of the bytes in WebGPU buffers those that are not the network's parameters: packed copies of these, activations,
 * results, reserves.
 */
const beyondWeights = ({ gpuBytes, weightBytes }: Row): readonly [peak: number, live: number] | null =>
  gpuBytes && weightBytes !== undefined ? [gpuBytes.peak - weightBytes, gpuBytes.live - weightBytes] : null;

const TITLES: Readonly<Record<What, string>> = {
  forward: 'forward only',
  gradient: 'forward + gradient',
  'class-model': 'an iteration of gradient ascent',
};

export const titleOf = ({ net, batch, what }: Case): string => `${net}, batch ${batch}, ${TITLES[what]}`;

/** Why a row has no numbers, or what to think of those it has. */
export function remarkOf(row: Row): string | null {
  const name = row.precision === 'f32' ? row.contender : `${row.contender} in ${row.precision}`;
  if (row.status === 'wrong') return `${name}: wrong result, not timed (${row.reason})`;
  if (row.status === 'failed') return `${name}: failed (${row.reason})`;
  if (row.warmUp && !row.warmUp.settled)
    return `${name}: its times had not settled within 2 % when warming up ended (${row.warmUp.raw.length} runs)`;
  return null;
}

/** gradlens in float32 beside its rivals on WebGPU. */
export interface Standing {
  /** How many times as fast as the fastest of them, and how many times as soon at its first result as the soonest. */
  readonly faster: number;
  readonly sooner: number | null;
  readonly dispatches: number;
  /** Its bytes beyond the weights, as a share of those of tfjs-webgpu: at the peak, and held. */
  readonly bytes: readonly [peak: number, held: number] | null;
}

/** Null without gradlens, or without rivals. */
export function standingOf({ rows }: Case): Standing | null {
  const ours = rows.find(
    ({ contender, precision, wallMs }) => contender === 'gradlens' && precision === 'f32' && wallMs,
  );
  const rivals = rows.filter(({ contender, calls, wallMs }) => contender !== 'gradlens' && calls && wallMs);
  if (!ours || rivals.length === 0) return null;
  const least = (value: (row: Row) => number): number => Math.min(...rivals.map(value));
  const coldMs = ({ cold }: Row): number => (cold ? cold.loadMs + cold.firstMs : NaN);
  const sooner = least(coldMs) / coldMs(ours);
  const tfjs = rivals.find(({ contender }) => contender === 'tfjs-webgpu');
  const [own, theirs] = [beyondWeights(ours), tfjs ? beyondWeights(tfjs) : null];
  return {
    faster: least(({ wallMs }) => wallMs!.median) / ours.wallMs!.median,
    sooner: Number.isFinite(sooner) ? sooner : null,
    dispatches: ours.calls!.dispatches,
    bytes: own && theirs ? [own[0] / theirs[0], own[1] / theirs[1]] : null,
  };
}

/** The same in a sentence. */
export function ratiosOf(group: Case): string | null {
  const standing = standingOf(group);
  if (!standing) return null;
  const { faster, sooner, bytes } = standing;
  return [
    `gradlens is ${digits(faster)}× as fast as the fastest rival on WebGPU`,
    ...(sooner === null ? [] : [`its first result ${digits(sooner)}× as soon`]),
    ...(bytes
      ? [`${digits(bytes[0])} of tfjs-webgpu's bytes beyond the weights at the peak, ${digits(bytes[1])} of those held`]
      : []),
  ].join('; ');
}

export function environmentLines({ environment, probe }: Pick<Report, 'environment' | 'probe'>): [string, string][] {
  const {
    adapter,
    runtime,
    engineVersion,
    clockQuantumMs,
    hardwareConcurrency,
    crossOriginIsolated,
    selfTest,
    commit,
    command,
    date,
    launchFlags,
  } = environment;
  const name =
    [adapter.description, adapter.vendor, adapter.architecture, adapter.device].filter(Boolean).join(' · ') ||
    'an adapter without a name';
  const tested = selfTest
    ? `${selfTest.ok ? 'passed' : 'FAILED'}, error ${exponential(selfTest.relativeL2)}`
    : 'not run';
  return [
    ['Adapter', adapter.isFallbackAdapter ? `${name} (software: computes on the CPU, not ranked)` : name],
    [
      'Runtime',
      `${runtime}; ${hardwareConcurrency} logical cores; clock step ${digits(clockQuantumMs * 1000)} µs; ` +
        (crossOriginIsolated ? 'threads in wasm allowed' : 'no threads in wasm'),
    ],
    ['gradlens', `${engineVersion}${commit ? `, commit ${commit}` : ''}; self-test ${tested}`],
    ...(probe
      ? [
          [
            'Probe',
            `FMA ${digits(probe.fmaGflops)} GFLOP/s; copy ${digits(probe.copyGBs)} GB/s; ` +
              `dispatch ${digits(probe.dispatchMicroseconds)} µs; read-back ${digits(probe.readBackMs)} ms`,
          ] as [string, string],
        ]
      : []),
    ['Date', date],
    ...(command ? [['Command', command] as [string, string]] : []),
    ...(launchFlags?.length ? [['Launch flags', launchFlags.join(' ')] as [string, string]] : []),
  ];
}

export function markdownOf(report: Report): string {
  const header = environmentLines(report).map(([name, value]) => `* ${name}: ${escaped(value)}`);
  const tables = casesOf(report).map((group) =>
    [
      `**${titleOf(group)}**`,
      '',
      markdownTable(
        COLUMNS.map(({ title }) => title),
        group.rows.map((row) => COLUMNS.map(({ cell }) => cell(row, report))),
      ),
      ...[ratiosOf(group), ...group.rows.map(remarkOf)]
        .filter((remark) => remark !== null)
        .map((remark) => `\n${escaped(remark)}.`),
    ].join('\n'),
  );
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

export const milliseconds = (value: number): string =>
  value >= 1000 ? `${digits(value / 1000)} s` : `${digits(value)} ms`;

const exponential = (value: number): string => (Number.isFinite(value) ? value.toExponential(1) : '∞');
