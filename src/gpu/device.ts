/** A GPUDevice and what gradlens keeps on it: pipelines, byte counts, and the news of its loss. */
import type { Half } from '../../shaders/tensor';
import { allocatedBytes } from '../compile/sizes';
import type { Environment } from '../environment';
import type { TuningStore } from '../variants/stored';
import type { Variants } from '../variants/variants';
import { Commands, type Encoder } from './commands';
import { GuardedDevice, typed } from './guarded';
import { Rate } from './pace';
import { Pipelines } from './pipelines';
import { SharedWeights } from './sharedWeights';

export interface DeviceOptions {
  /** Destroyed with its engine; a borrowed one is not. */
  readonly owned: boolean;
  readonly info?: GPUAdapterInfo | undefined;
  /** Where what a tuner finds out about the device outlives it. */
  readonly tuningStore: TuningStore;
  /** Kernels other than those that suit the device: to test them. */
  readonly variants?: Variants;
}

export class Device extends GuardedDevice {
  readonly owned: boolean;
  readonly tuningStore: TuningStore;
  readonly environment: Environment;
  /** Kernels other than those that suit it. */
  readonly variants: Variants | undefined;
  /** How it stores half precision. */
  readonly half: Half;
  readonly pipelines: Pipelines;
  readonly weights: SharedWeights;
  readonly rate = new Rate();
  private liveBytes = 0;
  private peakBytes = 0;
  /** Whether anything was written that no submit followed. */
  private unsubmitted = false;

  constructor(gpu: GPUDevice, { owned, info, tuningStore, variants }: DeviceOptions) {
    super(gpu);
    const { maxBufferSize, maxStorageBufferBindingSize } = gpu.limits;
    this.owned = owned;
    this.tuningStore = tuningStore;
    this.environment = {
      adapter: {
        vendor: info?.vendor ?? '',
        architecture: info?.architecture ?? '',
        device: info?.device ?? '',
        description: info?.description ?? '',
        isFallbackAdapter: info?.isFallbackAdapter ?? false,
      },
      features: [...gpu.features].sort(),
      limits: { maxBufferSize, maxStorageBufferBindingSize },
    };
    this.variants = variants;
    this.half = gpu.features.has('shader-f16') ? 'native' : 'packed';
    this.pipelines = new Pipelines(this);
    this.weights = new SharedWeights((buffer) => this.free(buffer));
  }

  get bytes(): { readonly live: number; readonly peak: number } {
    return { live: this.liveBytes, peak: this.peakBytes };
  }

  /**
   * A buffer that is counted, with what it holds from the start. Call inside {@link guard}; give it back with {@link
   * free}.
   */
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags, contents?: Uint32Array): GPUBuffer {
    const size = allocatedBytes(bytes);
    const buffer = this.gpu.createBuffer({
      label: `gradlens/${label}`,
      size,
      usage,
      mappedAtCreation: contents !== undefined,
    });
    this.count(size);
    if (!contents) return buffer;
    try {
      new Uint32Array(buffer.getMappedRange()).set(contents);
      buffer.unmap();
    } catch (cause) {
      this.free(buffer);
      throw typed(label, cause);
    }
    return buffer;
  }

  free(buffer: GPUBuffer): void {
    this.count(-buffer.size);
    buffer.destroy();
  }

  /** A texture of RGBA bytes that is counted. Call inside {@link guard}; give it back with {@link freeTexture}. */
  allocateTexture(label: string, width: number, height: number, usage: GPUTextureUsageFlags): GPUTexture {
    const texture = this.gpu.createTexture({
      label: `gradlens/${label}`,
      size: [width, height],
      format: 'rgba8unorm',
      usage,
    });
    this.count(width * height * 4);
    return texture;
  }

  freeTexture(texture: GPUTexture): void {
    this.count(-texture.width * texture.height * 4);
    texture.destroy();
  }

  /** Writes to a buffer, from byte `at` on. Call inside {@link guard}. */
  write(buffer: GPUBuffer, data: ArrayBufferView, at = 0): void {
    this.unsubmitted = true;
    this.gpu.queue.writeBuffer(buffer, at, data.buffer, data.byteOffset, data.byteLength);
  }

  /** Submits what `encode` records, and says how many FLOPs that takes. Call inside {@link guard}. */
  submit(label: string, encode: (encoder: Encoder) => void): number {
    const commands = new Commands(this.gpu, label, this.rate.mostFlops);
    encode(commands);
    commands.submit();
    this.unsubmitted = false;
    return commands.flops;
  }

  /**
   * For what was written to buffers that are gone: drivers keep the staging of a write until the next submit, so a
   * model that never ran would leave its weights behind.
   */
  flush(): void {
    if (!this.unsubmitted || this.calls.ended) return;
    this.unsubmitted = false;
    try {
      this.guardNow('giving back', () => this.gpu.queue.submit([]));
    } catch {
      // whoever disposes is done with the device
    }
  }

  destroy(): void {
    this.gpu.destroy();
  }

  private count(bytes: number): void {
    this.liveBytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
  }
}
