/** A whole benchmark: for every network and batch, all contenders made ready, checked, and timed in turn. Free of the DOM. */
import packageJson from '../package.json';
import { Engine } from '../src';
import { CONTENDERS, type ContenderName } from './contenders';
import type { Contender, Session } from './contenders/contender';
import { countsNow, installCounters, resetPeak } from './counters';
import { DEFAULT_SCHEDULE, type Measured, type Schedule, type Task, clockQuantum, measure, relativeL2, timed } from './measure';
import { NETWORKS, type NetworkName, type What, classesFor, flopsOf, inputFor } from './networks';
import { type Probe, probe } from './probe';
import type { Cold, Report, ReportEnvironment, Row } from './report';

export interface BenchOptions extends Schedule {
  readonly nets: readonly NetworkName[];
  readonly batches: readonly number[];
  readonly what: readonly What[];
  readonly contenders: readonly ContenderName[];
  /** Whether to measure the adapter first. */
  readonly probe: boolean;
}

export const DEFAULT_OPTIONS: BenchOptions = {
  ...DEFAULT_SCHEDULE,
  nets: ['small'], batches: [1], what: ['gradient'], contenders: ['gradlens', 'tfjs-webgpu', 'jax-webgpu'], probe: true,
};

export interface BenchListener {
  readonly signal?: AbortSignal | undefined;
  /** A sentence about what is done now. */
  readonly onProgress?: (sentence: string) => void;
  /** The report so far. */
  readonly onReport?: (report: Report) => void;
}

/** A rival whose gradient is further from ours than this computes something else. */
export const TOLERANCE = 1e-3;

/** @throws the signal's reason; what a contender throws becomes its row */
export async function bench(
  gpu: GPU,
  options: BenchOptions,
  { signal, onProgress, onReport }: BenchListener = {},
  contenders: Readonly<Record<string, (gpu: GPU) => Contender>> = CONTENDERS,
): Promise<Report> {
  const isChosen = (name: string): boolean => (options.contenders as readonly string[]).includes(name);
  installCounters();
  onProgress?.('Looking at the adapter');
  let environment = await environmentOf(gpu);
  const quantum = environment.clockQuantumMs;
  onProgress?.('Measuring what the adapter can do');
  const probed: Probe | null = options.probe ? await probe(gpu, signal) : null;

  const rows: Row[] = [];
  const report = (): Report => ({ schema: 1, environment, probe: probed, rows: [...rows] });
  onReport?.(report());

  // ours first: the others are checked against it
  const chosen = Object.keys(contenders).filter((name) => name === 'gradlens' || isChosen(name)).map((name) => contenders[name]!(gpu));
  const used = new Set<string>();
  try {
    for (const name of options.nets) {
      const network = NETWORKS[name]();
      for (const batch of options.batches) {
        const input = inputFor(network, batch);
        const classes = classesFor(network, batch);
        const ready: Ready[] = [];
        try {
          let ours: Results | null = null;
          for (const contender of chosen) {
            signal?.throwIfAborted();
            onProgress?.(`${name}, batch ${batch}: making ${contender.name} ready`);
            try {
              const fresh = !used.has(contender.device);
              used.add(contender.device);
              const made = await makeReady(contender, () => contender.prepare(network, batch), input, classes, fresh);
              ready.push(made);
              if (contender.name === 'gradlens') ours = made.results;
            } catch (error) {
              for (const what of options.what) rows.push(emptyRow({ net: name, batch, what }, contender, 'failed', messageOf(error)));
            }
          }
          for (const what of options.what) {
            const open = ready.filter(({ contender }) => isChosen(contender.name)).map((made) => ({ made, error: errorOf(made, ours, what) }));
            const right = open.filter(({ error }) => error === null || error < TOLERANCE);
            const tasks = right.map(({ made }) => taskOf(made, what, classes));
            const times = await measure(tasks, options, {
              signal, quantum,
              onTick: (phase, task, done) => onProgress?.(`${name}, batch ${batch}, ${what}: ${phase === 'measure' ? 'timing' : 'warming up'} ${task}, run ${done + 1}`),
            });
            for (const { made, error } of open) {
              const at = right.findIndex((other) => other.made === made);
              const row = emptyRow({ net: name, batch, what }, made.contender, 'ok');
              const measured = times[at];
              rows.push(measured
                ? { ...row, ...numbersOf(measured, flopsOf(network, what, batch), batch), ...ofReady(made, what), gradientError: error }
                : { ...row, ...ofReady(made, what), status: 'wrong', reason: `relative error ${error!.toExponential(1)}, more than ${TOLERANCE}`, gradientError: finite(error!) });
            }
            onReport?.(report());
          }
        } finally {
          for (const { session } of ready) session.dispose();
        }
      }
    }
  } finally {
    for (const contender of chosen) contender.dispose();
  }
  // last, since it compiles some of our shaders: the cold start above has to be a cold one
  onProgress?.('Checking gradlens against stored float64 numbers');
  environment = { ...environment, selfTest: await selfTest(gpu) };
  onReport?.(report());
  return report();
}

interface Results {
  /** Of the forward pass alone, and of the call that computes the gradient as well. */
  readonly forward: Float32Array;
  readonly scores: Float32Array;
  /** `[N, C, H, W]` */
  readonly gradient: Float32Array;
}

interface Ready {
  readonly contender: Contender;
  readonly session: Session;
  /** In the contender's layout. */
  readonly input: Float32Array;
  readonly results: Results;
  readonly cold: Cold;
  readonly calls: Readonly<Record<What, Row['calls']>>;
  readonly gpuBytes: Row['gpuBytes'];
}

/** From nothing to the first results: the cold start, then one counted call of each kind. */
async function makeReady(contender: Contender, prepare: () => Promise<Session>, image: Float32Array, classes: readonly number[], fresh: boolean): Promise<Ready> {
  await contender.fetch();
  const before = countsNow();
  resetPeak();
  const { result: session, milliseconds: loadMs } = await timed(prepare);
  try {
    const input = session.arrange?.(image) ?? image;
    await session.before?.();
    const { result: first, milliseconds: firstGradientMs } = await timed(() => session.gradient(input, classes));
    const { result: scores, calls: forward } = await counted(() => session.forward(input));
    const { calls: gradient } = await counted(() => session.gradient(input, classes));
    const results = { forward: scores, scores: first.scores, gradient: session.restore?.(first.gradient) ?? first.gradient };
    const after = countsNow();
    const onWebGpu = contender.backend === 'webgpu';
    return {
      contender, session, input, results,
      cold: { loadMs, firstGradientMs, fresh },
      calls: { forward: onWebGpu ? forward : null, gradient: onWebGpu ? gradient : null },
      // a device that was in use before has buffers in reserve
      gpuBytes: onWebGpu && fresh ? { peak: after.peakBytes - before.liveBytes, live: after.liveBytes - before.liveBytes } : null,
    };
  } catch (error) {
    session.dispose();
    throw error;
  }
}

async function counted<T>(call: () => Promise<T>): Promise<{ result: T; calls: NonNullable<Row['calls']> }> {
  const before = countsNow();
  const result = await call();
  const after = countsNow();
  const calls = { dispatches: after.dispatches - before.dispatches, passes: after.passes - before.passes, submits: after.submits - before.submits };
  return { result, calls };
}

function taskOf({ contender, session, input }: Ready, what: What, classes: readonly number[]): Task {
  return {
    name: contender.name,
    run: what === 'gradient' ? () => session.gradient(input, classes) : () => session.forward(input),
    before: () => session.before?.(),
  };
}

/** Null for ours, and where ours failed. */
function errorOf({ contender, results }: Ready, ours: Results | null, what: What): number | null {
  if (!ours || contender.name === 'gradlens') return null;
  if (what === 'forward') return relativeL2(results.forward, ours.forward);
  return Math.max(relativeL2(results.scores, ours.scores), relativeL2(results.gradient, ours.gradient));
}

function emptyRow(place: Pick<Row, 'net' | 'batch' | 'what'>, { name, version }: Contender, status: Row['status'], reason?: string): Row {
  return {
    ...place, contender: name, version, status, ...(reason === undefined ? {} : { reason }),
    gradientError: null, cold: null, wallMs: null, warmUp: null, repeats: 0, imagesPerSecond: null, gflops: null, calls: null, gpuBytes: null, memory: null,
  };
}

const numbersOf = ({ stat, warmUp, repeats }: Measured, flops: number, batch: number): Pick<Row, 'wallMs' | 'warmUp' | 'repeats' | 'imagesPerSecond' | 'gflops'> =>
  ({ wallMs: stat, warmUp, repeats, imagesPerSecond: (1000 * batch) / stat.median, gflops: flops / stat.median / 1e6 });

const ofReady = ({ cold, calls, gpuBytes, session }: Ready, what: What): Pick<Row, 'cold' | 'calls' | 'gpuBytes' | 'memory'> =>
  ({ cold, calls: calls[what], gpuBytes, memory: session.memory ?? null });

/** JSON has no infinity. */
const finite = (value: number): number => Math.min(value, Number.MAX_VALUE);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 300);

async function environmentOf(gpu: GPU): Promise<ReportEnvironment> {
  const engine = await Engine.create({ gpu });
  const { adapter, features, limits } = engine.environment;
  engine.dispose();
  return {
    date: new Date().toISOString(),
    runtime: runtimeName(),
    engineVersion: packageJson.version,
    adapter, features, limits,
    clockQuantumMs: clockQuantum(),
    hardwareConcurrency: typeof navigator === 'undefined' ? 0 : navigator.hardwareConcurrency,
    crossOriginIsolated: typeof crossOriginIsolated === 'undefined' || crossOriginIsolated,
    selfTest: null,
  };
}

async function selfTest(gpu: GPU): Promise<ReportEnvironment['selfTest']> {
  const engine = await Engine.create({ gpu });
  try {
    const { ok, relativeL2: error } = await engine.check();
    return { ok, relativeL2: error };
  } finally {
    engine.dispose();
  }
}

function runtimeName(): string {
  if (typeof document === 'undefined') return `Node ${process.version}, webgpu ${packageJson.devDependencies.webgpu}`;
  const agent = navigator.userAgent;
  // Edge calls itself Chrome as well, and only Safari gives its number as Version
  const browser = ['Edg', 'Firefox', 'HeadlessChrome', 'Chrome', 'Version'].flatMap((name) => agent.match(new RegExp(`\\b${name}/[\\d.]+`)) ?? [])[0];
  return `${(browser ?? agent).replace('Version', 'Safari').replace('Edg/', 'Edge/').replace('/', ' ')}, ${navigator.platform}`;
}
