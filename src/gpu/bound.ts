/** Kernels outside of a plan, bound to buffers by the names in their WGSL. */
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import type { Device } from './device';

export interface Bound {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: Kernel['workgroups'];
}

export type Allocate = (label: string, bytes: number, usage: number) => GPUBuffer;

/** Compiles first; what it returns is called within {@link Device.guard} and binds. */
export async function binder(
  device: Device,
  kernels: readonly Kernel[],
): Promise<(kernel: Kernel, buffers: Readonly<Record<string, GPUBuffer>>, allocate: Allocate) => Bound> {
  const pipelines = new Map(
    await Promise.all(kernels.map(async (kernel) => [kernel.code, await device.pipeline(kernel)] as const)),
  );
  return (kernel, buffers, allocate) => {
    const values = Uint32Array.from(Object.values(kernel.dims), (value) => value >>> 0);
    const d = allocate(`${kernel.name} extents`, values.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    device.gpu.queue.writeBuffer(d, 0, values);
    const { pipeline, layout } = pipelines.get(kernel.code)!;
    const entries = bindingsOf(kernel).map(({ index, name }) => ({
      binding: index,
      resource: { buffer: name === 'd' ? d : buffers[name]! },
    }));
    return {
      pipeline,
      bindGroup: device.gpu.createBindGroup({ label: `gradlens/${kernel.name}`, layout, entries }),
      workgroups: kernel.workgroups,
    };
  };
}

/** In one pass, in order: each sees what those before it wrote. */
export function dispatch(encoder: GPUCommandEncoder, label: string, kernels: readonly Bound[]): void {
  if (kernels.length === 0) return;
  const pass = encoder.beginComputePass({ label: `gradlens/${label}` });
  for (const { pipeline, bindGroup, workgroups } of kernels) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...workgroups);
  }
  pass.end();
}

/** Buffers that are given back together. */
export class Buffers {
  private readonly owned: GPUBuffer[] = [];

  constructor(private readonly device: Device) {}

  readonly allocate: Allocate = (label, bytes, usage) => {
    const buffer = this.device.allocate(label, bytes, usage);
    this.owned.push(buffer);
    return buffer;
  };

  dispose(): void {
    for (const buffer of this.owned.splice(0)) this.device.free(buffer);
  }
}
