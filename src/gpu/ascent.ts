/**
 * Gradient ascent that stays on the GPU: forward, backward and update in one command stream, many iterations per submit, nothing read
 * back but the scores. The image is the ascent's own, so other calls of the model may come between two advances.
 */
import { ascentNorm, ascentStep } from '../../shaders/ascent';
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import type { Device } from './device';
import type { BackwardOptions, Executor } from './executor';
import type { Readback } from './readback';

export interface AscentOptions {
  readonly step: number;
  /** λ of the paper. */
  readonly l2: number;
  /** Divide the direction by its root mean square. */
  readonly normalise: boolean;
}

/** A submit should take about this long: short enough for a watchdog and for a cancel, long enough to keep the GPU busy. */
const SUBMIT_MILLISECONDS = 80;
const MOST_PER_SUBMIT = 64;

interface Pass {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: Kernel['workgroups'];
}

export class Ascent {
  /** Grows and shrinks with the time that the last submit took. */
  private perSubmit = 1;

  private constructor(
    private readonly device: Device,
    private readonly executor: Executor,
    private readonly readback: Readback,
    private readonly image: GPUBuffer,
    private readonly owned: readonly GPUBuffer[],
    private readonly update: readonly Pass[],
  ) {}

  /** From `start` (`[N, C, H, W]`, prepared) or, as in the paper, from the zero image. */
  static async create(device: Device, executor: Executor, readback: Readback, options: AscentOptions, start?: Float32Array): Promise<Ascent> {
    const { batch, input } = executor.plan;
    const dims = { N: batch, SIZE: input.bytes / 4 / batch };
    const kernels = [...(options.normalise ? [ascentNorm(dims, options.l2)] : []), ascentStep(dims, options)];
    const pipelines = await Promise.all(kernels.map((kernel) => device.pipeline(kernel)));
    const owned: GPUBuffer[] = [];
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const allocate = (label: string, bytes: number, usage: number): GPUBuffer => {
      const buffer = device.allocate(label, bytes, usage);
      owned.push(buffer);
      return buffer;
    };
    try {
      return await device.guard('starting an ascent', () => {
        const image = allocate('ascent image', input.bytes, COPY_SRC | COPY_DST);
        const norm = allocate('ascent norm', batch * 4, STORAGE);
        if (start) device.gpu.queue.writeBuffer(image, 0, start as Float32Array<ArrayBuffer>);
        const update = kernels.map((kernel, k): Pass => {
          const d = allocate('ascent extents', Object.keys(kernel.dims).length * 4, UNIFORM | COPY_DST);
          device.gpu.queue.writeBuffer(d, 0, Uint32Array.from(Object.values(kernel.dims)));
          const resources: Readonly<Record<string, GPUBuffer>> = { d, gradient: executor.gradient, image: executor.input, norm };
          const { pipeline, layout } = pipelines[k]!;
          const entries = bindingsOf(kernel).map(({ index, name }) => ({ binding: index, resource: { buffer: resources[name]! } }));
          return { pipeline, bindGroup: device.gpu.createBindGroup({ layout, entries }), workgroups: kernel.workgroups };
        });
        return new Ascent(device, executor, readback, image, owned, update);
      });
    } catch (error) {
      owned.forEach((buffer) => device.free(buffer));
      throw error;
    }
  }

  /** Up to `most` iterations in one submit; resolves with the scores before each of their updates, as the executor stores them. */
  async advance(most: number, options: BackwardOptions): Promise<Float32Array[]> {
    const { executor } = this;
    const { bytes } = executor.plan.input;
    const scoreBytes = executor.plan.scores.storage.bytes;
    const count = Math.min(most, this.perSubmit);
    const began = performance.now();
    const scores = await this.readback.run('ascent', count * scoreBytes, (encoder, read) => {
      encoder.copyBufferToBuffer(this.image, 0, executor.input, 0, bytes);
      for (let k = 0; k < count; k++) {
        executor.encodeBoth(encoder, options);
        read(executor.scores, scoreBytes);
        const pass = encoder.beginComputePass({ label: 'gradlens/ascent' });
        for (const { pipeline, bindGroup, workgroups } of this.update) {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, bindGroup);
          pass.dispatchWorkgroups(...workgroups);
        }
        pass.end();
      }
      encoder.copyBufferToBuffer(executor.input, 0, this.image, 0, bytes);
    });
    const perIteration = (performance.now() - began) / count;
    this.perSubmit = Math.max(1, Math.min(MOST_PER_SUBMIT, 2 * count, Math.floor(SUBMIT_MILLISECONDS / perIteration)));
    return scores;
  }

  /** The image so far, `[N, C, H, W]`. */
  async read(): Promise<Float32Array> {
    const { bytes } = this.executor.plan.input;
    const [image] = await this.readback.run('ascent image', bytes, (_, read) => read(this.image, bytes));
    return image!;
  }

  dispose(): void {
    this.owned.forEach((buffer) => this.device.free(buffer));
  }
}
