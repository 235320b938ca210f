/** A GPUDevice and what gradlens keeps on it: pipelines, byte counts, and the news of its loss. */
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import { allocatedBytes } from '../compile/plan';
import { GradlensError } from '../errors';
import type { Variants } from '../ops/variants';
import { type TuningStore, indexedDbStore, memoryStore } from './tuning/choices';
import { variantsFor } from './variants';

/** What an engine asks of a device of its own, where the adapter has it; everything runs without. */
export const OPTIONAL_FEATURES: readonly GPUFeatureName[] = ['subgroups', 'timestamp-query'];

/** What identifies the machine behind a number. */
export interface Environment {
  readonly adapter: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
    /** A software adapter: right, but slow. */
    readonly isFallbackAdapter: boolean;
  };
  readonly features: readonly string[];
  readonly limits: Readonly<Record<'maxBufferSize' | 'maxStorageBufferBindingSize', number>>;
}

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Pipelines live as long as the device, and serve every engine on it. */
const pipelinesOf = new WeakMap<GPUDevice, Map<string, Promise<Pipeline>>>();

export class Device {
  readonly environment: Environment;
  /** The kernels that suit it. */
  readonly variants: Variants;
  /** Why the device is gone, or null. */
  lostReason: string | null = null;
  private liveBytes = 0;
  private peakBytes = 0;

  constructor(
    readonly gpu: GPUDevice,
    readonly owned: boolean,
    info: GPUAdapterInfo | undefined,
    /** Where what is found out about the device outlives it; default: the browser's IndexedDB, if there is one. */
    readonly tuningStore: TuningStore = typeof indexedDB === 'undefined' ? memoryStore() : indexedDbStore(),
    /** Default: what suits its adapter. */
    variants?: Variants,
  ) {
    const { maxBufferSize, maxStorageBufferBindingSize } = gpu.limits;
    this.environment = {
      adapter: {
        vendor: info?.vendor ?? '', architecture: info?.architecture ?? '', device: info?.device ?? '', description: info?.description ?? '',
        isFallbackAdapter: info?.isFallbackAdapter ?? false,
      },
      features: [...gpu.features].sort(),
      limits: { maxBufferSize, maxStorageBufferBindingSize },
    };
    this.variants = variants ?? variantsFor(this.environment);
    gpu.lost.then(({ reason, message }) => { this.lostReason = message || reason || 'unknown'; }, () => {});
    if (!pipelinesOf.has(gpu)) pipelinesOf.set(gpu, new Map());
  }

  get bytes(): { readonly live: number; readonly peak: number } {
    return { live: this.liveBytes, peak: this.peakBytes };
  }

  /** @throws GradlensError `device-lost` */
  assertAlive(): void {
    if (this.lostReason !== null) throw new GradlensError('device-lost', `The GPU device was lost: ${this.lostReason}. Create a new engine.`, { reason: this.lostReason });
  }

  /**
   * Runs GPU calls inside error scopes of their own, so that an error becomes a rejection here and nothing of the host's is caught:
   * the scopes are closed before anything is awaited.
   *
   * @throws GradlensError `out-of-memory`, `validation` or `device-lost`
   */
  async guard<T>(what: string, calls: () => T): Promise<T> {
    this.assertAlive();
    const filters = ['out-of-memory', 'internal', 'validation'] as const;
    filters.forEach((filter) => this.gpu.pushErrorScope(filter));
    let result: T;
    let scopes: Promise<GPUError | null>[] = [];
    try {
      result = calls();
    } catch (cause) {
      this.assertAlive();
      throw cause instanceof GradlensError ? cause : new GradlensError('validation', `${what}: ${String(cause)}`, { what }, { cause });
    } finally {
      scopes = [...filters].reverse().map(() => this.gpu.popErrorScope());
      scopes.forEach((scope) => scope.catch(() => {})); // if `calls` threw, nobody awaits them
    }
    const errors = await Promise.all(scopes).catch((cause: unknown) => {
      this.assertAlive();
      throw new GradlensError('validation', `${what}: ${String(cause)}`, {}, { cause });
    });
    this.assertAlive();
    const error = errors.find((found) => found !== null);
    if (error) {
      const code = typeof GPUOutOfMemoryError !== 'undefined' && error instanceof GPUOutOfMemoryError ? 'out-of-memory' : 'validation';
      throw new GradlensError(code, `${what}: ${error.message}`, { what });
    }
    return result;
  }

  /** A buffer that is counted. Call inside {@link guard}; give it back with {@link free}. */
  allocate(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const size = allocatedBytes(bytes);
    const buffer = this.gpu.createBuffer({ label: `gradlens/${label}`, size, usage });
    this.liveBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    return buffer;
  }

  free(buffer: GPUBuffer): void {
    this.liveBytes -= buffer.size;
    buffer.destroy();
  }

  /** Kernels with the same code share a pipeline. Compiled asynchronously: ask for all of them at once. */
  pipeline(kernel: Kernel): Promise<Pipeline> {
    const cache = pipelinesOf.get(this.gpu)!;
    let pipeline = cache.get(kernel.code);
    if (!pipeline) {
      pipeline = this.compile(kernel);
      pipeline.catch(() => cache.delete(kernel.code));
      cache.set(kernel.code, pipeline);
    }
    return pipeline;
  }

  private async compile(kernel: Kernel): Promise<Pipeline> {
    const label = `gradlens/${kernel.name}`;
    const layout = this.gpu.createBindGroupLayout({
      label,
      entries: bindingsOf(kernel).map(({ index, type }) => ({ binding: index, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
    });
    this.gpu.pushErrorScope('validation'); // an error in the WGSL is reported below, not to the host
    const module = this.gpu.createShaderModule({ label, code: kernel.code });
    this.gpu.popErrorScope().catch(() => {});
    try {
      const pipeline = await this.gpu.createComputePipelineAsync({
        label,
        layout: this.gpu.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      });
      return { pipeline, layout };
    } catch (cause) {
      this.assertAlive();
      const { messages } = await module.getCompilationInfo();
      const first = messages.find(({ type }) => type === 'error');
      const source = kernel.code.split('\n').map((line, i) => `${String(i + 1).padStart(4)}  ${line}`).join('\n');
      throw new GradlensError('shader', `${kernel.name}: ${first ? `line ${first.lineNum}: ${first.message}` : String(cause)}\n${source}`, { kernel: kernel.name }, { cause });
    }
  }
}
