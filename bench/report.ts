/** The report: data that is written as JSON. */
import type { Environment, Profile } from '../src';
import type { Stat, WarmUp } from './measure';
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

/** `adapter.isFallbackAdapter`: it computes on the CPU, so its rows are no statement about GPUs, and are not ranked. */
export interface ReportEnvironment extends Environment {
  readonly date: string;
  /** Name and version of the browser, or of Node and its WebGPU. */
  readonly runtime: string;
  readonly engineVersion: string;
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
  /**
   * ‖rival − gradlens‖ / ‖gradlens‖ of the gradient (of the scores for `forward`, of the way gone for `class-model`);
   * null where there is nothing to compare with.
   */
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
  /**
   * Bytes in WebGPU buffers, weights included: while it was made ready and computed its first results, and after them.
   * Of fresh devices only.
   */
  readonly gpuBytes: { readonly peak: number; readonly live: number } | null;
  /** Bytes of the network's parameters, each once; missing in reports before there was this. */
  readonly weightBytes?: number;
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
export function emptyRow(
  place: Pick<Row, 'net' | 'batch' | 'what' | 'precision'>,
  { name, version }: Pick<Contender, 'name' | 'version'>,
  status: Row['status'],
  reason?: string,
): Row {
  return {
    ...place,
    contender: name,
    version,
    status,
    ...(reason === undefined ? {} : { reason }),
    gradientError: null,
    cold: null,
    wallMs: null,
    warmUp: null,
    repeats: 0,
    imagesPerSecond: null,
    gflops: null,
    floorMs: null,
    calls: null,
    gpuBytes: null,
    memory: null,
  };
}

/** A report as it was read from a file. */
export function parseReport(text: string): Report {
  const report = JSON.parse(text) as Partial<Report>;
  if (report.schema !== 1 || !Array.isArray(report.rows) || !report.environment)
    throw new Error('this is not a gradlens benchmark report of schema 1');
  return report as Report;
}

/** Adapter and runtime, fit for a file name: `llvmpipe-mesa-25.0.7-node`. */
export function adapterSlug({ adapter, runtime }: ReportEnvironment): string {
  const words = (text: string): string[] =>
    text
      .toLowerCase()
      .split(/[^a-z0-9.]+/)
      .filter(Boolean);
  const name = adapter.description || adapter.device || [adapter.vendor, adapter.architecture].join(' ');
  return [...words(name).slice(0, 5), ...words(runtime).slice(0, 1)].join('-') || 'adapter';
}

/** One report of several, all from the same machine; the probe and the environment are those of the first. */
export const merged = (reports: readonly [Report, ...Report[]]): Report => ({
  ...reports[0],
  rows: reports.flatMap(({ rows }) => rows),
  layers: reports.flatMap(({ layers }) => layers),
});

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
