/**
 * A whole benchmark: for every network and batch, all contenders made ready, checked, and timed in turn. Free of the
 * DOM.
 */
import { abortable } from '../src/abortable';
import type { Contender } from './contenders/contender';
import type { ContenderName } from './contenders/names';
import { installCounters } from './counters';
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
  const quantum = environment.clockQuantumMs;
  if (options.probe) tell('Measuring what the adapter can do');
  const probed: Probe | null = options.probe ? await probe(gpu, signal) : null;

  const rows: Row[] = [];
  const layers: LayerTimes[] = [];
  const report = (): Report => ({ schema: 1, environment, probe: probed, rows: [...rows], layers: [...layers] });
  onReport?.(report());

  const entrants = entrantsOf(options, contenders, gpu);
  const used = new Set<string>();
  try {
    for (const net of options.nets) {
      const network = NETWORKS[net]();
      for (const batch of options.batches) {
        const image = inputFor(network, batch);
        const classes = classesFor(network, batch);
        const ready: Ready[] = [];
        try {
          for (const { contender, precision } of entrants) {
            signal?.throwIfAborted();
            tell(`${net}, batch ${batch}: making ${nameOf(contender, precision)} ready`, contender.name);
            const device = `${contender.device} ${precision}`;
            const fresh = !used.has(device);
            used.add(device);
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
                made.then(
                  ({ dispose }) => dispose(),
                  () => {},
                ); // when it has come to an end
                throw error;
              }
              for (const what of options.what.filter((one) => contender.offers?.includes(one) ?? true))
                rows.push(emptyRow({ net, batch, what, precision }, contender, 'failed', messageOf(error)));
            }
          }
          const ours =
            ready.find(({ contender, precision }) => contender.name === 'gradlens' && precision === 'f32')?.results ??
            null;
          for (const what of options.what) {
            const open = ready
              .filter((one) => isChosen(options, one) && offers(one, what))
              .map((made) => ({ made, error: errorOf(made, ours, what) }));
            const right = open.filter(({ made, error }) => error === null || error < TOLERANCE[made.precision]);
            const times = await measure(
              right.map(({ made }) => taskOf(made, what, classes)),
              options,
              {
                signal,
                quantum,
                onTick: (phase, task, done) =>
                  tell(
                    `${net}, batch ${batch}, ${what}: ${phase === 'measure' ? 'timing' : 'warming up'} ${task}, run ${done + 1}`,
                    task.split(' ')[0],
                  ),
              },
            );
            for (const { made, error } of open) {
              const { contender, precision, cold, calls, gpuBytes, session } = made;
              const row = {
                ...emptyRow({ net, batch, what, precision }, contender, 'ok'),
                cold,
                calls: calls[what],
                gpuBytes,
                weightBytes: weightBytesOf(network, precision),
                memory: session.memory ?? null,
                gradientError: error === null ? null : finite(error),
              };
              const measured = times[right.findIndex((other) => other.made === made)];
              const floor =
                probed && contender.backend === 'webgpu'
                  ? floorMs(workOf(network, batch, what, precision), probed)
                  : null;
              rows.push(
                measured
                  ? { ...row, ...numbersOf(measured, flopsOf(network, what, batch), batch), floorMs: floor }
                  : {
                      ...row,
                      status: 'wrong',
                      reason: `relative error ${error!.toExponential(1)}, more than ${TOLERANCE[precision]}`,
                    },
              );
            }
            onReport?.(report());
          }
          for (const made of options.layers
            ? ready.filter((one) => isChosen(options, one) && one.session.profile)
            : []) {
            const { contender, precision, session, input } = made;
            tell(`${net}, batch ${batch}: ${nameOf(contender, precision)}, layer by layer`, contender.name);
            const { clock, steps } = await session.profile!(input, classes, signal);
            layers.push({ net, batch, contender: contender.name, precision, clock, steps });
            onReport?.(report());
          }
        } finally {
          for (const { dispose } of ready) dispose();
        }
      }
    }
  } finally {
    for (const contender of new Set(entrants.map((entrant) => entrant.contender))) contender.dispose();
  }
  // last, since it compiles some of our shaders: the cold start above has to be a cold one
  tell('Checking gradlens against stored float64 numbers');
  environment = { ...environment, selfTest: await selfTest(gpu) };
  onReport?.(report());
  return report();
}

/** Ours in float32 first, chosen or not: the others are checked against it. */
function entrantsOf(
  { contenders: chosen, precisions }: BenchOptions,
  contenders: Readonly<Record<string, (gpu: GPU) => Contender>>,
  gpu: GPU,
): { contender: Contender; precision: Precision }[] {
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
