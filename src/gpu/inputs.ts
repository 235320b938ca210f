/**
 * Pictures and prepared tensors for one model. They wait in a buffer of their own until a run copies them in its own
 * submit: a host may submit a recording of the same model (`encodeGradient`) at any time, between the upload and the
 * run too.
 */
import type { Kernel } from '../../shaders/kernel';
import { abortable } from '../abortable';
import type { Call } from '../calls';
import { GradlensError } from '../errors';
import { notFinite } from '../finite';
import type { InputSpec } from '../graph';
import { type BufferAt, type Captured, type Prepared, isPlace, isPrepared } from '../image/pixels';
import type { Encoder } from './commands';
import type { Device } from './device';
import { Preparer, type Recordable } from './preparer';
import { type Place, assertBuffer, placeIn } from './recording';

/** What the inputs are of. */
export interface Taker {
  readonly name: string;
  readonly shape: readonly [N: number, C: number, H: number, W: number];
  /** How pictures are prepared; null if nobody says. */
  readonly spec: InputSpec | null;
}

/**
 * Looks at every element of an upload, which costs no time while the GPU is at work.
 *
 * @throws GradlensError `validation` for an element that is not finite
 */
export type CheckFinite = () => void;

export class Inputs {
  private readonly preparer: Preparer | null;

  private constructor(
    private readonly device: Device,
    private readonly taker: Taker,
    /** What was uploaded last. */
    readonly buffer: GPUBuffer,
  ) {
    this.preparer = taker.spec ? new Preparer(device, taker.spec) : null;
  }

  static async create(device: Device, taker: Taker, call: Call): Promise<Inputs> {
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    let made: GPUBuffer | undefined;
    try {
      return await device.guard(call, 'allocating the input', () => {
        made = device.allocate(`${taker.name}/input`, bytesOf(taker), STORAGE | COPY_SRC | COPY_DST);
        return new Inputs(device, taker, made);
      });
    } catch (error) {
      if (made) device.free(made);
      throw error;
    }
  }

  /**
   * Uploads the whole batch.
   *
   * @throws GradlensError `shape` for a wrong shape or number of pictures; `validation` for a texture that cannot be
   *   read
   */
  async upload(images: readonly Captured[], call: Call): Promise<CheckFinite> {
    const [batch] = this.taker.shape;
    let at = 0;
    const bufferHolds = images.length === 1 ? batch : 1;
    for (const image of images)
      at += isPlace(image) ? await this.copy(image, { at, count: bufferHolds }, call) : await this.put(image, at, call);
    if (at !== batch)
      throw new GradlensError('shape', `${at} picture(s) for a batch of ${batch}`, { pictures: at, batch });
    return checkOf(images);
  }

  /** Uploads one picture, as the first item of the batch. */
  async uploadFirst(image: Captured, call: Call): Promise<CheckFinite> {
    if (isPrepared(image) && this.itemsOf(image) !== 1)
      throw new GradlensError('shape', `${this.itemsOf(image)} pictures where one would be right`);
    if (isPlace(image)) await this.copy(image, { at: 0, count: 1 }, call);
    else await this.put(image, 0, call);
    return checkOf([image]);
  }

  /** Records the copy of what was uploaded into an executor's input. */
  encode(encoder: Encoder, target: GPUBuffer): void {
    encoder.copyBufferToBuffer(this.buffer, 0, target, 0, bytesOf(this.taker));
  }

  /**
   * Records what brings a caller's input into an executor's: a copy of float32 `[N, C, H, W]`, or the preparation of
   * one picture per item.
   *
   * @throws GradlensError `shape` for a buffer that is too small or pictures that do not make a batch; `validation` for
   *   a buffer or a picture that cannot be read
   */
  encodeFrom(input: Place | readonly Recordable[], encoder: GPUCommandEncoder, target: GPUBuffer): void {
    if ('buffer' in input) {
      const need = bytesOf(this.taker);
      assertBuffer(input, { bytes: need, usage: 'COPY_SRC' }, `[${this.taker.shape.join(', ')}] float32 takes`);
      encoder.copyBufferToBuffer(input.buffer, input.offset, target, 0, need);
      return;
    }
    const [batch] = this.taker.shape;
    if (input.length !== batch)
      throw new GradlensError('shape', `${input.length} picture(s) for a batch of ${batch}`, {
        pictures: input.length,
        batch,
      });
    const preparer = this.preparing;
    input.forEach((picture, item) => preparer.record(encoder, picture, { target, item }));
  }

  /** How a picture that is recorded lies in the input. */
  placed(picture: Recordable): ReturnType<Preparer['placed']> {
    return this.preparing.placed(picture);
  }

  /** The kernels that {@link encodeFrom} runs. */
  kernelsOf(input: Place | readonly Recordable[]): readonly Kernel[] {
    return 'buffer' in input ? [] : input.map((picture) => this.preparing.kernelOf(picture));
  }

  dispose(): void {
    this.preparer?.dispose();
    this.device.free(this.buffer);
  }

  /** So many items of a host's buffer, where they stand in the batch. */
  private async copy(from: BufferAt, { at, count }: { at: number; count: number }, call: Call): Promise<number> {
    const { name, shape } = this.taker;
    const [batch, ...item] = shape;
    if (at + count > batch) throw new GradlensError('shape', `more pictures than the batch of ${batch}`, { batch });
    const each = bytesOf(this.taker) / batch;
    const place = placeIn('image', from);
    const need = { bytes: count * each, usage: 'COPY_SRC' } as const;
    assertBuffer(place, need, `[${[count, ...item].join(', ')}] float32 takes`);
    await this.device.guard(call, `copying the input of ${name}`, () =>
      this.device.submit('input', (encoder) =>
        encoder.copyBufferToBuffer(place.buffer, place.offset, this.buffer, at * each, need.bytes),
      ),
    );
    return count;
  }

  /** How many items it was. */
  private async put(image: Exclude<Captured, BufferAt>, at: number, call: Call): Promise<number> {
    const { name, shape } = this.taker;
    const [batch, C, H, W] = shape;
    const count = isPrepared(image) ? this.itemsOf(image) : 1;
    if (at + count > batch) throw new GradlensError('shape', `more pictures than the batch of ${batch}`, { batch });
    if (isPrepared(image))
      await this.device.guard(call, `uploading the input of ${name}`, () =>
        this.device.write(this.buffer, image.data, at * C * H * W * 4),
      );
    else {
      const { preparing } = this;
      await preparing.prepare(
        await abortable(Promise.resolve(image), call.signal),
        { target: this.buffer, item: at },
        call,
      );
    }
    return count;
  }

  private get preparing(): Preparer {
    const { name, shape } = this.taker;
    if (!this.preparer)
      throw new GradlensError(
        'shape',
        `${name} does not say how pictures are prepared: give load() a \`prep\` (torchvision, caffe-bgr, unit, ` +
          `signed, guess) or an \`input\`, or a prepared { data, shape: [${shape.join(', ')}] }`,
      );
    return this.preparer;
  }

  private itemsOf({ data, shape }: Prepared): number {
    const [, C, H, W] = this.taker.shape;
    const flat = shape.length === 2 && H * W === 1;
    const [count, ...rest] = flat ? [...shape, 1, 1] : shape.length === 4 ? shape : [1, ...shape];
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

const bytesOf = ({ shape }: Taker): number => shape.reduce((product, extent) => product * extent, 4);

const checkOf =
  (images: readonly Captured[]): CheckFinite =>
  () => {
    for (const image of images) {
      const bad = isPrepared(image) ? notFinite(image.data) : -1;
      if (isPrepared(image) && bad >= 0)
        throw new GradlensError(
          'validation',
          `the input holds ${image.data[bad]} at ${bad}; every element must be a finite number`,
          { index: bad },
        );
    }
  };
