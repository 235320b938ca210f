/**
 * Many variants of one picture, their gradients added up on the GPU: memory does not grow with their number, and
 * nothing but the sum and one score per variant is read, once, at the end.
 */
import { ascentTick } from '../../shaders/ascent';
import type { Kernel } from '../../shaders/kernel';
import { type SamplingDims, type Sum, type Variation, accumulate, register, vary } from '../../shaders/sampling';
import type { Call } from '../calls';
import { type Bound, Buffers, binder, dispatch } from './bound';
import type { Encoder } from './commands';
import type { Device } from './device';
import type { BackwardOptions, Executor } from './executor';
import type { Lent } from './lent';
import { Pace } from './pace';

/** What {@link Model.sampleGradient} makes of a picture. */
export interface SampledVariants {
  /** What differs from variant to variant. */
  readonly variation: Variation;
  /** What is added up of the gradients; null: nothing, only scores are wanted, and there is no backward pass. */
  readonly sum: Sum | null;
  /** How many variants. */
  readonly samples: number;
  /** A second image, `[C, H, W]` prepared; default 0, the mean. */
  readonly other?: Float32Array;
  /** Of pixels, where the variation goes by them. */
  readonly ranks?: Uint32Array;
}

/** What {@link Model.sampleGradient} finds. */
export interface Sampled {
  /** `[C, H, W]`: the sum; empty if none was wanted. */
  readonly total: Float32Array;
  /** One per variant. */
  readonly scores: Float32Array;
}

/** Extents of what is sampled, and what of it is differentiated. */
interface Sampling {
  readonly dims: SamplingDims;
  readonly backward: BackwardOptions;
}

/** `bring` records what brings the prepared picture to the buffer `picture`. */
export async function sampleVariants(
  { device, executor, readback }: Lent,
  call: Call,
  asked: Sampling & {
    readonly picture: GPUBuffer;
    readonly bring: (encoder: Encoder) => void;
    readonly variants: SampledVariants;
  },
): Promise<Sampled> {
  const { picture, bring, dims, backward, variants } = asked;
  const { variation, sum, samples, other, ranks } = variants;
  const kernels = [vary(dims, variation), ...(sum ? [accumulate(dims, sum)] : []), ascentTick()];
  const bind = await binder(device, kernels, call);
  const buffers = new Buffers(device);
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const elements = dims.C * dims.H * dims.W;
  try {
    const { total, scores, bound } = await device.guard(call, 'sampling', () => {
      const make = (label: string, count: number, data?: Float32Array | Uint32Array): GPUBuffer => {
        const buffer = buffers.allocate(`sampling ${label}`, count * 4, STORAGE | COPY_SRC | COPY_DST);
        if (data) device.write(buffer, data);
        return buffer;
      };
      const made = {
        total: make('total', elements),
        scores: make('scores', samples),
        other: make('other', elements, other),
        ranks: make('ranks', ranks?.length ?? 4, ranks),
        clock: make('clock', 1),
      };
      const names = { ...made, picture, y: executor.input, gradient: executor.gradient };
      return { ...made, bound: kernels.map((kernel) => bind(kernel, names, buffers.allocate)) };
    });
    const [before, ...after] = bound as [Bound, ...Bound[]];
    await repeat(device, call, Math.ceil(samples / dims.N), (encoder, k) => {
      if (k === 0) bring(encoder);
      dispatch(encoder, 'sampling', [before]);
      if (sum) executor.encodeBoth(encoder, backward);
      else executor.encodeForward(encoder);
      dispatch(encoder, 'sampling', after);
      for (let n = 0; n < dims.N && k * dims.N + n < samples; n++) {
        const score = scoreOffset(executor, n, backward.targets[n]!.channel);
        encoder.copyBufferToBuffer(executor.scores, score, scores, (k * dims.N + n) * 4, 4);
      }
    });
    const read = await readback.run(call, {
      what: 'sampling',
      bytes: (elements + samples) * 4,
      encode: (_, copy) => {
        copy(scores, samples * 4);
        if (sum) copy(total, elements * 4);
      },
    });
    return { scores: read[0]!, total: read[1] ?? new Float32Array(0) };
  } finally {
    buffers.dispose();
  }
}

/** A view of the picture: where it lies in the input that shows the whole picture, in pixels of it. */
export interface View {
  /** Its left edge. */
  readonly x: number;
  /** Its upper edge. */
  readonly y: number;
  /** Its extent. */
  readonly width: number;
  /** Likewise. */
  readonly height: number;
  /** Left and right exchanged. */
  readonly mirrored: boolean;
}

/** Views whose maps are averaged. */
interface Averaging extends Sampling {
  readonly views: readonly View[];
  readonly channels: 'max-abs' | 'sum-abs' | 'sum';
  /** Makes the k-th batch of views ready; gives what records it into the executor's input. */
  readonly upload: (k: number) => Promise<(encoder: Encoder) => void>;
}

/** Maps of views, each brought to where the view lies, and averaged: `[H × W]`. */
export async function averageOfViews(
  { device, executor, readback }: Lent,
  call: Call,
  { dims, backward, views, channels, upload }: Averaging,
): Promise<Float32Array> {
  const kernels: readonly Kernel[] = [register(dims, channels), ascentTick()];
  const bind = await binder(device, kernels, call);
  const buffers = new Buffers(device);
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const pixels = dims.H * dims.W;
  try {
    const { total, bound } = await device.guard(call, 'averaging views', () => {
      const make = (label: string, bytes: number): GPUBuffer =>
        buffers.allocate(`views ${label}`, bytes, STORAGE | COPY_SRC | COPY_DST);
      const made = {
        total: make('total', pixels * 8),
        views: make('placement', views.length * 32),
        clock: make('clock', 4),
      };
      const placement = Float32Array.from(
        views.flatMap(({ x, y, width, height, mirrored }) => [x, y, width, height, mirrored ? 1 : 0, 0, 0, 0]),
      );
      device.write(made.views, placement);
      const names = { ...made, gradient: executor.gradient };
      return { ...made, bound: kernels.map((kernel) => bind(kernel, names, buffers.allocate)) };
    });
    const batchOf = async (k: number): Promise<(encoder: Encoder) => void> => {
      call.onProgress?.({ phase: 'run', done: k * dims.N, total: views.length });
      const bring = await upload(k);
      return (encoder) => {
        bring(encoder);
        executor.encodeBoth(encoder, backward);
        dispatch(encoder, 'views', bound);
      };
    };
    const last = Math.ceil(views.length / dims.N) - 1;
    for (let k = 0; k < last; k++) {
      const encode = await batchOf(k);
      await device.guard(call, 'averaging views', () => device.submit('views', encode));
    }
    const encode = await batchOf(last);
    const [sums] = await readback.run(call, {
      what: 'views',
      bytes: pixels * 8,
      encode: (encoder, copy) => {
        encode(encoder);
        copy(total, pixels * 8);
      },
    });
    return Float32Array.from({ length: pixels }, (_, i) =>
      sums![2 * i + 1]! > 0 ? sums![2 * i]! / sums![2 * i + 1]! : 0,
    );
  } finally {
    buffers.dispose();
  }
}

/**
 * Records `count` repetitions, as many per submit as the pace allows; one submit is recorded while the one before it
 * runs.
 */
async function repeat(
  device: Device,
  call: Call,
  count: number,
  encode: (encoder: Encoder, k: number) => void,
): Promise<void> {
  const pace = new Pace();
  let running: Promise<void> = Promise.resolve();
  for (let k = 0; k < count; ) {
    call.signal.throwIfAborted();
    call.onProgress?.({ phase: 'run', done: k, total: count });
    const some = Math.min(pace.count, count - k);
    const begin = performance.now();
    await device.guard(call, 'sampling', () =>
      device.submit('sampling', (encoder) => {
        for (let j = 0; j < some; j++) encode(encoder, k + j);
      }),
    );
    const before = running;
    running = device
      .settled(call, 'sampling', () => device.gpu.queue.onSubmittedWorkDone())
      .then(() => pace.took(some, begin, performance.now()));
    running.catch(() => {}); // awaited at the submit after the next, or never
    k += some;
    await before;
  }
}

/** Where the score of an item lies, in bytes. */
function scoreOffset({ plan: { scores } }: Executor, n: number, channel: number): number {
  return ((n * scores.blocks + scores.block) * 4 + channel) * 4;
}
