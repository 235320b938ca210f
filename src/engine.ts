/** Engine: a device, and the models on it. */
import type { Environment } from './environment';
import { GradlensError } from './errors';
import { Device, OPTIONAL_FEATURES } from './gpu/device';
import { indexedDbStore } from './gpu/tuning/indexedDbStore';
import { type FetchBytes, type ModelSource, fetchOverHttp, loadModelFile } from './load';
import { Model } from './model';
import type { CheckReport, LoadOptions } from './options';
import { variantsFor } from './variants/byDevice';
import { type TuningStore, memoryStore } from './variants/stored';

/** A device to borrow, or how to get one. */
export type EngineSource =
  | { readonly device: GPUDevice; readonly adapter?: GPUAdapter; readonly fetchBytes?: FetchBytes }
  | {
      readonly gpu?: GPU;
      readonly powerPreference?: GPUPowerPreference;
      readonly allowSoftware?: boolean;
      readonly fetchBytes?: FetchBytes;
    };

export interface EngineMemory {
  readonly weights: number;
  readonly activations: number;
  readonly scratch: number;
  /** Bytes alive on the GPU now, all models and staging together, and the most there ever were. */
  readonly live: number;
  readonly peak: number;
}

/** Whether this host has WebGPU, and if not, why. */
export async function checkSupport(): Promise<
  { ok: true; environment: Environment } | { ok: false; code: GradlensError['code']; message: string }
> {
  try {
    const engine = await Engine.create();
    const { environment } = engine;
    engine.dispose();
    return { ok: true, environment };
  } catch (error) {
    if (error instanceof GradlensError) return { ok: false, code: error.code, message: error.message };
    throw error;
  }
}

export class Engine implements Disposable {
  private readonly models = new Set<Model>();
  private disposed = false;

  private constructor(
    private readonly gpuDevice: Device,
    private readonly fetchBytes: FetchBytes,
  ) {}

  /**
   * An engine on a device of its own, with the adapter's own limits on buffers, or on the caller's: a borrowed device
   * is never destroyed, nor are its handlers touched, and default limits suffice.
   *
   * @throws GradlensError `no-webgpu`, `insecure-context`, `no-adapter`, `software-adapter`, `feature`
   */
  static async create(source: EngineSource = {}): Promise<Engine> {
    const fetchBytes = source.fetchBytes ?? fetchOverHttp;
    if ('device' in source)
      return new Engine(
        deviceWith(source.device, { owned: false, info: source.adapter?.info ?? source.device.adapterInfo }),
        fetchBytes,
      );
    const gpu = source.gpu ?? webgpuOfHost();
    const adapter = await gpu.requestAdapter({ powerPreference: source.powerPreference ?? 'high-performance' });
    if (!adapter)
      throw new GradlensError(
        'no-adapter',
        'WebGPU is there, but it offers no adapter: the graphics driver may be blocked or too old. chrome://gpu tells the reason.',
      );
    return new Engine(await deviceOf(adapter, source.allowSoftware ?? true), fetchBytes);
  }

  /** An engine on a device of its own, from an adapter that the caller found. */
  static async onAdapter(
    adapter: GPUAdapter,
    {
      allowSoftware = true,
      fetchBytes = fetchOverHttp,
      tuningStore,
    }: { allowSoftware?: boolean; fetchBytes?: FetchBytes; tuningStore?: TuningStore } = {},
  ): Promise<Engine> {
    return new Engine(await deviceOf(adapter, allowSoftware, tuningStore), fetchBytes);
  }

  get device(): GPUDevice {
    return this.gpuDevice.gpu;
  }

  get ownsDevice(): boolean {
    return this.gpuDevice.owned;
  }

  get lost(): Promise<GPUDeviceLostInfo> {
    return this.gpuDevice.gpu.lost;
  }

  get environment(): Environment {
    return this.gpuDevice.environment;
  }

  /**
   * Reads a model, compiles its kernels and uploads its weights.
   *
   * @throws GradlensError `network`, `model-format`, `unsupported-op`, `shape`, `limit`, `out-of-memory`, `shader`,
   *   `device-lost`
   */
  async load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
    this.assertUsable();
    const file = await loadModelFile(source, this.fetchBytes, options);
    options.signal?.throwIfAborted();
    this.assertUsable();
    const model = await Model.create(this.gpuDevice, file, options, (disposed) => this.models.delete(disposed));
    if (this.disposed) model.dispose();
    this.assertUsable();
    this.models.add(model);
    return model;
  }

  /** The self-test: a small stored gradient, twice on this device, against float64 numbers. */
  check(): Promise<CheckReport> {
    this.assertUsable();
    return import('./model/selfTest').then(({ check }) => check((graph) => this.load(graph, { tune: false })));
  }

  memory(): EngineMemory {
    const { live, peak } = this.gpuDevice.bytes;
    const sum = (part: 'weights' | 'activations' | 'saved' | 'scratch'): number =>
      [...this.models].reduce((total, { memory }) => total + memory[part], 0);
    return {
      weights: sum('weights'),
      activations: sum('activations') + sum('saved'),
      scratch: sum('scratch'),
      live,
      peak,
    };
  }

  /** Disposes every model, and the device if it is the engine's own; a second call does nothing. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const model of [...this.models]) model.dispose();
    if (this.gpuDevice.owned) this.gpuDevice.gpu.destroy();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private assertUsable(): void {
    if (this.disposed) throw new GradlensError('disposed', 'the engine was disposed');
    this.gpuDevice.assertAlive();
  }
}

function webgpuOfHost(): GPU {
  if (typeof navigator !== 'undefined' && navigator.gpu) return navigator.gpu;
  if (typeof isSecureContext !== 'undefined' && !isSecureContext) {
    throw new GradlensError('insecure-context', 'WebGPU needs a secure page: serve it over https, or from localhost.');
  }
  throw new GradlensError(
    'no-webgpu',
    'This browser has no WebGPU. Chrome or Edge 113, Safari 26 and Firefox 141 have it; in Node use createNodeEngine from gradlens/node.',
  );
}

function deviceWith(
  gpu: GPUDevice,
  { owned, info, tuningStore }: { owned: boolean; info: GPUAdapterInfo; tuningStore?: TuningStore | undefined },
): Device {
  const store = tuningStore ?? (typeof indexedDB === 'undefined' ? memoryStore() : indexedDbStore());
  return new Device(gpu, { owned, info, tuningStore: store, variants: variantsFor });
}

async function deviceOf(adapter: GPUAdapter, allowSoftware: boolean, tuningStore?: TuningStore): Promise<Device> {
  if (adapter.info.isFallbackAdapter && !allowSoftware) {
    throw new GradlensError(
      'software-adapter',
      `the only adapter is ${adapter.info.description || adapter.info.vendor}, which computes on the CPU`,
      { adapter: adapter.info.description },
    );
  }
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  try {
    const device = await adapter.requestDevice({
      label: 'gradlens',
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
      requiredFeatures: OPTIONAL_FEATURES.filter((feature) => adapter.features.has(feature)),
    });
    return deviceWith(device, { owned: true, info: adapter.info, tuningStore });
  } catch (cause) {
    throw new GradlensError(
      'no-adapter',
      `the adapter gives no device: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      { cause },
    );
  }
}
