/** Engine: a device, and the models on it. */
import { type Call, Calls } from './calls';
import { type Rule, check } from './check';
import type { Environment } from './environment';
import { GradlensError } from './errors';
import { adapterOf, deviceOf } from './gpu/adapter';
import { Device } from './gpu/device';
import { indexedDbStore } from './gpu/tuning/indexedDbStore';
import { type FetchBytes, type ModelSource, fetchAnew, fetchOverHttp, isRead, loadModelFile } from './load';
import { type ModelFile, isSameGraph } from './graph';
import type { Model, ModelRequest } from './model';
import { objectOf, runOptionsOf } from './model/arguments';
import type { CheckReport, LoadOptions } from './options';
import { type TuningStore, memoryStore } from './variants/stored';

/** What an engine keeps, and how it fetches. */
export interface EngineSettings {
  /**
   * Off: nothing is kept in the page's origin, neither models in the Cache API (`gradlens-models`) nor what a tuner
   * found out in IndexedDB (`gradlens-tuning`). Default: on.
   */
  readonly caches?: boolean;
  /** Fetches models; default: over http. */
  readonly fetchBytes?: FetchBytes;
}

/** A device to borrow, or how to get one. */
export type EngineSource =
  | ({
      /** Borrowed: never destroyed, its handlers never touched. */
      readonly device: GPUDevice;
      /** Where it came from, for {@link Engine.environment}. */
      readonly adapter?: GPUAdapter;
    } & EngineSettings)
  | ({
      /** Default: the browser's. */
      readonly gpu?: GPU;
      /** Which of two GPUs. */
      readonly powerPreference?: GPUPowerPreference;
      /** Take an adapter that runs on the CPU if there is no other; default true. */
      readonly allowSoftware?: boolean;
    } & EngineSettings);

/** Bytes on the GPU. */
export interface EngineMemory {
  /** Of all models, each once. */
  readonly weights: number;
  /** What passes between layers, and what is kept for the way back. */
  readonly activations: number;
  /** What single steps need. */
  readonly scratch: number;
  /** Alive now, all models and staging together. */
  readonly live: number;
  /** The most there ever were. */
  readonly peak: number;
}

/** What {@link checkSupport} finds. */
export type Support =
  | {
      /** There is a device. */
      readonly ok: true;
      /** Which one. */
      readonly environment: Environment;
    }
  | {
      /** There is none. */
      readonly ok: false;
      /** Why, for programs. */
      readonly code: GradlensError['code'];
      /** Why, for people. */
      readonly message: string;
    };

/**
 * Whether this host has WebGPU, and if not, why.
 *
 * @throws nothing: what stands in the way is the result
 * @example
 * ```ts
 * import { checkSupport } from 'gradlens';
 *
 * const support = await checkSupport();
 * if (!support.ok) console.log(support.code, support.message); // such as 'no-webgpu'
 * ```
 */
export async function checkSupport(): Promise<Support> {
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

const SOURCE: Rule = {
  says: 'an address, the name of a net, a File or a list of Files, bytes, or a graph',
  holds: (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
};

/** A device, and the models on it. */
export class Engine implements Disposable {
  private readonly models = new Set<Model>();
  /** Nets that were read for this engine, and are being made models of. */
  private readonly loading = new Set<ModelFile>();
  private calls: Calls;

  private constructor(
    private gpuDevice: Device,
    private readonly fetchBytes: FetchBytes,
  ) {
    this.calls = new Calls(gpuDevice.calls);
  }

  /**
   * An engine on a device of its own, with the adapter's own limits on buffers, or on the caller's: a borrowed device
   * is never destroyed, nor are its handlers touched, and default limits suffice.
   *
   * @throws GradlensError `no-webgpu`, `insecure-context`, `no-adapter`, `software-adapter`, `feature`
   * @example
   * ```ts
   * import { Engine } from 'gradlens';
   *
   * const engine = await Engine.create({ device }); // yours; or nothing, for one of its own
   * engine.dispose();
   * ```
   */
  static async create(source: EngineSource = {}): Promise<Engine> {
    objectOf("the engine's source", source, '{ device }, { gpu } or none');
    const { caches = true } = source;
    const fetchBytes = source.fetchBytes ?? (caches ? fetchOverHttp : fetchAnew);
    const tuningStore = caches ? undefined : memoryStore();
    if ('device' in source) {
      objectOf('device', source.device, 'a GPUDevice');
      const info = source.adapter?.info ?? source.device.adapterInfo;
      return new Engine(deviceWith(source.device, { owned: false, info, tuningStore }), fetchBytes);
    }
    const { gpu, powerPreference, allowSoftware = true } = source;
    return Engine.onAdapter(await adapterOf(gpu, powerPreference), {
      allowSoftware,
      fetchBytes,
      ...(tuningStore && { tuningStore }),
    });
  }

  /**
   * An engine on a device of its own, from an adapter that the caller found.
   *
   * @param adapter as WebGPU gives it.
   * @param options as those of {@link create}.
   * @throws GradlensError as {@link create}
   * @example
   * ```ts
   * import { Engine } from 'gradlens';
   * import { requestNodeAdapter } from 'gradlens/node';
   *
   * const engine = await Engine.onAdapter(await requestNodeAdapter());
   * engine.dispose();
   * ```
   */
  static async onAdapter(
    adapter: GPUAdapter,
    {
      allowSoftware = true,
      fetchBytes = fetchOverHttp,
      tuningStore,
    }: { allowSoftware?: boolean; fetchBytes?: FetchBytes; tuningStore?: TuningStore } = {},
  ): Promise<Engine> {
    const device = await deviceOf(adapter, allowSoftware);
    return new Engine(deviceWith(device, { owned: true, info: adapter.info, tuningStore }), fetchBytes);
  }

  /** What it computes on: its own, or the caller's. */
  get device(): GPUDevice {
    return this.gpuDevice.gpu;
  }

  /** Whether `dispose()` destroys the device. */
  get ownsDevice(): boolean {
    return this.gpuDevice.owned;
  }

  /** Resolves when the device is lost, with the reason. */
  get lost(): Promise<GPUDeviceLostInfo> {
    return this.gpuDevice.gpu.lost;
  }

  /** Adapter, features and limits: what belongs beside every number. */
  get environment(): Environment {
    return this.gpuDevice.environment;
  }

  /**
   * Reads a model, compiles its kernels and uploads its weights.
   *
   * @throws GradlensError `network`, `model-format`, `unsupported-op`, `shape`, `limit`, `out-of-memory`, `shader`,
   *   `device-lost`
   * @example
   * ```ts
   * import { DEFAULT_MODEL } from 'gradlens';
   * import net from 'gradlens/weights/everyday-64-robust';
   *
   * const model = await engine.load(net, { batch: 2 }); // the two addresses of a shipped net
   * const same = await engine.load(DEFAULT_MODEL); // or a name; an .onnx file by its address; a File
   * model.dispose();
   * ```
   */
  async load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
    const { gpuDevice: device } = this;
    check('source', source, SOURCE);
    const run = runOptionsOf(options);
    const given = { ...options };
    return this.calls.run(run, async (call) => {
      // compiler and kernels are fetched while the model is: an app that only has an engine does not wait for them
      const [, file] = await Promise.all([
        import('./model'),
        loadModelFile(source, this.fetchBytes, { ...given, signal: call.signal }),
      ]);
      call.signal.throwIfAborted();
      return this.made(device, isRead(source) ? this.sharedWith(file) : apart(file), given, call);
    });
  }

  private async made(device: Device, file: ModelFile, options: LoadOptions, call: Call): Promise<Model> {
    this.loading.add(file);
    try {
      const { Model } = await import('./model');
      const model = await Model.create(device, this.requestOf(file, options), call);
      if (call.signal.aborted) model.dispose();
      call.signal.throwIfAborted();
      this.models.add(model);
      return model;
    } finally {
      this.loading.delete(file);
    }
  }

  /** What a model is made of, and how another is made of the same. */
  private requestOf(file: ModelFile, options: LoadOptions): ModelRequest {
    return {
      file,
      options,
      onDispose: (disposed) => void this.models.delete(disposed),
      load: (same, other) =>
        this.calls.run(runOptionsOf(other), (call) => this.made(this.gpuDevice, same, { ...other }, call)),
    };
  }

  /** A file with the very graph of the same net, if that is there: then its weights are shared. */
  private sharedWith(file: ModelFile): ModelFile {
    const known = [...this.loading, ...[...this.models].map((model) => model.file)].find(({ graph }) =>
      isSameGraph(graph, file.graph),
    );
    return known ? { ...file, graph: known.graph } : file;
  }

  /**
   * Goes on on another device, after the host lost its own: all models are on it when this resolves, without a new
   * load. Calls under way on the old device reject with `device-lost`. The device is the caller's.
   *
   * @throws GradlensError `disposed`; as {@link load} for a model that the device does not hold: it stays where it was
   * @example
   * ```ts
   * import { Engine } from 'gradlens';
   *
   * const engine = await Engine.create({ device });
   * const model = await engine.load('everyday-64-robust');
   * await engine.attach(newDevice); // after the host lost its own; the model goes on
   * await model.classify(picture);
   * ```
   */
  async attach(device: GPUDevice, adapter?: GPUAdapter): Promise<void> {
    objectOf('device', device, 'a GPUDevice');
    if (this.calls.ended) this.calls.assertOpen();
    const { tuningStore } = this.gpuDevice;
    const next = deviceWith(device, { owned: false, info: adapter?.info ?? device.adapterInfo, tuningStore });
    const calls = new Calls(next.calls);
    const before = { device: this.gpuDevice, calls: this.calls };
    this.gpuDevice = next;
    this.calls = calls;
    await calls.run({}, async (call) => {
      for (const model of this.models) await model.moveTo(next, call);
    });
    before.calls.end(() => new GradlensError('device-lost', 'the engine was attached to another device'));
    if (before.device.owned) before.device.destroy();
  }

  /**
   * The self-test: a small stored gradient, twice on this device, against float64 numbers.
   *
   * @throws GradlensError as {@link load}
   * @example
   * ```ts
   * const { ok, relativeL2 } = await engine.check();
   * ```
   */
  check(): Promise<CheckReport> {
    this.calls.assertOpen();
    return import('./model/selfTest').then(({ check }) => check((graph) => this.load(graph, { tune: false })));
  }

  /** Bytes on the GPU now. */
  memory(): EngineMemory {
    const { live, peak } = this.gpuDevice.bytes;
    const sum = (part: 'activations' | 'saved' | 'scratch'): number =>
      [...this.models].reduce((total, { memory }) => total + memory[part], 0);
    return {
      weights: this.gpuDevice.weights.bytes,
      activations: sum('activations') + sum('saved'),
      scratch: sum('scratch'),
      live,
      peak,
    };
  }

  /** Disposes every model, and the device if it is the engine's own; a second call does nothing. */
  dispose(): void {
    if (this.calls.ended) return;
    this.calls.end(() => new GradlensError('disposed', 'the engine was disposed'));
    for (const model of [...this.models]) model.dispose();
    if (this.gpuDevice.owned) this.gpuDevice.destroy();
  }

  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A program may change its graph between two loads: what it hands in is shared with no other. */
const apart = (file: ModelFile): ModelFile => ({ ...file, graph: { ...file.graph } });

function deviceWith(
  gpu: GPUDevice,
  { owned, info, tuningStore }: { owned: boolean; info: GPUAdapterInfo; tuningStore?: TuningStore | undefined },
): Device {
  const store = tuningStore ?? (typeof indexedDB === 'undefined' ? memoryStore() : indexedDbStore());
  return new Device(gpu, { owned, info, tuningStore: store });
}
