/** Parameters on a device: each once, whichever and however many models it serves. */
import { abortable } from '../abortable';
import type { Call } from '../calls';

/** A weight on the device, and how many stores hold it. */
interface Shared {
  readonly buffer: Promise<GPUBuffer>;
  /** Once it is there. */
  made?: GPUBuffer;
  holders: number;
}

/** All weights of a device. What they are of tells two nets apart; within one, a weight's name says how it lies. */
export class SharedWeights {
  private readonly of = new WeakMap<object, Map<string, Shared>>();
  /** Of those that are there. */
  bytes = 0;

  constructor(private readonly free: (buffer: GPUBuffer) => void) {}

  /**
   * Holds a weight, which `upload` brings if nobody holds it yet. Whoever waits for another's upload that ends early
   * uploads it himself.
   */
  async hold(net: object, key: string, upload: () => Promise<GPUBuffer>, { signal }: Call): Promise<GPUBuffer> {
    const all = this.of.get(net) ?? new Map<string, Shared>();
    this.of.set(net, all);
    for (let known = all.get(key); known; known = all.get(key)) {
      known.holders++;
      try {
        return await abortable(known.buffer, signal);
      } catch {
        this.release(net, key, known);
        signal.throwIfAborted();
        if (all.get(key) === known) all.delete(key);
      }
    }
    const buffer = upload().then((made) => {
      this.bytes += made.size;
      shared.made = made;
      if (shared.holders === 0) this.drop(made);
      return made;
    });
    const shared: Shared = { buffer, holders: 1 };
    all.set(key, shared);
    try {
      return await shared.buffer;
    } catch (error) {
      if (all.get(key) === shared) all.delete(key);
      throw error;
    }
  }

  /** The last who releases a weight frees it. */
  release(net: object, key: string, shared = this.of.get(net)?.get(key)): void {
    if (!shared || --shared.holders > 0) return;
    const all = this.of.get(net)!;
    if (all.get(key) === shared) all.delete(key);
    if (shared.made) this.drop(shared.made);
  }

  private drop(buffer: GPUBuffer): void {
    this.bytes -= buffer.size;
    this.free(buffer);
  }
}
