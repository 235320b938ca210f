/**
 * Gradient ascent that stays on the GPU: forward, backward and update in one command stream, many iterations per
 * submit, and the next submit is recorded while the last one runs. Only two numbers per iteration are read back. The
 * image is the ascent's own, so other calls of the model may come between two submits.
 */
import {
  TOLD,
  ascentBlur,
  ascentDirection,
  ascentNorm,
  ascentScore,
  ascentShow,
  ascentStep,
  ascentTick,
} from '../../shaders/ascent';
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import type { AscentChunk, AscentState } from '../options';
import { type Bound, Buffers, binder, dispatch } from './bound';
import type { Device } from './device';
import type { BackwardOptions, Executor } from './executor';
import { MOST_PER_SUBMIT, Pace } from './pace';
import type { Readback } from './readback';

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
  /** Up to how many pixels the image is shifted, around its edges, before each gradient. */
  readonly jitter: number;
  /** Standard deviation in pixels of a blur after every `blurEvery`-th iteration; 0: none. */
  readonly blur: number;
  readonly blurEvery: number;
  /** Of the shifts. */
  readonly seed: number;
}

export class Ascent {
  private readonly pace = new Pace();
  private chunks = 0;
  /** Settles when the chunk before the last is done, whose read-back the next may reuse. */
  private readonly done: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  private disposed = false;

  private constructor(
    private readonly device: Device,
    private readonly executor: Executor,
    private readonly readback: Readback,
    private readonly options: AscentOptions,
    private readonly buffers: Buffers,
    private readonly image: GPUBuffer,
    private readonly velocity: GPUBuffer | null,
    private readonly told: GPUBuffer,
    private readonly staging: readonly GPUBuffer[],
    private readonly kernels: {
      readonly show: readonly Bound[];
      readonly update: readonly Bound[];
      readonly blur: readonly Bound[];
    },
    private iteration: number,
  ) {}

  /** From a state or, as in the paper, from the zero image. */
  static async create(
    device: Device,
    executor: Executor,
    readback: Readback,
    targets: BackwardOptions['targets'],
    extents: { readonly C: number; readonly H: number; readonly W: number },
    options: AscentOptions,
    from?: Partial<AscentState>,
  ): Promise<Ascent> {
    const {
      batch,
      input,
      scores: { block, blocks, H, W },
    } = executor.plan;
    const dims = { N: batch, ...extents };
    const { jitter, momentum, blur } = options;
    const show = jitter > 0 ? [ascentShow(dims, jitter, options.seed)] : [];
    const update = [
      ascentScore({ N: batch, BLOCKS: blocks, PLANE: H * W }),
      ascentDirection(dims, options),
      ascentNorm(dims),
      ascentStep(dims, options),
      ...(jitter > 0 ? [ascentTick()] : []),
    ];
    const blurs = blur > 0 ? [ascentBlur(dims, 'W', blur), ascentBlur(dims, 'H', blur)] : [];
    const bind = await binder(device, [...show, ...update, ...blurs]);
    const buffers = new Buffers(device);
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const iteration = from?.iteration ?? 0;
    try {
      return await device.guard('starting an ascent', () => {
        const plane = (label: string): GPUBuffer =>
          buffers.allocate(`ascent ${label}`, input.bytes, STORAGE | COPY_SRC | COPY_DST);
        const [image, direction] = [plane('image'), plane('direction')];
        const velocity = momentum > 0 ? plane('velocity') : null;
        const spare = blur > 0 ? plane('blur') : null;
        const told = buffers.allocate('ascent told', batch * TOLD * 4, STORAGE | COPY_SRC);
        const clock = buffers.allocate('ascent clock', 4, STORAGE | COPY_DST);
        const chosen = buffers.allocate('ascent target', batch * 16, STORAGE | COPY_DST);
        const staging = [0, 1].map(() =>
          buffers.allocate('ascent read-back', MOST_PER_SUBMIT * batch * TOLD * 4, MAP_READ | COPY_DST),
        );
        const write = (buffer: GPUBuffer, data: Float32Array | Uint32Array): void =>
          device.gpu.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
        if (from?.image) write(image, from.image);
        if (velocity && from?.velocity) write(velocity, from.velocity);
        write(clock, Uint32Array.of(iteration));
        write(
          chosen,
          Uint32Array.from(
            targets.flatMap(({ channel, y, x }) =>
              y === undefined || x === undefined
                ? [4 * block + channel, 0, H * W, 0]
                : [4 * block + channel, y * W + x, y * W + x + 1, 0],
            ),
          ),
        );
        const names = {
          image,
          direction,
          told,
          clock,
          chosen,
          gradient: executor.gradient,
          scores: executor.scores,
          shown: executor.input,
          ...(velocity ? { velocity } : {}),
        };
        const kernels = {
          show: show.map((kernel) => bind(kernel, names, buffers.allocate)),
          update: update.map((kernel) => bind(kernel, names, buffers.allocate)),
          blur: blurs.map((kernel, k) =>
            bind(kernel, k === 0 ? { x: image, y: spare! } : { x: spare!, y: image }, buffers.allocate),
          ),
        };
        return new Ascent(
          device,
          executor,
          readback,
          options,
          buffers,
          image,
          velocity,
          told,
          staging,
          kernels,
          iteration,
        );
      });
    } catch (error) {
      buffers.dispose();
      throw error;
    }
  }

  /** Submits up to `most` iterations and does not wait for them, but for those of the submit before the last. */
  async submit(most: number, backward: BackwardOptions): Promise<AscentChunk> {
    const { executor, device, told } = this;
    const {
      input: { bytes },
      batch,
    } = executor.plan;
    const slot = this.chunks++ % 2;
    await this.done[slot];
    this.assertAlive();
    const staging = this.staging[slot]!;
    const toldBytes = batch * TOLD * 4;
    const count = Math.min(most, this.pace.count);
    const first = this.iteration;
    const begin = performance.now();
    let mapped: Promise<void> = Promise.resolve();
    await device.guard('ascent', () => {
      const encoder = device.gpu.createCommandEncoder({ label: 'gradlens/ascent' });
      for (let k = 0; k < count; k++) {
        if (this.kernels.show.length === 0) encoder.copyBufferToBuffer(this.image, 0, executor.input, 0, bytes);
        dispatch(encoder, 'ascent', this.kernels.show);
        executor.encodeBoth(encoder, backward);
        const blurs = (first + k + 1) % this.options.blurEvery === 0 ? this.kernels.blur : [];
        dispatch(encoder, 'ascent', [...this.kernels.update, ...blurs]);
        encoder.copyBufferToBuffer(told, 0, staging, k * toldBytes, toldBytes);
      }
      device.gpu.queue.submit([encoder.finish()]);
      mapped = staging.mapAsync(GPUMapMode.READ, 0, count * toldBytes);
      mapped.catch(() => {}); // awaited below
    });
    this.iteration += count;
    const scores = mapped
      .then(() => {
        this.pace.took(count, begin, performance.now());
        const values = new Float32Array(staging.getMappedRange(0, count * toldBytes).slice(0));
        staging.unmap();
        return Array.from({ length: count }, (_, k) =>
          scoresOf(values.subarray(k * batch * TOLD, (k + 1) * batch * TOLD), first + k + 1),
        );
      })
      .catch((error: unknown) => {
        this.assertAlive();
        throw error;
      });
    this.done[slot] = scores.catch(() => {});
    return { scores, count };
  }

  /** After all that was submitted. */
  async read(): Promise<AscentState> {
    this.assertAlive();
    const { bytes } = this.executor.plan.input;
    const { velocity, iteration } = this;
    const [image, moving] = await this.readback.run('ascent image', bytes * (velocity ? 2 : 1), (_, read) => {
      read(this.image, bytes);
      if (velocity) read(velocity, bytes);
    });
    return { image: image!, velocity: moving ?? new Float32Array(0), iteration };
  }

  dispose(): void {
    this.disposed = true;
    this.buffers.dispose();
  }

  private assertAlive(): void {
    this.device.assertAlive();
    if (this.disposed) throw new GradlensError('disposed', 'this ascent was disposed');
  }
}

function scoresOf(told: Float32Array, iteration: number): Float32Array {
  const bad = notFinite(told);
  if (bad >= 0) {
    throw new GradlensError(
      'validation',
      `iteration ${iteration}: the ${bad % TOLD === 0 ? 'score' : 'size of the gradient'} of item ${Math.floor(bad / TOLD)} is ${told[bad]}; a smaller step, or a larger l2, keeps the image where float32 holds the network's numbers`,
      { iteration, item: Math.floor(bad / TOLD) },
    );
  }
  return told.filter((_, i) => i % TOLD === 0);
}
