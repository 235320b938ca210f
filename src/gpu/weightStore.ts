/** The parameters of one model on the GPU, shared by all of its plans. */
import type { Call } from '../calls';
import type { Plan } from '../compile';
import type { PlannedBuffer } from '../compile/plan';
import { LARGEST_HALF } from '../../shaders/tensor';
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import { encodeHalves } from '../formats/floats';
import type { Device } from './device';

/** Bytes written between two looks at the signal. */
const PIECE = 16 * 2 ** 20;

export class WeightStore {
  private readonly buffers = new Map<string, GPUBuffer>();

  constructor(private readonly device: Device) {}

  buffer(name: string): GPUBuffer {
    return this.buffers.get(name)!;
  }

  /**
   * Uploads what the plan needs and is not there yet, one tensor at a time, so that only one packed copy exists at
   * once.
   */
  async upload(plan: Plan, call: Call): Promise<void> {
    const { device, buffers } = this;
    const missing = plan.buffers.filter(({ kind, name }) => kind === 'weight' && !buffers.has(name));
    const total = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    call.onProgress?.({ phase: 'upload', done, total });
    for (const planned of missing) {
      const { name, bytes } = planned;
      call.signal.throwIfAborted();
      const data = packed(planned);
      const buffer = await device.guard(call, `allocating ${name}`, () => {
        const made = device.allocate(`${plan.name}/${name}`, bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST);
        buffers.set(name, made); // at once, so that it is given back even if the guard finds it broken
        return made;
      });
      for (let at = 0; at < bytes; at += PIECE) {
        const piece = new Uint8Array(data.buffer, data.byteOffset + at, Math.min(PIECE, bytes - at));
        await device.guard(call, `uploading ${name}`, () => device.write(buffer, piece, at));
        done += piece.byteLength;
        call.onProgress?.({ phase: 'upload', done, total });
      }
    }
  }

  dispose(): void {
    for (const buffer of this.buffers.values()) this.device.free(buffer);
    this.buffers.clear();
  }
}

/** What a weight's buffer is to hold. */
function packed({ name, bytes, fill, half }: PlannedBuffer): ArrayBufferView {
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
  return data;
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
