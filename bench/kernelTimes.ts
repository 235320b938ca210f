/**
 * Every kernel that may run a network's convolutions, each timed on the shapes that the network has: for whoever works
 * on kernels, for the ranking in src/variants/tiles.ts, and for the choices that ship.
 *
 * Graphics drivers lower the clock of a GPU that has pauses. So all kernels of a shape are compiled before the first is
 * timed, the GPU is kept busy in between, and beside each time stands what rate of multiply-adds there was in the same
 * submit: their quotient is what counts.
 */
import { type ConvDims, flopsOf } from '../shaders/conv/shape';
import { type Plan, compile } from '../src/compile';
import { Engine } from '../src/engine';
import { record } from '../src/gpu/bound';
import { Device } from '../src/gpu/device';
import { Executor } from '../src/gpu/executor';
import { TILES } from '../src/variants/tiles';
import { type Choices, adapterKey, memoryStore, shapeClass } from '../src/variants/stored';
import { LAYER, layerOf } from '../src/gpu/tuning/trial';
import { convolutionsOf } from '../src/gpu/tuning/tuner';
import { candidatesFor, variantsFor } from '../src/variants/byDevice';
import { WeightStore } from '../src/gpu/weightStore';
import type { ConvVariant } from '../src/variants/variants';
import { type NetworkName, NETWORKS } from './networks';
import { type Pass, multiplyAdds } from './probe';

export interface KernelTime {
  readonly variant: ConvVariant;
  readonly milliseconds: number;
  /** The adapter's rate of multiply-adds just then. */
  readonly fmaGflops: number;
  /** Of that rate, by the multiplications of the direct sum: a kernel that saves some may pass 1. */
  readonly share: number;
}

export interface ShapeTimes {
  readonly net: NetworkName;
  readonly batch: number;
  readonly shape: string;
  readonly dims: ConvDims;
  readonly gflop: number;
  /** What runs where nothing was tuned. */
  readonly untuned: ConvVariant;
  /** The fastest first. */
  readonly kernels: readonly KernelTime[];
}

/** How a variant is called in tables: its tile, output channels × pixels, and its spans. */
export function nameOf(variant: ConvVariant): string {
  if (variant.family === 'direct') return `direct, ${variant.unroll} unrolled`;
  if ('products' in variant) return `Winograd, ${nameOf(variant.products)}`;
  const tile =
    Object.entries(TILES).find(([, known]) => JSON.stringify(known) === JSON.stringify(variant.tile))?.[0] ??
    JSON.stringify(variant.tile);
  return variant.family === 'winograd'
    ? `Winograd ${tile}`
    : `${tile}${variant.spans > 1 ? `, ${variant.spans} spans` : ''}`;
}

/** Milliseconds of a sample: long against the clock of a browser. */
const SAMPLE = 7;
const WARM_UP = 200;
const ROUNDS = 2;

/**
 * @throws the signal's reason, between two shapes; an Error without timestamps, since wall clocks tell too little of a
 *   kernel
 */
export async function kernelTimes(
  adapter: GPUAdapter,
  net: NetworkName,
  batch: number,
  { signal, onShape }: { signal?: AbortSignal; onShape?: (times: ShapeTimes) => void } = {},
): Promise<ShapeTimes[]> {
  if (!adapter.features.has('timestamp-query')) throw new Error('kernelTimes: this adapter has no timestamps');
  const engine = await Engine.onAdapter(adapter);
  const gpu = engine.device;
  const device = new Device(gpu, {
    owned: false,
    info: adapter.info,
    tuningStore: memoryStore(),
  });
  const own = variantsFor(device.environment);
  const bindingBytes = engine.environment.limits.maxStorageBufferBindingSize;
  try {
    const clock = clockOf(gpu);
    const shapes = convolutionsOf(
      (variants) => compile(NETWORKS[net](), { batch, bindingBytes, variants }),
      own,
      shapeClass,
    );
    const all: ShapeTimes[] = [];
    for (const [shape, dims] of shapes) {
      signal?.throwIfAborted();
      const graph = layerOf(dims);
      if (!graph) continue;
      const planOf = (variant: ConvVariant): Plan =>
        compile(graph, { batch, bindingBytes, variants: { ...own, conv: () => variant }, target: LAYER });
      const opened = await Promise.all(
        candidatesFor(device.environment)(dims).map(async (variant) => ({
          variant,
          best: null as KernelTime | null,
          ...(await open(device, planOf(variant))),
        })),
      );
      await clock.time(() => {}, 0, WARM_UP);
      for (let round = 0; round < ROUNDS; round++) {
        for (const entry of opened) {
          const { milliseconds: once } = await clock.time(entry.record, 2);
          const { milliseconds, fmaGflops } = await clock.time(
            entry.record,
            Math.max(2, Math.ceil(SAMPLE / Math.max(once, 0.004))),
            SAMPLE / 2,
          );
          const share = flopsOf(dims) / milliseconds / 1e6 / fmaGflops;
          if (!entry.best || share > entry.best.share)
            entry.best = { variant: entry.variant, milliseconds, fmaGflops, share };
        }
      }
      opened.forEach(({ dispose }) => dispose());
      const kernels = opened.map(({ best }) => best!).sort((a, b) => b.share - a.share);
      const times = {
        net,
        batch,
        shape,
        dims,
        gflop: flopsOf(dims) / 1e9,
        untuned: own.conv(dims),
        kernels,
      };
      all.push(times);
      onShape?.(times);
    }
    return all;
  } finally {
    engine.dispose();
  }
}

/** What `src/variants/shippedChoices.json` holds for this adapter: the fastest kernel of each shape. */
export async function seedOf(
  adapter: GPUAdapter,
  times: readonly ShapeTimes[],
): Promise<Readonly<Record<string, Choices>>> {
  const engine = await Engine.onAdapter(adapter);
  const { adapter: known, features } = engine.environment;
  engine.dispose();
  return {
    [adapterKey(known, features)]: Object.fromEntries(times.map(({ shape, kernels }) => [shape, kernels[0]!.variant])),
  };
}

/**
 * The plan's kernels on weights that are all zero: how fast they are is the same, and packing real ones takes seconds.
 */
async function open(device: Device, plan: Plan): Promise<{ record: Pass; dispose: () => void }> {
  const zeros = plan.buffers.map((buffer) =>
    buffer.fill ? { ...buffer, fill: () => new Float32Array(buffer.bytes / 4) } : buffer,
  );
  const weights = new WeightStore(device);
  const executor = await device.calls.run({}, (call) =>
    Executor.create({ device, plan: { ...plan, backward: [], buffers: zeros }, weights }, call),
  );
  return {
    record: (pass) => executor.forward.forEach((bound) => record(pass, bound)),
    dispose() {
      executor.dispose();
      weights.dispose();
    },
  };
}

/** By timestamps; each submit times multiply-adds as well, for about three milliseconds on a large GPU. */
function clockOf(gpu: GPUDevice) {
  const COUNT = 4;
  const queries = gpu.createQuerySet({ type: 'timestamp', count: COUNT });
  const resolved = gpu.createBuffer({ size: COUNT * 8, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const staging = gpu.createBuffer({ size: COUNT * 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const fma = multiplyAdds(gpu);
  const REFERENCE = 10;
  const timed = (encoder: GPUCommandEncoder, first: number, record: Pass, repeats: number): void => {
    const pass = encoder.beginComputePass({
      timestampWrites: { querySet: queries, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
    });
    for (let k = 0; k < repeats; k++) record(pass);
    pass.end();
  };
  let reference = 0.3; // milliseconds
  return {
    /** Milliseconds of one of so many runs, after some milliseconds of multiply-adds that nobody times. */
    async time(record: Pass, repeats: number, warmUp = 0): Promise<{ milliseconds: number; fmaGflops: number }> {
      const encoder = gpu.createCommandEncoder();
      if (warmUp > 0) {
        const pass = encoder.beginComputePass();
        for (let k = 0; k < Math.ceil(warmUp / reference); k++) fma.record(pass);
        pass.end();
      }
      timed(encoder, 0, record, repeats);
      timed(encoder, 2, fma.record, REFERENCE);
      encoder.resolveQuerySet(queries, 0, COUNT, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, COUNT * 8);
      gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const [a, b, c, d] = [...new BigUint64Array(staging.getMappedRange())] as [bigint, bigint, bigint, bigint];
      staging.unmap();
      reference = Math.max(Number(d - c) / REFERENCE / 1e6, 1e-3);
      return {
        milliseconds: Math.max(Number(b - a) / Math.max(repeats, 1) / 1e6, 1e-6),
        fmaGflops: fma.flops / reference / 1e6,
      };
    },
  };
}
