/** One submit, one read-back. */
import { GradlensError } from '../errors';
import type { Device } from './device';

/** Records a copy of `bytes` of a buffer, to be read when the submit is done. */
export type Read = (buffer: GPUBuffer, bytes: number) => void;

export class Readback {
  private staging: GPUBuffer | null = null;

  constructor(private readonly device: Device) {}

  /**
   * Submits what `encode` records and returns what it asked to read, in order. The staging buffer grows to the largest
   * request and is then reused, so runs must not overlap. `meanwhile` runs while the GPU is at work, and what it throws
   * is thrown afterwards.
   *
   * @throws GradlensError `device-lost`, `validation`, `out-of-memory`: never a number that the GPU did not compute.
   */
  async run(
    what: string,
    bytes: number,
    encode: (encoder: GPUCommandEncoder, read: Read) => void,
    meanwhile?: () => void,
  ): Promise<Float32Array[]> {
    const { device } = this;
    let offset = 0;
    const pieces: { begin: number; bytes: number }[] = [];
    let results: Float32Array[] = [];
    const complaints: unknown[] = [];
    let mapped: Promise<void> = Promise.resolve();
    const staging = await device
      .guard(what, () => {
        if (!this.staging || this.staging.size < bytes) {
          this.dispose();
          this.staging = device.allocate('read-back', bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
        }
        const buffer = this.staging;
        const encoder = device.gpu.createCommandEncoder({ label: `gradlens/${what}` });
        encode(encoder, (source, length) => {
          encoder.copyBufferToBuffer(source, 0, buffer, offset, length);
          pieces.push({ begin: offset, bytes: length });
          offset += length;
        });
        device.gpu.queue.submit([encoder.finish()]);
        mapped = buffer.mapAsync(GPUMapMode.READ, 0, offset);
        mapped.catch(() => {}); // awaited below; the guard may reject first
        results = pieces.map(({ bytes: length }) => new Float32Array(length / 4).fill(0)); // touched while the GPU is at work: that costs ten times a copy
        try {
          meanwhile?.();
        } catch (complaint) {
          complaints.push(complaint);
        }
        return buffer;
      })
      .catch((error: unknown) => {
        this.dispose(); // it may be broken, or mapped for ever
        throw error;
      });
    try {
      await mapped;
    } catch (cause) {
      this.dispose();
      await Promise.resolve(); // let the news of a loss arrive first
      device.assertAlive();
      throw new GradlensError('validation', `${what}: the result could not be read: ${String(cause)}`, {}, { cause });
    }
    device.assertAlive();
    const all = staging.getMappedRange(0, offset);
    results.forEach((result, k) => result.set(new Float32Array(all, pieces[k]!.begin, result.length)));
    staging.unmap();
    for (const complaint of complaints) throw complaint;
    return results;
  }

  dispose(): void {
    if (this.staging) this.device.free(this.staging);
    this.staging = null;
  }
}
