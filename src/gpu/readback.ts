/** One submit, one read-back. */
import type { Call } from '../calls';
import type { Encoder } from './commands';
import type { Device } from './device';
import { typed } from './guarded';

/** Records a copy of `bytes` of a buffer, to be read when the submit is done, into this array or a new one. */
export type Read = (buffer: GPUBuffer, bytes: number, into?: Float32Array) => void;

export interface Reading {
  /** In messages and labels. */
  readonly what: string;
  /** Of all that is read. */
  readonly bytes: number;
  readonly encode: (encoder: Encoder, read: Read) => void;
  /** Runs while the GPU is at work; what it throws is thrown afterwards. */
  readonly meanwhile?: () => void;
  /** Called once all is submitted, before anything is awaited. */
  readonly submitted?: () => void;
}

export class Readback {
  /** Wait for the next runs. While one is under way its buffer is its own; it is put back only if it is whole. */
  private readonly idle: GPUBuffer[] = [];
  private disposed = false;

  constructor(private readonly device: Device) {}

  /**
   * Submits what `encode` records and returns what it asked to read, in order. Runs may overlap, each with a staging
   * buffer, which grows to the largest request and is then reused.
   *
   * @throws GradlensError `device-lost`, `validation`, `out-of-memory`: never a number that the GPU did not compute.
   */
  async run(call: Call, { what, bytes, encode, meanwhile, submitted }: Reading): Promise<Float32Array[]> {
    const { device } = this;
    let staging = this.idle.pop() ?? null;
    let offset = 0;
    const pieces: { begin: number; bytes: number; into: Float32Array | undefined }[] = [];
    let results: Float32Array[] = [];
    const complaints: unknown[] = [];
    try {
      let mapped: Promise<void> | undefined;
      let [flops, began] = [0, 0];
      await device.guard(call, what, () => {
        if (staging && staging.size < bytes) {
          device.free(staging);
          staging = null;
        }
        const buffer = (staging ??= device.allocate(
          'read-back',
          bytes,
          GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
        ));
        began = performance.now();
        flops = device.submit(what, (encoder) =>
          encode(encoder, (source, length, into) => {
            encoder.copyBufferToBuffer(source, 0, buffer, offset, length);
            pieces.push({ begin: offset, bytes: length, into });
            offset += length;
          }),
        );
        mapped = buffer.mapAsync(GPUMapMode.READ, 0, offset);
        mapped.catch(() => {}); // awaited below; the guard may reject first
        submitted?.();
        // touched while the GPU is at work: that costs ten times a copy
        results = pieces.map(({ bytes: length, into }) => into ?? new Float32Array(length / 4).fill(0));
        try {
          meanwhile?.();
        } catch (complaint) {
          complaints.push(complaint);
        }
      });
      await device.settled(call, `${what}: the result could not be read`, () => mapped!);
      device.rate.took(flops, began, performance.now());
      const all = staging!.getMappedRange(0, offset);
      results.forEach((result, k) => result.set(new Float32Array(all, pieces[k]!.begin, result.length)));
      staging!.unmap();
    } catch (cause) {
      if (staging) device.free(staging); // it may be broken, or mapped for ever
      throw call.signal.aborted ? cause : typed(what, cause);
    }
    this.putBack(staging!);
    for (const complaint of complaints) throw complaint;
    return results;
  }

  dispose(): void {
    this.disposed = true;
    for (const staging of this.idle.splice(0)) this.device.free(staging);
  }

  private putBack(staging: GPUBuffer): void {
    if (this.disposed) this.device.free(staging);
    else this.idle.push(staging);
  }
}
