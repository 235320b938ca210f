/**
 * Gradient ascent that stays on the GPU: forward, backward and update in one command stream, many iterations per
 * submit, and the next submit is recorded while the last one runs. Only two numbers per iteration are read back. The
 * image is the ascent's own, so other calls of the model may come between two submits.
 */
import {
  REPORT,
  ascentBlur,
  ascentDirection,
  ascentNorm,
  ascentScore,
  ascentShow,
  ascentStep,
  ascentTick,
  isMoved,
} from '../../shaders/ascent';
import { spectrumSteps, waves } from '../../shaders/spectrum';
import { abortable } from '../abortable';
import { type Call, Calls } from '../calls';
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import { type InputUnits, inputUnits } from '../image/inputUnits';
import { PHOTOS } from '../image/photoStatistics';
import type { AscentChunk, AscentState } from '../options';
import { type Bound, Buffers, binder, dispatch } from './bound';
import type { Encoder } from './commands';
import type { BackwardOptions, Executor } from './executor';
import { typed } from './guarded';
import type { Lent } from './lent';
import { MOST_PER_SUBMIT, Pace } from './pace';

/** Options of {@link Model.ascend}. */
export interface AscentOptions {
  /** How far an iteration moves. */
  readonly step: number;
  /** λ of the paper. */
  readonly l2: number;
  /** Divide the direction by its root mean square. */
  readonly normalise: boolean;
  /** Weight of the total variation; 0: none. */
  readonly totalVariation: number;
  /** How much of the last move is in the next; from 0 to below 1. */
  readonly momentum: number;
  /**
   * What a step is taken in: the pixels, or the cosines that they are a sum of, each worth what it has in photos
   * (shaders/spectrum.ts).
   */
  readonly parametrisation: 'pixels' | 'fourier';
  /** Up to how many pixels the image is shifted, around its edges, before each gradient. */
  readonly jitter: number;
  /** Up to how many degrees it is turned; then, as with `zoom`, its outside has the colour that counts as 0. */
  readonly rotate: number;
  /** Up to which part of its size it is drawn larger or smaller. */
  readonly zoom: number;
  /** Standard deviation in pixels of a blur after every `blurEvery`-th iteration; 0: none. */
  readonly blur: number;
  /** After how many iterations each blur comes. */
  readonly blurEvery: number;
  /** Of what is drawn. */
  readonly seed: number;
  /** What `step`, `l2` and `totalVariation` are measured in; default: the prepared input's own 0 and 1. */
  readonly units?: InputUnits;
}

/** What is to ascend, and how. */
export interface AscentRequest extends AscentOptions {
  readonly extents: { readonly C: number; readonly H: number; readonly W: number };
  readonly backward: BackwardOptions;
}

/** What an ascent computes with: all its own. */
interface Made {
  readonly buffers: Buffers;
  readonly image: GPUBuffer;
  readonly velocity: GPUBuffer | null;
  /** The scores and the gradient's size of one iteration, `[N, REPORT]`. */
  readonly report: GPUBuffer;
  /** For the reports of a submit; two, since two submits may be under way. */
  readonly staging: readonly GPUBuffer[];
  readonly kernels: {
    readonly show: readonly Bound[];
    readonly update: readonly Bound[];
    readonly blur: readonly Bound[];
  };
}

export class Ascent {
  private readonly pace = new Pace();
  private submits = 0;
  /** Settles when the submit before the last is done, whose read-back the next may reuse. */
  private readonly done: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  /** Scores are awaited beyond the call that submitted them, until the ascent is disposed. */
  private readonly calls: Calls;
  private readonly life: ReturnType<Calls['begin']>;

  private constructor(
    private readonly lent: Lent,
    private readonly request: AscentRequest,
    private readonly made: Made,
    private iteration: number,
  ) {
    this.calls = new Calls(lent.device.calls);
    this.life = this.calls.begin();
  }

  /** From a state or, as in the paper, from the image that is 0 in its units. */
  static async create(lent: Lent, call: Call, request: AscentRequest, start?: Partial<AscentState>): Promise<Ascent> {
    const { device, executor } = lent;
    const { extents, momentum, blur } = request;
    const { batch, input, scores } = executor.plan;
    const { centre, spread, colours } = request.units ?? inputUnits(null, extents.C);
    const plane = scores.H * scores.W;
    const dims = { N: batch, ...extents };
    const show = isMoved(request) ? [ascentShow(dims, request)] : [];
    const climb = [ascentScore({ N: batch, BLOCKS: scores.blocks, PLANE: plane }), ascentDirection(dims, request)];
    const spectrum = request.parametrisation === 'fourier' ? spectrumSteps(dims, PHOTOS.decay) : [];
    const move = [ascentNorm(dims), ascentStep(dims, request), ...(isMoved(request) ? [ascentTick()] : [])];
    const blurs = blur > 0 ? [ascentBlur(dims, 'W', blur), ascentBlur(dims, 'H', blur)] : [];
    const bind = await binder(
      device,
      [...show, ...climb, ...spectrum.map(({ kernel }) => kernel), ...move, ...blurs],
      call,
    );
    const buffers = new Buffers(device);
    const iteration = start?.iteration ?? 0;
    try {
      return await device.guard(call, 'starting an ascent', () => {
        const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
        const make = (label: string, bytes: number, usage: number, data?: Float32Array | Uint32Array): GPUBuffer => {
          const buffer = buffers.allocate(`ascent ${label}`, bytes, usage);
          if (data) device.write(buffer, data);
          return buffer;
        };
        const picture = (label: string, data?: Float32Array): GPUBuffer =>
          make(label, input.bytes, STORAGE | COPY_SRC | COPY_DST, data);
        const image = picture('image', start?.image ?? filledWith(centre, request.extents, batch));
        const numbers = (label: string, data: Float32Array): GPUBuffer =>
          make(label, data.byteLength, STORAGE | COPY_DST, data);
        const climbed = picture('direction');
        const direction = spectrum.length > 0 ? picture('spectrum') : climbed; // the last of an odd number of steps
        const velocity =
          momentum > 0 ? picture('velocity', start?.velocity?.length ? start.velocity : undefined) : null;
        const spare = blur > 0 ? picture('blur') : null;
        const units = numbers('units', Float32Array.from(centre.flatMap((value, c) => [value, spread[c]!])));
        const cosines =
          spectrum.length > 0 ? { H: numbers('waves', waves(extents.H)), W: numbers('waves', waves(extents.W)) } : null;
        const report = make('report', batch * REPORT * 4, STORAGE | COPY_SRC);
        const clock = make('clock', 4, STORAGE | COPY_DST, Uint32Array.of(iteration));
        const chosen = make('target', batch * 16, STORAGE | COPY_DST, rangesOf(request.backward.targets, scores));
        const staging = [0, 1].map(() => make('read-back', MOST_PER_SUBMIT * batch * REPORT * 4, MAP_READ | COPY_DST));
        const names = {
          image,
          report,
          units,
          clock,
          chosen,
          ...(cosines ? { colours: numbers('colours', Float32Array.from(colours)) } : {}),
          gradient: executor.gradient,
          scores: executor.scores,
          shown: executor.input,
          ...(velocity ? { velocity } : {}),
        };
        const kernels = {
          show: show.map((kernel) => bind(kernel, names, buffers.allocate)),
          update: [
            ...climb.map((kernel) => bind(kernel, { ...names, direction: climbed }, buffers.allocate)),
            ...spectrum.map(({ kernel, axis }, k) =>
              bind(
                kernel,
                { ...names, ...between(climbed, direction, k), ...(axis ? { waves: cosines![axis] } : {}) },
                buffers.allocate,
              ),
            ),
            ...move.map((kernel) => bind(kernel, { ...names, direction }, buffers.allocate)),
          ],
          blur: blurs.map((kernel, k) => bind(kernel, between(image, spare!, k), buffers.allocate)),
        };
        return new Ascent(lent, request, { buffers, image, velocity, report, staging, kernels }, iteration);
      });
    } catch (error) {
      buffers.dispose();
      throw error;
    }
  }

  /** Submits up to `most` iterations and does not wait for them, but for those of the submit before the last. */
  async submit(call: Call, most: number): Promise<AscentChunk> {
    const { device, executor } = this.lent;
    const slot = this.submits++ % 2;
    await abortable(this.done[slot]!, call.signal);
    this.calls.assertOpen();
    const staging = this.made.staging[slot]!;
    const bytes = executor.plan.batch * REPORT * 4;
    const count = Math.min(most, this.pace.count);
    const first = this.iteration;
    const begin = performance.now();
    let mapped: Promise<void> | undefined;
    await device.guard(call, 'ascent', () => {
      device.submit('ascent', (encoder) => {
        for (let k = 0; k < count; k++) {
          this.encode(encoder, first + k + 1);
          encoder.copyBufferToBuffer(this.made.report, 0, staging, k * bytes, bytes);
        }
      });
      mapped = staging.mapAsync(GPUMapMode.READ, 0, count * bytes);
      mapped.catch(() => {}); // awaited below
    });
    this.iteration += count;
    const read = async (): Promise<readonly Float32Array[]> => {
      await device.settled(this.life.call, 'ascent: the scores could not be read', () => mapped!);
      this.pace.took(count, begin, performance.now());
      const values = valuesOf(staging, count * bytes);
      return Array.from({ length: count }, (_, k) =>
        scoresOf(values.subarray((k * bytes) / 4, ((k + 1) * bytes) / 4), first + k + 1),
      );
    };
    const scores = read();
    this.done[slot] = scores.catch(() => {});
    return { scores, count };
  }

  /** After all that was submitted. */
  async read(call: Call): Promise<AscentState> {
    this.calls.assertOpen();
    const { executor, readback } = this.lent;
    const { image, velocity } = this.made;
    const { bytes } = executor.plan.input;
    const { iteration } = this;
    const [shown, moving] = await readback.run(call, {
      what: 'ascent image',
      bytes: bytes * (velocity ? 2 : 1),
      encode: (_, read) => {
        read(image, bytes);
        if (velocity) read(velocity, bytes);
      },
    });
    return { image: shown!, velocity: moving ?? new Float32Array(0), iteration };
  }

  dispose(): void {
    this.calls.end(() => new GradlensError('disposed', 'this ascent was disposed'));
    this.life.close();
    this.made.buffers.dispose();
  }

  /** One iteration; they count from 1. */
  private encode(encoder: Encoder, iteration: number): void {
    const { executor } = this.lent;
    const { image, kernels } = this.made;
    const { backward, blurEvery } = this.request;
    if (kernels.show.length === 0) encoder.copyBufferToBuffer(image, 0, executor.input, 0, executor.plan.input.bytes);
    dispatch(encoder, 'ascent', kernels.show);
    executor.encodeBoth(encoder, backward);
    dispatch(encoder, 'ascent', [...kernels.update, ...(iteration % blurEvery === 0 ? kernels.blur : [])]);
  }
}

/** Where step k of several reads and writes: from one to the other, and back. */
const between = (one: GPUBuffer, other: GPUBuffer, k: number) =>
  k % 2 === 0 ? { x: one, y: other } : { x: other, y: one };

/** Where each channel is everywhere what counts as 0; undefined where that is 0, as fresh buffers are. */
function filledWith(
  centre: readonly number[],
  { C, H, W }: AscentRequest['extents'],
  batch: number,
): Float32Array | undefined {
  if (centre.every((value) => value === 0)) return undefined;
  return Float32Array.from({ length: batch * C * H * W }, (_, i) => centre[Math.floor(i / (H * W)) % C]!);
}

/** For each item which lane of which block its target is, and from which pixel to which: `(channel, begin, end, –)`. */
function rangesOf(targets: BackwardOptions['targets'], { block, H, W }: Executor['plan']['scores']): Uint32Array {
  return Uint32Array.from(
    targets.flatMap(({ channel, y, x }) =>
      y === undefined || x === undefined
        ? [4 * block + channel, 0, H * W, 0]
        : [4 * block + channel, y * W + x, y * W + x + 1, 0],
    ),
  );
}

function valuesOf(staging: GPUBuffer, bytes: number): Float32Array {
  try {
    const values = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
    staging.unmap();
    return values;
  } catch (cause) {
    throw typed('ascent: the scores could not be read', cause);
  }
}

function scoresOf(report: Float32Array, iteration: number): Float32Array {
  const bad = notFinite(report);
  if (bad >= 0) {
    throw new GradlensError(
      'validation',
      `iteration ${iteration}: the ${bad % REPORT === 0 ? 'score' : 'size of the gradient'} of item ` +
        `${Math.floor(bad / REPORT)} is ${report[bad]}; a smaller step, or a larger l2, keeps the image where ` +
        `float32 holds the network's numbers`,
      { iteration, item: Math.floor(bad / REPORT) },
    );
  }
  return report.filter((_, i) => i % REPORT === 0);
}
