/** The parameters of one model on the GPU, shared by all of its plans. */
import type { Plan } from '../compile';
import { LARGEST_HALF } from '../../shaders/half';
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import { encodeHalves } from '../formats/floats';
import type { RunOptions } from '../options';
import type { Device } from './device';

/** Bytes written between two looks at the signal. */
const PIECE = 16 * 2 ** 20;

export class WeightStore {
  private readonly buffers = new Map<string, GPUBuffer>();
  private disposed = false;

  constructor(private readonly device: Device) {}

  buffer(name: string): GPUBuffer {
    return this.buffers.get(name)!;
  }

  /**
   * Uploads what the plan needs and is not there yet, one tensor at a time, so that only one packed copy exists at
   * once.
   */
  async upload(plan: Plan, { signal, onProgress }: RunOptions): Promise<void> {
    const missing = plan.buffers.filter(({ kind, name }) => kind === 'weight' && !this.buffers.has(name));
    const total = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    onProgress?.({ phase: 'upload', done, total });
    for (const { name, bytes, fill, half } of missing) {
      signal?.throwIfAborted();
      const numbers = fill!();
      const bad = notFinite(numbers); // a ReLU or a max-pool would hide it
      if (bad >= 0)
        throw new GradlensError(
          'model-format',
          `the weight ${name} holds ${numbers[bad]}; every weight must be a finite number`,
          { weight: name },
        );
      const data = half ? halvesOf(numbers, name) : numbers;
      if (data.byteLength !== bytes)
        throw new GradlensError('validation', `${name}: packed to ${data.byteLength} bytes, planned were ${bytes}`);
      const buffer = await this.device.guard(`allocating ${name}`, () => {
        if (this.disposed)
          throw new GradlensError('disposed', `${plan.name} was disposed while its weights were uploaded`);
        const made = this.device.allocate(
          `${plan.name}/${name}`,
          bytes,
          GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
        );
        this.buffers.set(name, made); // at once, so that it is given back even if the guard finds it broken
        return made;
      });
      for (let at = 0; at < bytes; at += PIECE) {
        signal?.throwIfAborted();
        const size = Math.min(PIECE, bytes - at);
        await this.device.guard(
          `uploading ${name}`,
          () =>
            !this.disposed &&
            this.device.gpu.queue.writeBuffer(buffer, at, data.buffer as ArrayBuffer, data.byteOffset + at, size),
        );
        done += size;
        onProgress?.({ phase: 'upload', done, total });
      }
    }
  }

  dispose(): void {
    this.disposed = true;
    for (const buffer of this.buffers.values()) this.device.free(buffer);
    this.buffers.clear();
  }
}

/** @throws GradlensError `feature` for a number that half precision does not reach */
function halvesOf(numbers: Float32Array, weight: string): Uint16Array {
  const beyond = numbers.findIndex((value) => Math.abs(value) > LARGEST_HALF);
  if (beyond >= 0)
    throw new GradlensError(
      'feature',
      `the ${weight} holds ${numbers[beyond]}, and half precision ends at ${LARGEST_HALF}; precision 'f32' would do`,
      { weight },
    );
  return encodeHalves(numbers);
}
