/**
 * A device whose k-th GPU call goes wrong, in one of six ways. Everything else is done by the real device, so that what
 * is seen afterwards (numbers, bytes, scopes, the next call) is real.
 */

/**
 * `throws` the call throws · `rejects` its promise rejects · `silence` its promise never settles · `invalid` the device
 * reports a validation error and gives an invalid object · `oom` it reports that memory ran out, and gives an invalid
 * object · `loss` the device is lost just before the call
 */
export const FAULTS = ['throws', 'rejects', 'silence', 'invalid', 'oom', 'loss'] as const;
export type Fault = (typeof FAULTS)[number];

/** GPU calls that give a promise. */
const PROMISES = [
  'createComputePipelineAsync',
  'popErrorScope',
  'mapAsync',
  'onSubmittedWorkDone',
  'getCompilationInfo',
];
/** Those that a device may refuse, and how an invalid object of the kind is made. */
const INVALID: Record<string, (real: GPUDevice, descriptor?: never) => unknown> = {
  createBuffer: (real, descriptor: GPUBufferDescriptor = { size: 16, usage: 0 }) =>
    real.createBuffer({
      ...descriptor,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE,
      mappedAtCreation: false,
    }),
  createTexture: (real) => real.createTexture({ size: [0], format: 'rgba8unorm', usage: 0 }),
  createQuerySet: (real) => real.createQuerySet({ type: 'timestamp', count: 1e6 }),
  createShaderModule: (real) => real.createShaderModule({ code: 'no WGSL' }),
  createBindGroupLayout: (real) =>
    real.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: {} },
        { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: {} },
      ],
    }),
  createPipelineLayout: (real) =>
    real.createPipelineLayout({ bindGroupLayouts: [INVALID['createBindGroupLayout']!(real) as GPUBindGroupLayout] }),
  createBindGroup: (real) => {
    const layout = real.createBindGroupLayout({
      entries: [{ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: {} }],
    });
    return real.createBindGroup({ layout, entries: [] });
  },
  createComputePipeline: (real) =>
    real.createComputePipeline({ layout: 'auto', compute: { module: real.createShaderModule({ code: 'no WGSL' }) } }),
  createComputePipelineAsync: () => Promise.reject(new DOMException('injected', 'OperationError')),
  submit: (real) => real.queue.submit([invalidCommands(real)]),
  writeBuffer: (real) => {
    const buffer = real.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST });
    real.queue.writeBuffer(buffer, 16, new Uint32Array(4));
  },
  finish: (real) => invalidCommands(real),
};

function invalidCommands(real: GPUDevice): GPUCommandBuffer {
  const encoder = real.createCommandEncoder();
  const usage = GPUBufferUsage.COPY_DST;
  encoder.copyBufferToBuffer(real.createBuffer({ size: 16, usage }), 0, real.createBuffer({ size: 16, usage }), 0, 16);
  return encoder.finish();
}

/** Whether a call of that name can go wrong in that way. */
export const canFail = (name: string, fault: Fault): boolean =>
  fault === 'rejects' || fault === 'silence'
    ? PROMISES.includes(name)
    : fault === 'invalid' || fault === 'oom'
      ? name in INVALID && !(fault === 'oom' && name === 'createComputePipelineAsync')
      : true;

/** Not looked at: they cannot fail, or are the host's. */
const PASSED = new Set(['addEventListener', 'removeEventListener', 'destroy', 'label']);

export interface Injected {
  readonly device: GPUDevice;
  /** Names of the calls since the last {@link arm}. */
  readonly calls: readonly string[];
  /** The k-th call from now on (from 0) goes wrong; none if k is left out. */
  arm(fault?: Fault, k?: number): void;
  /** Whether the call that is to go wrong was made. */
  readonly fired: boolean;
  /** Errors that no scope of the engine's caught. */
  readonly uncaught: readonly string[];
  /** Scopes that are open. */
  readonly open: number;
}

/** What a host does by itself with a device, where nothing goes wrong but what others record into its encoder. */
export interface Host {
  readonly device: GPUDevice;
  /** An encoder; `read` copies a whole buffer and submits: the error that the device reports of that, if any. */
  encoder(): { readonly encoder: GPUCommandEncoder; read(from: GPUBuffer, to: GPUBuffer): Promise<GPUError | null> };
}

const hosts = new WeakMap<GPUDevice, Host>();

export const hostOf = (device: GPUDevice): Host => hosts.get(device) ?? host(device, (encoder) => encoder);

const host = (device: GPUDevice, watch: (encoder: GPUCommandEncoder) => GPUCommandEncoder): Host => ({
  device,
  encoder() {
    const encoder = device.createCommandEncoder();
    const [copy, finish] = [encoder.copyBufferToBuffer.bind(encoder), encoder.finish.bind(encoder)];
    return {
      encoder: watch(encoder),
      read(from, to) {
        device.pushErrorScope('validation');
        copy(from, 0, to, 0, to.size);
        device.queue.submit([finish()]);
        return device.popErrorScope();
      },
    };
  },
});

export function injected(real: GPUDevice): Injected {
  let calls: string[] = [];
  let fired = false;
  let armed: { fault: Fault; k: number } | null = null;
  const uncaught: string[] = [];
  /** Scopes as the engine opened them, with what was injected into them. */
  const scopes: { filter: GPUErrorFilter; error: GPUError | null }[] = [];
  real.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    uncaught.push(event.error.message);
  });

  const invalid = (name: string, fault: 'invalid' | 'oom', descriptor: never): unknown => {
    if (fault === 'invalid') return INVALID[name]!(real, descriptor);
    // what is mapped from the first has its memory at once, or is none
    if (name === 'createBuffer' && (descriptor as GPUBufferDescriptor).mappedAtCreation)
      throw new RangeError('injected');
    real.pushErrorScope('validation'); // the object is invalid, but the error is another
    const object = INVALID[name]!(real, descriptor);
    real.popErrorScope().catch(() => {});
    const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory');
    const error = new GPUOutOfMemoryError('injected');
    if (scope) scope.error ??= error;
    else uncaught.push(error.message);
    return object;
  };

  const pop = async (): Promise<GPUError | null> => {
    const scope = scopes.pop();
    const error = await real.popErrorScope();
    return scope?.error ?? error;
  };

  const call = (name: string, run: () => unknown, descriptor?: unknown): unknown => {
    const k = calls.push(name) - 1;
    const fault = armed?.k === k && canFail(name, armed.fault) ? armed.fault : null;
    if (fault !== null) fired = true;
    if (name === 'popErrorScope') {
      const popped = pop();
      popped.catch(() => {});
      if (fault === null || fault === 'loss') {
        if (fault) real.destroy();
        return popped;
      }
    }
    switch (fault) {
      case null:
        return run();
      case 'throws':
        throw new TypeError(`injected into ${name}`);
      case 'rejects':
        return Promise.reject(new DOMException(`injected into ${name}`, 'OperationError'));
      case 'silence':
        return new Promise(() => {});
      case 'loss':
        real.destroy();
        return run();
      default:
        return invalid(name, fault, descriptor as never);
    }
  };

  /** Sees the calls of an object that is handed back to the real device, so it has to stay what it is. */
  const watch = <T>(object: T): T => {
    if (typeof object !== 'object' || object === null) return object;
    const names =
      'mapAsync' in object
        ? ['mapAsync', 'getMappedRange', 'unmap']
        : 'copyBufferToBuffer' in object
          ? ['beginComputePass', 'copyBufferToBuffer', 'finish', 'resolveQuerySet', 'clearBuffer']
          : 'dispatchWorkgroups' in object
            ? ['setPipeline', 'setBindGroup', 'dispatchWorkgroups', 'end']
            : 'getCompilationInfo' in object
              ? ['getCompilationInfo']
              : [];
    for (const name of names) {
      const method = (object as Record<string, (...args: unknown[]) => unknown>)[name]!.bind(object);
      Object.defineProperty(object, name, { value: (...args: unknown[]) => watch(call(name, () => method(...args))) });
    }
    return object;
  };

  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        if (object === (real as object) && name === 'queue') return queue;
        const value = Reflect.get(object, name, object) as unknown;
        if (typeof value !== 'function' || typeof name !== 'string' || PASSED.has(name))
          return typeof value === 'function' ? (value as () => unknown).bind(object) : value;
        return (...args: unknown[]) =>
          watch(
            call(
              name,
              () => {
                if (name === 'pushErrorScope') scopes.push({ filter: args[0] as GPUErrorFilter, error: null });
                return (value as (...args: unknown[]) => unknown).apply(object, args);
              },
              args[0],
            ),
          );
      },
    });
  const queue = wrap(real.queue);
  const device = wrap(real);
  hosts.set(device, host(real, watch));
  return {
    device,
    get calls() {
      return calls;
    },
    arm(fault, k) {
      calls = [];
      fired = false;
      armed = fault === undefined || k === undefined ? null : { fault, k };
    },
    get fired() {
      return fired;
    },
    uncaught,
    get open() {
      return scopes.length;
    },
  };
}
