/** The parameters of one model on the GPU, for all of its plans. */
import type { Call } from '../calls';
import type { Plan } from '../compile';
import type { PlannedBuffer } from '../compile/plan';
import { allocatedBytes } from '../compile/sizes';
import { LARGEST_HALF } from '../../shaders/tensor';
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import { encodeHalves } from '../formats/floats';
import type { Device } from './device';

/** Bytes written between two looks at the signal. */
const PIECE = 16 * 2 ** 20;

/** The weights that one model holds. */
export class WeightStore {
  private readonly buffers = new Map<string, GPUBuffer>();

  /** `net`: what the weights are of; models of the same share them. */
  constructor(
    private readonly device: Device,
    private readonly net: object = {},
  ) {}

  buffer(name: string): GPUBuffer {
    return this.buffers.get(name)!;
  }

  /**
   * Holds what the plan needs. What is not on the device is uploaded, one tensor at a time, so that only one packed
   * copy exists at once.
   */
  async upload(plan: Plan, call: Call): Promise<void> {
    const { buffers, device, net } = this;
    const missing = plan.buffers.filter(({ kind, name }) => kind === 'weight' && !buffers.has(name));
    const total = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    const tell = (bytes: number): void => call.onProgress?.({ phase: 'upload', done: (done += bytes), total });
    tell(0);
    for (const planned of missing) {
      call.signal.throwIfAborted();
      const before = done;
      const upload = (): Promise<GPUBuffer> => uploaded(device, { plan, planned, tell }, call);
      buffers.set(planned.name, await device.weights.hold(net, keyOf(planned.name, planned.bytes), upload, call));
      tell(before + planned.bytes - done); // of one that was there
    }
  }

  dispose(): void {
    for (const [name, { size }] of this.buffers) this.device.weights.release(this.net, keyOf(name, size));
    this.buffers.clear();
  }
}

const keyOf = (name: string, bytes: number): string => `${name}, ${allocatedBytes(bytes)} bytes`;

/** A new buffer with a weight in it; given back if that fails. */
async function uploaded(
  device: Device,
  { plan, planned, tell }: { plan: Plan; planned: PlannedBuffer; tell: (bytes: number) => void },
  call: Call,
): Promise<GPUBuffer> {
  const { name, bytes } = planned;
  const data = packed(planned);
  let made: GPUBuffer | undefined;
  try {
    const buffer = await device.guard(call, `allocating ${name}`, () => {
      const { STORAGE, COPY_DST } = GPUBufferUsage;
      return (made = device.allocate(`${plan.name}/${name}`, bytes, STORAGE | COPY_DST));
    });
    for (let at = 0; at < bytes; at += PIECE) {
      const piece = new Uint8Array(data.buffer, data.byteOffset + at, Math.min(PIECE, bytes - at));
      await device.guard(call, `uploading ${name}`, () => device.write(buffer, piece, at));
      tell(piece.byteLength);
    }
    return buffer;
  } catch (error) {
    if (made) device.free(made);
    throw error;
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
