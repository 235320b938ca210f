/** A GPUDevice and what gradlens keeps on it: pipelines, byte counts, and the news of its loss. */
import type { Half } from '../../shaders/half';
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import { allocatedBytes } from '../compile/plan';
import type { Environment } from '../environment';
import { GradlensError } from '../errors';
import type { TuningStore } from '../variants/stored';
import type { Variants } from '../variants/variants';

/** What an engine asks of a device of its own, where the adapter has it; everything runs without. */
export const OPTIONAL_FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * Pipelines live as long as the device, and serve every engine on it. By their code; `ready` are those that are
 * compiled.
 */
const pipelinesOf = new WeakMap<
  GPUDevice,
  { readonly asked: Map<string, Promise<Pipeline>>; readonly ready: Map<string, Pipeline> }
>();

export interface DeviceOptions {
  /** Destroyed with its engine; a borrowed one is not. */
  readonly owned: boolean;
  readonly info?: GPUAdapterInfo | undefined;
  /** Where what a tuner finds out about the device outlives it. */
  readonly tuningStore: TuningStore;
  /** Which kernels suit the device. */
  readonly variants: (environment: Environment) => Variants;
}

export class Device {
  readonly owned: boolean;
  readonly tuningStore: TuningStore;
  readonly environment: Environment;
  /** The kernels that suit it. */
  readonly variants: Variants;
  /** How it stores half precision. */
  readonly half: Half;
  /** Why the device is gone, or null. */
  lostReason: string | null = null;
  private liveBytes = 0;
  private peakBytes = 0;

  constructor(
    readonly gpu: GPUDevice,
    { owned, info, tuningStore, variants }: DeviceOptions,
  ) {
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
    this.variants = variants(this.environment);
    this.half = gpu.features.has('shader-f16') ? 'native' : 'packed';
    gpu.lost.then(
      ({ reason, message }) => {
        this.lostReason = message || reason || 'unknown';
      },
      () => {},
    );
    if (!pipelinesOf.has(gpu)) pipelinesOf.set(gpu, { asked: new Map(), ready: new Map() });
  }

  get bytes(): { readonly live: number; readonly peak: number } {
    return { live: this.liveBytes, peak: this.peakBytes };
  }

  /** @throws GradlensError `device-lost` */
  assertAlive(): void {
    if (this.lostReason !== null)
      throw new GradlensError('device-lost', `The GPU device was lost: ${this.lostReason}. Create a new engine.`, {
        reason: this.lostReason,
      });
  }

  /**
   * Runs GPU calls inside error scopes of their own, so that an error becomes a rejection here and nothing of the
   * host's is caught: the scopes are closed before anything is awaited.
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
      throw cause instanceof GradlensError
        ? cause
        : new GradlensError('validation', `${what}: ${String(cause)}`, { what }, { cause });
    } finally {
      scopes = [...filters].reverse().map(() => this.gpu.popErrorScope());
      for (const scope of scopes) scope.catch(() => {}); // if `calls` threw, nobody awaits them
    }
    const errors = await Promise.all(scopes).catch((cause: unknown) => {
      this.assertAlive();
      throw new GradlensError('validation', `${what}: ${String(cause)}`, {}, { cause });
    });
    this.assertAlive();
    const error = errors.find((found) => found !== null);
    if (error) {
      const code =
        typeof GPUOutOfMemoryError !== 'undefined' && error instanceof GPUOutOfMemoryError
          ? 'out-of-memory'
          : 'validation';
      throw new GradlensError(code, `${what}: ${error.message}`, { what });
    }
    return result;
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
    if (contents) {
      new Uint32Array(buffer.getMappedRange()).set(contents);
      buffer.unmap();
    }
    this.liveBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    return buffer;
  }

  free(buffer: GPUBuffer): void {
    this.liveBytes -= buffer.size;
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
    this.liveBytes += width * height * 4;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    return texture;
  }

  freeTexture(texture: GPUTexture): void {
    this.liveBytes -= texture.width * texture.height * 4;
    texture.destroy();
  }

  /** Kernels with the same code share a pipeline. Compiled asynchronously: ask for all of them at once. */
  pipeline(kernel: Kernel): Promise<Pipeline> {
    const { asked, ready } = pipelinesOf.get(this.gpu)!;
    let pipeline = asked.get(kernel.code);
    if (!pipeline) {
      pipeline = this.compile(kernel);
      pipeline.then(
        (compiled) => ready.set(kernel.code, compiled),
        () => asked.delete(kernel.code),
      );
      asked.set(kernel.code, pipeline);
    }
    return pipeline;
  }

  /** As {@link pipeline}, for what may not await: the first time on a device the compiler is waited for. */
  pipelineNow(kernel: Kernel): Pipeline {
    const { asked, ready } = pipelinesOf.get(this.gpu)!;
    let pipeline = ready.get(kernel.code);
    if (!pipeline) {
      const { layout, descriptor } = this.describe(kernel);
      pipeline = { pipeline: this.gpu.createComputePipeline(descriptor), layout };
      ready.set(kernel.code, pipeline);
      asked.set(kernel.code, Promise.resolve(pipeline));
    }
    return pipeline;
  }

  private async compile(kernel: Kernel): Promise<Pipeline> {
    this.gpu.pushErrorScope('validation'); // an error in the WGSL is reported below, not to the host
    const { layout, module, descriptor } = this.describe(kernel);
    this.gpu.popErrorScope().catch(() => {});
    try {
      return { pipeline: await this.gpu.createComputePipelineAsync(descriptor), layout };
    } catch (cause) {
      this.assertAlive();
      const { messages } = await module.getCompilationInfo();
      const first = messages.find(({ type }) => type === 'error');
      const source = kernel.code
        .split('\n')
        .map((line, i) => `${String(i + 1).padStart(4)}  ${line}`)
        .join('\n');
      throw new GradlensError(
        'shader',
        `${kernel.name}: ${first ? `line ${first.lineNum}: ${first.message}` : String(cause)}\n${source}`,
        { kernel: kernel.name },
        { cause },
      );
    }
  }

  private describe(kernel: Kernel): {
    layout: GPUBindGroupLayout;
    module: GPUShaderModule;
    descriptor: GPUComputePipelineDescriptor;
  } {
    const label = `gradlens/${kernel.name}`;
    const layout = this.gpu.createBindGroupLayout({
      label,
      entries: bindingsOf(kernel).map(({ index, type }) => ({
        binding: index,
        visibility: GPUShaderStage.COMPUTE,
        // read pixel by pixel, never through a sampler: then float textures of every precision will do
        ...(type === 'texture' ? { texture: { sampleType: 'unfilterable-float' as const } } : { buffer: { type } }),
      })),
    });
    const module = this.gpu.createShaderModule({ label, code: kernel.code });
    return {
      layout,
      module,
      descriptor: {
        label,
        layout: this.gpu.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      },
    };
  }
}
