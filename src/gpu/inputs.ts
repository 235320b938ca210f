/**
 * Pictures and prepared tensors for one model. What must be waited for comes first; then they are brought in the submit
 * of the run that reads them, so that a gradient is one submit, and errors of both are heard together. They come to a
 * buffer of their own, and from there to an executor: a host may submit a recording of the same model
 * (`encodeGradient`) at any time, between two submits of a run too.
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
import { Preparer, type ReadyPicture, type Recordable } from './preparer';
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

/** Pictures that are ready. */
export interface Upload {
  /**
   * Brings them into the buffer of the inputs, and from there into an executor's input, if one is given. It writes to
   * the queue, so it is called within {@link Device.guard}, as what it records is submitted.
   */
  readonly bring: (encoder: Encoder, into?: GPUBuffer) => void;
  /** To be called while the GPU is at work. */
  readonly check: CheckFinite;
}

/** Some items of the batch: what brings them, or a picture to be prepared. */
interface Source {
  readonly count: number;
  readonly encode?: (encoder: Encoder) => void;
  readonly picture?: ReadyPicture;
}

export class Inputs {
  private readonly preparer: Preparer | null;

  private constructor(
    private readonly device: Device,
    private readonly taker: Taker,
    /** What was brought last. */
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
   * Makes the whole batch ready.
   *
   * @throws GradlensError `shape` for a wrong shape or number of pictures; `validation` for a texture that cannot be
   *   read
   */
  async upload(images: readonly Captured[], call: Call): Promise<Upload> {
    const [batch] = this.taker.shape;
    const sources: Source[] = [];
    let at = 0;
    const bufferHolds = images.length === 1 ? batch : 1;
    for (const image of images) {
      const source = await this.sourceOf(image, { at, bufferHolds }, call);
      sources.push(source);
      at += source.count;
    }
    if (at !== batch)
      throw new GradlensError('shape', `${at} picture(s) for a batch of ${batch}`, { pictures: at, batch });
    return this.uploadOf(sources, images);
  }

  /** Makes one picture ready, as the first item of the batch. */
  async uploadFirst(image: Captured, call: Call): Promise<Upload> {
    if (isPrepared(image) && this.itemsOf(image) !== 1)
      throw new GradlensError('shape', `${this.itemsOf(image)} pictures where one would be right`);
    return this.uploadOf([await this.sourceOf(image, { at: 0, bufferHolds: 1 }, call)], [image]);
  }

  /** Records the copy of what was brought last into an executor's input. */
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

  private uploadOf(sources: readonly Source[], images: readonly Captured[]): Upload {
    const pictures = sources.flatMap(({ picture }) => picture ?? []);
    return {
      bring: (encoder, into) => {
        for (const { encode } of sources) encode?.(encoder);
        if (pictures.length > 0) this.preparing.encode(encoder, pictures, this.buffer);
        if (into) this.encode(encoder, into);
      },
      check: checkOf(images),
    };
  }

  /** `bufferHolds`: so many items, if the image is a host's buffer. */
  private async sourceOf(
    image: Captured,
    { at, bufferHolds }: { at: number; bufferHolds: number },
    call: Call,
  ): Promise<Source> {
    const [batch] = this.taker.shape;
    const count = isPlace(image) ? bufferHolds : isPrepared(image) ? this.itemsOf(image) : 1;
    if (at + count > batch) throw new GradlensError('shape', `more pictures than the batch of ${batch}`, { batch });
    if (isPlace(image)) return { count, encode: this.copyOf(image, { at, count }) };
    const begin = (at * bytesOf(this.taker)) / batch;
    if (isPrepared(image)) return { count, encode: () => this.device.write(this.buffer, image.data, begin) };
    const { preparing } = this;
    const picture = await abortable(Promise.resolve(image), call.signal);
    return { count, picture: await preparing.ready(picture, at, call) };
  }

  /** What copies so many items of a host's buffer to where they stand in the batch. */
  private copyOf(from: BufferAt, { at, count }: { at: number; count: number }): NonNullable<Source['encode']> {
    const [batch, ...item] = this.taker.shape;
    const each = bytesOf(this.taker) / batch;
    const place = placeIn('image', from);
    const need = { bytes: count * each, usage: 'COPY_SRC' } as const;
    assertBuffer(place, need, `[${[count, ...item].join(', ')}] float32 takes`);
    return (encoder) => encoder.copyBufferToBuffer(place.buffer, place.offset, this.buffer, at * each, need.bytes);
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
