/**
 * A whole benchmark: for every network and batch, all contenders made ready, checked, and timed in turn. Free of the
 * DOM.
 */
import { abortable } from '../src/abortable';
import type { Graph } from '../src/graph';
import type { Contender } from './contenders/contender';
import type { ContenderName } from './contenders/names';
import { installCounters } from './counters';
import { despiteLoss } from './despiteLoss';
import { environmentOf, selfTest } from './environment';
import { DEFAULT_SCHEDULE, type Measured, type Schedule, measure } from './measure';
import {
  NETWORKS,
  type NetworkName,
  type Precision,
  type What,
  classesFor,
  flopsOf,
  inputFor,
  weightBytesOf,
} from './networks';
import { type Probe, probe } from './probe';
import { type Ready, TOLERANCE, errorOf, makeReady, offers, taskOf } from './ready';
import { type LayerTimes, type Report, type Row, emptyRow } from './report';
import { floorMs, workOf } from './roofline';

export interface BenchOptions extends Schedule {
  readonly nets: readonly NetworkName[];
  readonly batches: readonly number[];
  readonly what: readonly What[];
  /** Contenders that cannot compute in one are left out of it. */
  readonly precisions: readonly Precision[];
  readonly contenders: readonly ContenderName[];
  /** Whether to measure the adapter first. */
  readonly probe: boolean;
  /** Whether to measure gradlens layer by layer, too. */
  readonly layers: boolean;
}

export const DEFAULT_OPTIONS: BenchOptions = {
  ...DEFAULT_SCHEDULE,
  nets: ['small'],
  batches: [1],
  what: ['gradient'],
  precisions: ['f32'],
  contenders: ['gradlens', 'tfjs-webgpu', 'jax-webgpu'],
  probe: true,
  layers: true,
};

export interface BenchListener {
  readonly signal?: AbortSignal | undefined;
  /** Where it runs, if that is no browser: `Node v22.1.0, webgpu 0.6.2`. */
  readonly runtime?: string | undefined;
  /** A sentence about what is done now, and the contender that is at work. */
  readonly onProgress?: (sentence: string, contender: string | null) => void;
  /** The report so far. */
  readonly onReport?: (report: Report) => void;
}

/** One network at one batch size, with what all contenders are given. */
interface Case {
  readonly net: NetworkName;
  readonly network: Graph;
  readonly batch: number;
  readonly image: Float32Array;
  readonly classes: readonly number[];
}

/** A contender in one of its precisions. */
interface Entrant {
  readonly contender: Contender;
  readonly precision: Precision;
}

/** A contender that is ready, and the error of its results: null if there is nothing to compare them with. */
interface Checked {
  readonly made: Ready;
  readonly error: number | null;
}

/** What goes on from one case to the next. */
interface Progress {
  readonly options: BenchOptions;
  readonly signal: AbortSignal | undefined;
  readonly probed: Probe | null;
  readonly clockQuantumMs: number;
  readonly entrants: readonly Entrant[];
  /** Devices on which something has run already. */
  readonly usedDevices: Set<string>;
  readonly rows: Row[];
  readonly layers: LayerTimes[];
  tell(sentence: string, contender?: string | null): void;
  /** Says that there are new rows or layers. */
  changed(): void;
}

/** @throws the signal's reason; what a contender throws becomes its row */
export async function bench(
  gpu: GPU,
  options: BenchOptions,
  contenders: Readonly<Record<string, (gpu: GPU) => Contender>>,
  { signal, runtime, onProgress, onReport }: BenchListener = {},
): Promise<Report> {
  const tell = (sentence: string, contender: string | null = null): void => onProgress?.(sentence, contender);
  installCounters();
  tell('Looking at the adapter');
  let environment = await environmentOf(gpu, runtime);
  if (options.probe) tell('Measuring what the adapter can do');
  const nothing = async (): Promise<void> => {};
  const probed: Probe | null = options.probe
    ? await despiteLoss(gpu, signal, (until) => probe(gpu, until), nothing)
    : null;

  const rows: Row[] = [];
  const layers: LayerTimes[] = [];
  const report = (): Report => ({ schema: 1, environment, probe: probed, rows: [...rows], layers: [...layers] });
  const changed = (): void => onReport?.(report());
  changed();

  const entrants = entrantsOf(options, contenders, gpu);
  const { clockQuantumMs } = environment;
  const usedDevices = new Set<string>();
  const kept = { options, signal, probed, clockQuantumMs, entrants, usedDevices, rows, layers };
  const progress: Progress = { ...kept, tell, changed };
  const disposeAll = (): void => {
    for (const contender of new Set(entrants.map((entrant) => entrant.contender))) contender.dispose();
  };
  try {
    for (const one of casesOf(options)) {
      const before = { rows: rows.length, layers: layers.length };
      await despiteLoss(
        gpu,
        signal,
        (until) => benchCase({ ...progress, signal: until }, one),
        async () => {
          disposeAll(); // all are made anew, and none starts cold
          rows.length = before.rows;
          layers.length = before.layers;
          changed();
          tell('The browser lost the GPU; checking it');
          const test = await selfTest(gpu);
          if (!test?.ok) throw new Error('The GPU came back and computes wrongly.');
        },
      );
    }
  } finally {
    disposeAll();
  }
  // last, since it compiles some of our shaders: the cold start above has to be a cold one
  tell('Checking gradlens against stored float64 numbers');
  environment = { ...environment, selfTest: await despiteLoss(gpu, signal, () => selfTest(gpu), nothing) };
  changed();
  return report();
}

/** Network by network, so that only one is in memory. */
function* casesOf({ nets, batches }: BenchOptions): Generator<Case> {
  for (const net of nets) {
    const network = NETWORKS[net]();
    for (const batch of batches)
      yield { net, network, batch, image: inputFor(network, batch), classes: classesFor(network, batch) };
  }
}

async function benchCase(progress: Progress, one: Case): Promise<void> {
  const ready: Ready[] = [];
  try {
    await prepareAll(progress, one, ready);
    for (const what of progress.options.what) {
      const checked = checkAll(progress, ready, what);
      progress.rows.push(...(await timeAll(progress, one, what, checked)));
      progress.changed();
    }
    await profileAll(progress, one, ready);
  } finally {
    for (const { dispose } of ready) dispose();
  }
}

/** Makes all contenders ready; one that fails gets its row instead. */
async function prepareAll(progress: Progress, one: Case, ready: Ready[]): Promise<void> {
  const { options, signal, usedDevices, rows } = progress;
  const { net, network, batch, image, classes } = one;
  for (const { contender, precision } of progress.entrants) {
    signal?.throwIfAborted();
    progress.tell(`${net}, batch ${batch}: making ${nameOf(contender, precision)} ready`, contender.name);
    const device = `${contender.device} ${precision}`;
    const fresh = !usedDevices.has(device);
    usedDevices.add(device);
    const made = makeReady(contender, {
      prepare: () => contender.prepare(network, batch, precision),
      precision,
      image,
      classes,
      fresh,
      ascent: options.what.includes('class-model'),
    });
    try {
      ready.push(await abortable(made, signal));
    } catch (error) {
      if (signal?.aborted) {
        disposeWhenDone(made);
        throw error;
      }
      const offered = options.what.filter((what) => contender.offers?.includes(what) ?? true);
      for (const what of offered)
        rows.push(emptyRow({ net, batch, what, precision }, contender, 'failed', messageOf(error)));
    }
  }
}

/** Of those that were asked for and can do it, how far each is from gradlens in float32. */
function checkAll({ options }: Progress, ready: readonly Ready[], what: What): Checked[] {
  const ours = ready.find(({ contender, precision }) => contender.name === 'gradlens' && precision === 'f32');
  return ready
    .filter((made) => isChosen(options, made) && offers(made, what))
    .map((made) => ({ made, error: errorOf(made, ours?.results ?? null, what) }));
}

/** Times those that are right, in turn; the others' rows say how wrong they are. */
async function timeAll(progress: Progress, one: Case, what: What, checked: readonly Checked[]): Promise<Row[]> {
  const { options, signal, clockQuantumMs, tell } = progress;
  const { net, batch, classes } = one;
  const right = checked.filter(({ made, error }) => error === null || error < TOLERANCE[made.precision]);
  const times = await measure(
    right.map(({ made }) => taskOf(made, what, classes)),
    options,
    {
      signal,
      quantum: clockQuantumMs,
      onTick(phase, task, done) {
        const doing = phase === 'measure' ? 'timing' : 'warming up';
        tell(`${net}, batch ${batch}, ${what}: ${doing} ${task}, run ${done + 1}`, task.split(' ')[0]);
      },
    },
  );
  const timesOf = new Map(right.map(({ made }, k) => [made, times[k]!]));
  return checked.map((entry) => rowOf(progress, one, what, { ...entry, measured: timesOf.get(entry.made) }));
}

/** The row of a contender that was timed, or that was wrong. */
function rowOf(
  { probed }: Progress,
  { net, network, batch }: Case,
  what: What,
  { made, error, measured }: Checked & { readonly measured: Measured | undefined },
): Row {
  const { contender, precision, cold, calls, gpuBytes, session } = made;
  const row: Row = {
    ...emptyRow({ net, batch, what, precision }, contender, 'ok'),
    cold,
    calls: calls[what],
    gpuBytes,
    weightBytes: weightBytesOf(network, precision),
    memory: session.memory ?? null,
    gradientError: error === null ? null : finite(error),
  };
  if (!measured) {
    const reason = `relative error ${error!.toExponential(1)}, more than ${TOLERANCE[precision]}`;
    return { ...row, status: 'wrong', reason };
  }
  const onWebGpu = contender.backend === 'webgpu';
  return {
    ...row,
    ...numbersOf(measured, flopsOf(network, what, batch), batch),
    floorMs: probed && onWebGpu ? floorMs(workOf(network, batch, what, precision), probed) : null,
  };
}

/** Step by step, where a contender can tell and it is asked for. */
async function profileAll(progress: Progress, one: Case, ready: readonly Ready[]): Promise<void> {
  const { options, signal, layers } = progress;
  if (!options.layers) return;
  const { net, batch, classes } = one;
  for (const { contender, precision, session, input } of ready.filter((made) => isChosen(options, made))) {
    if (!session.profile) continue;
    progress.tell(`${net}, batch ${batch}: ${nameOf(contender, precision)}, layer by layer`, contender.name);
    const { clock, steps } = await session.profile(input, classes, signal);
    layers.push({ net, batch, contender: contender.name, precision, clock, steps });
    progress.changed();
  }
}

/** Ours in float32 first, chosen or not: the others are checked against it. */
function entrantsOf(
  { contenders: chosen, precisions }: BenchOptions,
  contenders: Readonly<Record<string, (gpu: GPU) => Contender>>,
  gpu: GPU,
): Entrant[] {
  return Object.keys(contenders)
    .filter((name) => name === 'gradlens' || (chosen as readonly string[]).includes(name))
    .map((name) => contenders[name]!(gpu))
    .flatMap((contender) => {
      const able = contender.precisions ?? ['f32'];
      const wanted = able.filter(
        (precision) => precisions.includes(precision) && (chosen as readonly string[]).includes(contender.name),
      );
      return (contender.name === 'gradlens' ? [...new Set(['f32' as const, ...wanted])] : wanted).map((precision) => ({
        contender,
        precision,
      }));
    });
}

const isChosen = ({ contenders, precisions }: BenchOptions, { contender, precision }: Ready): boolean =>
  (contenders as readonly string[]).includes(contender.name) && precisions.includes(precision);

const nameOf = ({ name }: Contender, precision: Precision): string =>
  precision === 'f32' ? name : `${name} in ${precision}`;

const numbersOf = (
  { stat, warmUp, repeats }: Measured,
  flops: number,
  batch: number,
): Pick<Row, 'wallMs' | 'warmUp' | 'repeats' | 'imagesPerSecond' | 'gflops'> => ({
  wallMs: stat,
  warmUp,
  repeats,
  imagesPerSecond: (1000 * batch) / stat.median,
  gflops: flops / stat.median / 1e6,
});

/** JSON has no infinity. */
const finite = (value: number): number => Math.min(value, Number.MAX_VALUE);

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 300);

/** What was given up comes to an end some time, and is then let go. */
const disposeWhenDone = (made: Promise<Ready>): void =>
  void made.then(
    ({ dispose }) => dispose(),
    () => {},
  );
