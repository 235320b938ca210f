/**
 * What the adapter itself can do, measured with a few lines of WGSL on a raw device: the yardstick beside every
 * GFLOP/s. Not a synthetic peak from a data sheet, but what this driver gets out of a kernel that does nothing else.
 */
import { medianOf, timed } from './measure';

export interface Probe {
  /** Multiply-adds in registers, GFLOP/s. */
  readonly fmaGflops: number;
  /** Reads and writes of a storage-to-storage copy together, GB/s. */
  readonly copyGBs: number;
  /** Microseconds per dispatch in a chain in which each depends on the last. */
  readonly dispatchMicroseconds: number;
  /** Milliseconds from the submit of a 16-byte copy to the bytes in JavaScript. */
  readonly readBackMs: number;
}

const CHAINS = 8;
const UNROLL = 8;
const FMA_GROUP = 64;
const FLOPS_PER_ROUND = CHAINS * UNROLL * 4 * 2;

/**
 * Eight independent chains of vec4 multiply-adds, which settle at a fixed point: nothing overflows, and nothing can be
 * left out.
 */
const fmaCode = `
@group(0) @binding(0) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(1) var<uniform> rounds: vec4u;
@compute @workgroup_size(${FMA_GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4f(0.999, 0.998, 0.997, 0.996);
  let b = vec4f(f32(id.x & 3u) * 0.001);
${lines((k) => `  var v${k} = b + ${k}.0;`)}
  for (var round = 0u; round < rounds.x; round++) {
${Array.from({ length: UNROLL }, () => lines((k) => `    v${k} = v${k} * a + b;`)).join('\n')}
  }
  result[id.x & 255u] = ${Array.from({ length: CHAINS }, (_, k) => `v${k}`).join(' + ')};
}`;

const COPY_GROUP = 256;

const copyCode = `
@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(1) var<uniform> unused: vec4u;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@compute @workgroup_size(${COPY_GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = x[id.x] + vec4f(f32(unused.y));
}`;

const chainCode = `
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<uniform> unused: vec4u;
@compute @workgroup_size(1)
fn main() {
  y[0] += unused.x;
}`;

function lines(line: (k: number) => string): string {
  return Array.from({ length: CHAINS }, (_, k) => line(k)).join('\n');
}

/** Records dispatches. */
export type Pass = (pass: GPUComputePassEncoder) => void;

/**
 * A dispatch of nothing but multiply-adds, a few tenths of a millisecond on a large GPU: what a kernel that is timed
 * beside it is held against.
 */
export function multiplyAdds(device: GPUDevice): { readonly record: Pass; readonly flops: number } {
  const [invocations, rounds] = [1 << 17, 256];
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code: fmaCode }) },
  });
  const uniform = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(uniform, 0, new Uint32Array([rounds, 0, 0, 0]));
  const result = device.createBuffer({ size: 4096, usage: GPUBufferUsage.STORAGE });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [result, uniform].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return {
    flops: invocations * rounds * FLOPS_PER_ROUND,
    record(pass) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(invocations / FMA_GROUP);
    },
  };
}

/** Takes about two seconds at most; on a software adapter, with tiny sizes. */
export async function probe(gpu: GPU, signal?: AbortSignal): Promise<Probe> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('probe: no WebGPU adapter');
  const device = await adapter.requestDevice({ label: 'gradlens/bench/probe' });
  try {
    const bed = await testBedOf(device, adapter.info.isFallbackAdapter, signal);
    return {
      fmaGflops: await fmaGflops(bed),
      copyGBs: await copyGBs(bed),
      dispatchMicroseconds: await dispatchMicroseconds(bed),
      readBackMs: bed.readBackMs,
    };
  } finally {
    device.destroy();
  }
}

/** A device with what all measurements need. */
interface TestBed {
  readonly device: GPUDevice;
  readonly software: boolean;
  /** 4 KiB, of which the first sixteen bytes are read back after every pass. */
  readonly small: GPUBuffer;
  readonly uniform: GPUBuffer;
  /** Milliseconds of a pass that does nothing. */
  readonly readBackMs: number;
  /** A kernel's pipeline and bindings, to be set in a pass. */
  kernel(code: string, buffers: readonly GPUBuffer[]): Promise<Pass>;
  /** Milliseconds until the sixteen bytes that follow the pass are in JavaScript, so many times. */
  times(count: number, encode: Pass): Promise<number[]>;
}

async function testBedOf(device: GPUDevice, software: boolean, signal: AbortSignal | undefined): Promise<TestBed> {
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const uniform = device.createBuffer({ size: 16, usage: UNIFORM | COPY_DST });
  const small = device.createBuffer({ size: 4096, usage: STORAGE | COPY_SRC });
  const staging = device.createBuffer({ size: 16, usage: MAP_READ | COPY_DST });
  const run = async (encode: Pass): Promise<number> => {
    signal?.throwIfAborted();
    const { milliseconds } = await timed(async () => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      encode(pass);
      pass.end();
      encoder.copyBufferToBuffer(small, 0, staging, 0, 16);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      staging.unmap();
    });
    return milliseconds;
  };
  const times = async (count: number, encode: Pass): Promise<number[]> => {
    const each: number[] = [];
    for (let k = 0; k < count; k++) each.push(await run(encode));
    return each;
  };
  await run(() => {});
  const readBackMs = medianOf(await times(10, () => {}));
  return {
    device,
    software,
    small,
    uniform,
    readBackMs,
    times,
    kernel: (code, buffers) => passOf(device, code, buffers),
  };
}

async function passOf(device: GPUDevice, code: string, buffers: readonly GPUBuffer[]): Promise<Pass> {
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
  };
}

/**
 * Work per second, by the best of five runs. `work` grows from `begin` until a run is long enough for its fixed costs
 * not to matter, or until it is `most`.
 */
async function rate(
  { software, readBackMs, times }: TestBed,
  begin: number,
  most: number,
  encode: (work: number) => Pass,
): Promise<number> {
  const once = async (work: number): Promise<number> => (await times(1, encode(work)))[0]!;
  let work = begin;
  await once(work); // the driver compiles at the first dispatch
  for (let time = 0; (time = await once(work)) < (software ? 30 : 40) && work < most; )
    work = Math.min(most, work * (time < 5 ? 4 : 2));
  const best = Math.min(...(await times(5, encode(work))));
  return work / Math.max(best - readBackMs, best / 2) / 1e-3;
}

async function fmaGflops(bed: TestBed): Promise<number> {
  const { device, software, small, uniform } = bed;
  const fma = await bed.kernel(fmaCode, [small, uniform]);
  const invocations = software ? 2048 : 1 << 18;
  const rounds = await rate(bed, software ? 8 : 64, 1 << 20, (work) => {
    device.queue.writeBuffer(uniform, 0, new Uint32Array([work, 0, 0, 0]));
    return (pass) => {
      fma(pass);
      pass.dispatchWorkgroups(invocations / FMA_GROUP);
    };
  });
  device.queue.writeBuffer(uniform, 0, new Uint32Array(4));
  return (rounds * invocations * FLOPS_PER_ROUND) / 1e9;
}

async function copyGBs(bed: TestBed): Promise<number> {
  const { device, software, uniform } = bed;
  // past the caches of any GPU there is, and within the limits of a device with default limits
  const bytes = software ? 1 << 24 : 1 << 27;
  const [x, y] = [0, 1].map(() => device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE })) as [
    GPUBuffer,
    GPUBuffer,
  ];
  const copy = await bed.kernel(copyCode, [y, uniform, x]);
  const copies = await rate(bed, 1, 1024, (work) => (pass) => {
    copy(pass);
    for (let k = 0; k < work; k++) pass.dispatchWorkgroups(bytes / 16 / COPY_GROUP);
  });
  return (copies * 2 * bytes) / 1e9;
}

async function dispatchMicroseconds({ small, uniform, kernel, times }: TestBed): Promise<number> {
  const chain = await kernel(chainCode, [small, uniform]);
  const chained =
    (length: number): Pass =>
    (pass) => {
      chain(pass);
      for (let k = 0; k < length; k++) pass.dispatchWorkgroups(1);
    };
  await times(1, chained(25));
  const [long, short] = [medianOf(await times(10, chained(25))), medianOf(await times(10, chained(1)))];
  return Math.max(0, ((long - short) * 1000) / 24);
}
