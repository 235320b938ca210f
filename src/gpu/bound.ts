/** Kernels bound to buffers, and how they are recorded. */
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import type { Call } from '../calls';
import type { Encoder } from './commands';
import type { Device } from './device';

export interface Bound {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: Kernel['workgroups'];
  readonly flops: number;
}

export type Allocate = (label: string, bytes: number, usage: number, contents?: Uint32Array) => GPUBuffer;

/** Binds a kernel outside of a plan, by the names in its WGSL. */
export type Bind = (kernel: Kernel, buffers: Readonly<Record<string, GPUBuffer>>, allocate: Allocate) => Bound;

/** Compiles first; what it returns is called within {@link Device.guard}. */
export async function binder(device: Device, kernels: readonly Kernel[], { signal }: Call): Promise<Bind> {
  const pipelines = await device.pipelines.of(kernels, { signal });
  return (kernel, buffers, allocate) => {
    const values = Uint32Array.from(Object.values(kernel.dims), (value) => value >>> 0);
    const d = allocate(`${kernel.name} extents`, values.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    device.write(d, values);
    const { pipeline, layout } = pipelines.get(kernel.code)!;
    const entries = bindingsOf(kernel).map(({ index, name }) => ({
      binding: index,
      resource: { buffer: name === 'd' ? d : buffers[name]! },
    }));
    return {
      pipeline,
      bindGroup: device.gpu.createBindGroup({ label: `gradlens/${kernel.name}`, layout, entries }),
      workgroups: kernel.workgroups,
      flops: kernel.flops,
    };
  };
}

/** In order: each sees what those before it wrote. */
export function dispatch(encoder: Encoder, label: string, kernels: readonly Bound[]): void {
  for (const some of encoder.portions?.(kernels) ?? [kernels]) {
    if (some.length === 0) continue;
    const pass = encoder.beginComputePass({ label: `gradlens/${label}` });
    for (const kernel of some) record(pass, kernel);
    pass.end();
  }
}

/** Into a pass that is open. */
export function record(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: Bound): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...workgroups);
}

/** Buffers that are given back together. */
export class Buffers {
  private readonly owned: GPUBuffer[] = [];

  constructor(private readonly device: Device) {}

  readonly allocate: Allocate = (label, bytes, usage, contents) => {
    const buffer = this.device.allocate(label, bytes, usage, contents);
    this.owned.push(buffer);
    return buffer;
  };

  dispose(): void {
    for (const buffer of this.owned.splice(0)) this.device.free(buffer);
  }
}
