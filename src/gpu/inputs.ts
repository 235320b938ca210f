/**
 * Pictures and prepared tensors for one model. They wait in a buffer of their own until a run copies them in its own
 * submit: a host may submit a recording of the same model (`encodeGradient`) at any time, between the upload and the
 * run too.
 */
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import type { InputSpec } from '../graph';
import { type ImageInput, type Images, type Prepared, isPrepared } from '../image/pixels';
import type { Device } from './device';
import { Preparer } from './preparer';

export class Inputs {
  private readonly preparer: Preparer | null;
  private waiting: GPUBuffer | null = null;
  /** Tensors of the last {@link bring} whose elements nobody has looked at. */
  private unchecked: Float32Array[] = [];

  constructor(
    private readonly device: Device,
    spec: InputSpec | null,
    private readonly shape: readonly [N: number, C: number, H: number, W: number],
    private readonly modelName: string,
  ) {
    this.preparer = spec ? new Preparer(device, spec) : null;
  }

  private get bytes(): number {
    return this.shape.reduce((product, extent) => product * extent, 4);
  }

  async allocate(): Promise<void> {
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    await this.device.guard('allocating the input', () => {
      this.waiting = this.device.allocate(`${this.modelName}/input`, this.bytes, STORAGE | COPY_SRC | COPY_DST);
    });
  }

  /** Records the copy of what {@link fill} brought into an executor's input. */
  encode(encoder: GPUCommandEncoder, target: GPUBuffer): void {
    encoder.copyBufferToBuffer(this.waiting!, 0, target, 0, this.bytes);
  }

  /**
   * Records what brings a caller's input into an executor's: a copy of float32 `[N, C, H, W]`, or the preparation of
   * one texture per item.
   *
   * @throws GradlensError `shape` for a buffer that is too small or textures that do not make a batch; `validation` for
   *   a texture that cannot be read
   */
  encodeFrom(
    input: GPUBuffer | GPUTexture | readonly GPUTexture[],
    encoder: GPUCommandEncoder,
    target: GPUBuffer,
  ): void {
    if ('mapAsync' in input) {
      if (input.size < this.bytes)
        throw new GradlensError(
          'shape',
          `encodeGradient: the input buffer has ${input.size} bytes, [${this.shape.join(', ')}] float32 takes ${this.bytes}`,
        );
      return encoder.copyBufferToBuffer(input, 0, target, 0, this.bytes);
    }
    const textures = [input].flat();
    const [batch] = this.shape;
    if (textures.length !== batch)
      throw new GradlensError('shape', `${textures.length} texture(s) for a batch of ${batch}`, {
        pictures: textures.length,
        batch,
      });
    const preparer = this.preparing;
    textures.forEach((texture, item) => preparer.record(encoder, texture, target, item));
  }

  /**
   * Fills the whole batch.
   *
   * @throws GradlensError `shape` for a wrong shape or number of pictures; `validation` for an element that is not
   *   finite or a texture that
   *   cannot be read
   */
  async fill(images: Images): Promise<void> {
    await this.bring(images);
    this.check();
  }

  /**
   * Fills the whole batch as {@link fill} does, and leaves it to the caller to {@link check} it: while the GPU is at
   * work, that costs no time.
   */
  async bring(images: Images): Promise<void> {
    this.unchecked = [];
    const [batch] = this.shape;
    const list = Array.isArray(images) ? (images as readonly ImageInput[]) : [images as ImageInput];
    let at = 0;
    for (const image of list) at += isPrepared(image) ? await this.upload(image, at) : await this.prepare(image, at);
    if (at !== batch)
      throw new GradlensError('shape', `${at} picture(s) for a batch of ${batch}`, { pictures: at, batch });
  }

  /** @throws GradlensError `validation` for an element that is not finite: a ReLU or a max-pool would hide it */
  readonly check = (): void => {
    for (const data of this.unchecked.splice(0)) {
      const bad = notFinite(data);
      if (bad >= 0)
        throw new GradlensError(
          'validation',
          `the input holds ${data[bad]} at ${bad}; every element must be a finite number`,
          { index: bad },
        );
    }
  };

  /** What {@link fill} brought. */
  get buffer(): GPUBuffer {
    return this.waiting!;
  }

  /** Fills the first item of the batch only. */
  async fillFirst(image: ImageInput): Promise<void> {
    if (isPrepared(image) && this.itemsOf(image) !== 1)
      throw new GradlensError('shape', `${this.itemsOf(image)} pictures where one would be right`);
    this.unchecked = [];
    await (isPrepared(image) ? this.upload(image, 0) : this.prepare(image, 0));
    this.check();
  }

  dispose(): void {
    this.preparer?.dispose();
    if (this.waiting) this.device.free(this.waiting);
    this.waiting = null;
  }

  private async upload(image: Prepared, at: number): Promise<number> {
    const [batch, C, H, W] = this.shape;
    const { data } = image;
    const count = this.itemsOf(image);
    this.unchecked.push(data);
    if (at + count > batch) throw tooMany(batch);
    await this.device.guard('uploading the input', () =>
      this.device.gpu.queue.writeBuffer(
        this.waiting!,
        at * C * H * W * 4,
        data.buffer as ArrayBuffer,
        data.byteOffset,
        data.byteLength,
      ),
    );
    return count;
  }

  private async prepare(image: Exclude<ImageInput, Prepared>, at: number): Promise<number> {
    const [batch] = this.shape;
    const preparer = this.preparing;
    if (at >= batch) throw tooMany(batch);
    await preparer.prepare(image, this.waiting!, at);
    return 1;
  }

  private get preparing(): Preparer {
    if (!this.preparer)
      throw new GradlensError(
        'shape',
        `${this.modelName} does not say how pictures are prepared: give load() a \`prep\` (torchvision, caffe-bgr, unit, signed, guess) or an \`input\`, or a prepared { data, shape: [${this.shape.join(', ')}] }`,
      );
    return this.preparer;
  }

  private itemsOf({ data, shape }: Prepared): number {
    const [, C, H, W] = this.shape;
    const [count, ...rest] = shape.length === 4 ? shape : [1, ...shape];
    if (rest.length !== 3 || rest[0] !== C || rest[1] !== H || rest[2] !== W) {
      throw new GradlensError('shape', `the input is [${shape.join(', ')}], the network takes [N, ${C}, ${H}, ${W}]`, {
        shape,
      });
    }
    if (data.length !== count! * C * H * W)
      throw new GradlensError(
        'shape',
        `an input of [${shape.join(', ')}] has ${count! * C * H * W} elements, these are ${data.length}`,
      );
    return count!;
  }
}

const tooMany = (batch: number): GradlensError =>
  new GradlensError('shape', `more pictures than the batch of ${batch}`, { batch });
