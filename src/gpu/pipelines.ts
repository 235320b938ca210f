/** Compiled kernels of one device. Those with the same code share a pipeline, whoever asks. */
import { type Binding, type Kernel, bindingsOf } from '../../shaders/kernel';
import { abortable } from '../abortable';
import type { Call } from '../calls';
import { GradlensError } from '../errors';
import type { GuardedDevice } from './guarded';

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** By their code; `ready` are those that are compiled. */
interface Cache {
  readonly asked: Map<string, Promise<Pipeline>>;
  readonly ready: Map<string, Pipeline>;
}

/** Pipelines live as long as the device, and serve every engine on it. */
const caches = new WeakMap<GPUDevice, Cache>();

export class Pipelines {
  private readonly cache: Cache;

  constructor(private readonly device: GuardedDevice) {
    this.cache = caches.get(device.gpu) ?? { asked: new Map(), ready: new Map() };
    caches.set(device.gpu, this.cache);
  }

  /**
   * Those of all kernels, by their code, compiled at the same time.
   *
   * @throws GradlensError `shader`, with the kernel's source; `out-of-memory`, `device-lost`
   */
  async of(kernels: readonly Kernel[], call: Call): Promise<ReadonlyMap<string, Pipeline>> {
    const { signal, onProgress } = call;
    const different = [...new Map(kernels.map((kernel) => [kernel.code, kernel])).values()];
    const total = different.length;
    let done = 0;
    onProgress?.({ phase: 'compile', done, total });
    const all = different.map(async (kernel) => {
      const pipeline = await this.compiled(kernel);
      if (!signal.aborted) onProgress?.({ phase: 'compile', done: ++done, total });
      return [kernel.code, pipeline] as const;
    });
    try {
      return new Map(await abortable(Promise.all(all), signal));
    } catch (error) {
      // what is not there yet may never be: the next who asks does not wait for it
      for (const { code } of different) if (!this.cache.ready.has(code)) this.cache.asked.delete(code);
      throw error;
    }
  }

  /** One, for what may not await: the first time on a device the compiler is waited for. */
  now(kernel: Kernel): Pipeline {
    return this.device.keptNow(this.cache.ready, kernel.code, `compiling ${kernel.name}`, () => {
      const { layout, descriptor } = this.describe(kernel);
      return { pipeline: this.device.gpu.createComputePipeline(descriptor), layout };
    });
  }

  private compiled(kernel: Kernel): Promise<Pipeline> {
    const { asked, ready } = this.cache;
    const known = ready.get(kernel.code);
    if (known) return Promise.resolve(known);
    let pipeline = asked.get(kernel.code);
    if (!pipeline) {
      pipeline = this.device.calls.run({}, (call) => this.compile(kernel, call));
      pipeline.then(
        (compiled) => ready.set(kernel.code, compiled),
        () => {
          if (asked.get(kernel.code) === pipeline) asked.delete(kernel.code);
        },
      );
      asked.set(kernel.code, pipeline);
    }
    return pipeline;
  }

  private async compile(kernel: Kernel, call: Call): Promise<Pipeline> {
    const what = `compiling ${kernel.name}`;
    let module: GPUShaderModule | undefined;
    let compiling: Promise<GPUComputePipeline> | undefined;
    try {
      const layout = await this.device.guard(call, what, () => {
        const described = this.describe(kernel);
        module = described.module;
        compiling = this.device.gpu.createComputePipelineAsync(described.descriptor);
        compiling.catch(() => {}); // awaited below; the guard may reject first
        return described.layout;
      });
      return { pipeline: await this.device.settled(call, what, () => compiling!), layout };
    } catch (cause) {
      call.signal.throwIfAborted();
      if (cause instanceof GradlensError && cause.code !== 'validation') throw cause;
      throw await this.shaderError(kernel, module, cause, call);
    }
  }

  /** What the compiler says, and the source with line numbers. */
  private async shaderError(
    kernel: Kernel,
    module: GPUShaderModule | undefined,
    cause: unknown,
    call: Call,
  ): Promise<GradlensError> {
    const information = module
      ? await this.device.settled(call, kernel.name, () => module.getCompilationInfo()).catch(() => null)
      : null;
    const first = information?.messages.find(({ type }) => type === 'error');
    const source = kernel.code
      .split('\n')
      .map((line, i) => `${String(i + 1).padStart(4)}  ${line}`)
      .join('\n');
    return new GradlensError(
      'shader',
      `${kernel.name}: ${first ? `line ${first.lineNum}: ${first.message}` : String(cause)}\n${source}`,
      { kernel: kernel.name },
      { cause },
    );
  }

  private describe(kernel: Kernel): {
    layout: GPUBindGroupLayout;
    module: GPUShaderModule;
    descriptor: GPUComputePipelineDescriptor;
  } {
    const { gpu } = this.device;
    const label = `gradlens/${kernel.name}`;
    const layout = gpu.createBindGroupLayout({
      label,
      entries: bindingsOf(kernel).map((binding) => ({
        binding: binding.index,
        visibility: GPUShaderStage.COMPUTE,
        ...resourceOf(binding),
      })),
    });
    const module = gpu.createShaderModule({ label, code: kernel.code });
    return {
      layout,
      module,
      descriptor: {
        label,
        layout: gpu.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      },
    };
  }
}

/** How a layout says what a binding is. */
function resourceOf({ type, format }: Binding): Omit<GPUBindGroupLayoutEntry, 'binding' | 'visibility'> {
  if (type === 'storage-texture') return { storageTexture: { format: format! } };
  // read pixel by pixel, never through a sampler: then float textures of every precision will do
  if (type === 'texture') return { texture: { sampleType: 'unfilterable-float' } };
  return type === 'external' ? { externalTexture: {} } : { buffer: { type } };
}
