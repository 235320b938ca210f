/**
 * Kernels outside of any plan, recorded into a host's encoder with resources of the moment: nothing is awaited or
 * submitted, and no queue written to. Of each set of extents a uniform is kept, since a recording may wait for its
 * submit as long as the host likes.
 */
import { type Kernel, bindingsOf } from '../../shaders/kernel';
import { Buffers } from './bound';
import type { Encoder } from './commands';
import type { Device } from './device';
import type { Pipeline } from './pipelines';

export type Resources = Readonly<Record<string, GPUBindingResource>>;

export class LooseKernels {
  private readonly uniforms = new Map<string, GPUBuffer>();
  private readonly buffers: Buffers;

  constructor(private readonly device: Device) {
    this.buffers = new Buffers(device);
  }

  /** The first time on a device the kernel is compiled here. `resources` may make what it binds. */
  record(encoder: Encoder, kernel: Kernel, resources: () => Resources): void {
    const { device } = this;
    const pipeline = device.pipelines.now(kernel);
    const d = this.uniformOf(kernel);
    device.guardNow(`recording ${kernel.name}`, () =>
      encodeKernel(device, encoder, { kernel, pipeline, resources: { d, ...resources() } }),
    );
  }

  dispose(): void {
    this.buffers.dispose();
    this.uniforms.clear();
  }

  private uniformOf(kernel: Kernel): GPUBufferBinding {
    const values = extentsOf(kernel);
    const what = `${kernel.name} extents`;
    const buffer = this.device.keptNow(this.uniforms, values.join(), `allocating ${what}`, () =>
      this.buffers.allocate(what, values.byteLength, GPUBufferUsage.UNIFORM, values),
    );
    return { buffer };
  }
}

/** The values of a kernel's uniform. */
export const extentsOf = ({ dims }: Kernel): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(Object.values(dims), (value) => value >>> 0);

/** A pass of one kernel; the uniform `d` is among the resources. */
export function encodeKernel(
  { gpu }: Device,
  encoder: Encoder,
  {
    kernel,
    pipeline: { pipeline, layout },
    resources,
  }: { readonly kernel: Kernel; readonly pipeline: Pipeline; readonly resources: Resources },
): void {
  const pass = encoder.beginComputePass({ label: `gradlens/${kernel.name}` });
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    gpu.createBindGroup({
      label: `gradlens/${kernel.name}`,
      layout,
      entries: bindingsOf(kernel).map(({ index, name }) => ({ binding: index, resource: resources[name]! })),
    }),
  );
  pass.dispatchWorkgroups(...kernel.workgroups);
  pass.end();
}
