/** Runs the preparation kernel: pictures into one model's input buffer. */
import { type PrepareDims, type PrepareScale, prepare } from '../../shaders/prepare';
import { bindingsOf } from '../../shaders/kernel';
import { GradlensError } from '../errors';
import type { InputSpec } from '../graph';
import type { Pixels } from '../image/pixels';
import { placementOf } from '../image/placement';
import type { Device } from './device';

export class Preparer {
  private picture: GPUBuffer | null = null;
  private uniform: GPUBuffer | null = null;

  constructor(private readonly device: Device, private readonly spec: InputSpec) {}

  /** Fills item `item` of `target`, NCHW. */
  async prepare(pixels: Pixels, target: GPUBuffer, item: number): Promise<void> {
    const { device } = this;
    const bytes = pixels.width * pixels.height * 4;
    const most = device.environment.limits.maxStorageBufferBindingSize;
    if (bytes > most) throw new GradlensError('limit', `a picture of ${pixels.width}×${pixels.height} takes ${bytes} bytes; the device binds at most ${most}`, { limit: 'maxStorageBufferBindingSize', need: bytes, have: most });
    const kernel = prepare(dimsOf(pixels, this.spec, item), scaleOf(this.spec));
    const { pipeline, layout } = await device.pipeline(kernel);
    await device.guard('preparing the picture', () => {
      const { STORAGE, UNIFORM, COPY_DST } = GPUBufferUsage;
      if (!this.picture || this.picture.size < bytes) {
        if (this.picture) device.free(this.picture);
        this.picture = null;
        this.picture = device.allocate('picture', bytes, STORAGE | COPY_DST);
      }
      this.uniform ??= device.allocate('picture extents', 128, UNIFORM | COPY_DST);
      const { queue } = device.gpu;
      queue.writeBuffer(this.picture, 0, pixels.data.buffer as ArrayBuffer, pixels.data.byteOffset, bytes);
      queue.writeBuffer(this.uniform, 0, Uint32Array.from(Object.values(kernel.dims)));
      const resources: Record<string, GPUBuffer> = { d: this.uniform, picture: this.picture, y: target };
      const encoder = device.gpu.createCommandEncoder({ label: 'gradlens/prepare' });
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.gpu.createBindGroup({
        layout,
        entries: bindingsOf(kernel).map(({ index, name }) => ({ binding: index, resource: { buffer: resources[name]! } })),
      }));
      pass.dispatchWorkgroups(...kernel.workgroups);
      pass.end();
      queue.submit([encoder.finish()]);
    });
  }

  dispose(): void {
    if (this.picture) this.device.free(this.picture);
    if (this.uniform) this.device.free(this.uniform);
    this.picture = this.uniform = null;
  }
}

const dimsOf = (pixels: Pixels, spec: InputSpec, item: number): PrepareDims => ({
  ...placementOf(pixels, spec),
  PICTURE_W: pixels.width, C: spec.channels, H: spec.height, W: spec.width, BGR: spec.order === 'BGR' ? 1 : 0, ITEM: item,
});

function scaleOf({ channels, order, scale, mean, std }: InputSpec): PrepareScale {
  const channel = (rgb: number): number => (channels === 1 ? 0 : order === 'BGR' ? 2 - rgb : rgb);
  const perColour = (value: (k: number) => number) => [value(channel(0)), value(channel(1)), value(channel(2))] as const;
  return { factor: perColour((k) => scale / std[k]!), offset: perColour((k) => -mean[k]! / std[k]!) };
}
