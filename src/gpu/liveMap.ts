/** Maps of gradients that stay on the GPU: reduced over channels, smoothed over time, scaled and coloured there. */
import {
  type ColourForm,
  MAP_FORMATS,
  type MapDims,
  type MapFormat,
  type Opacity,
  type Scale,
  colourMap,
  mapOf,
  scaleOf,
} from '../../shaders/liveMap';
import type { ChannelRule } from '../../shaders/overChannels';
import type { Kernel } from '../../shaders/kernel';
import { check, oneOf, whole } from '../check';
import { GradlensError } from '../errors';
import { type ColourMapName, colourTable, isDiverging } from '../image/colourMaps';
import { type BufferPlace, isPlace, isView, placed } from '../image/pixels';
import { type Placement, scaledPlacement } from '../image/placement';
import { Buffers } from './bound';
import type { Encoder } from './commands';
import type { Device } from './device';
import type { LooseKernels } from './loose';
import { type Place, assertBuffer, placeIn } from './recording';
import { type ReadableTexture, type Size, viewOf } from './textures';

/** A place in a buffer for the picture of a map, of other extents than the map's. */
export interface MapBuffer {
  /** With the usage `COPY_DST`. */
  readonly buffer: GPUBuffer;
  /** In bytes; default 0. */
  readonly offset?: number;
  /** Of the picture, in pixels; default: the map's. */
  readonly width?: number;
  /** Of the picture, in pixels; default: the map's. */
  readonly height?: number;
}

/** A texture, or a view of one, that a map is drawn to. */
export interface MapTexture {
  /** With the usage `STORAGE_BINDING`. */
  readonly texture: GPUTexture | GPUTextureView;
  /** What is written: sRGB's numbers (default), or linear light, as scenes of three.js or Babylon take it. */
  readonly colorSpace?: 'srgb' | 'linear';
  /** Whether its last row is the top one, as scenes of three.js or Babylon show it; default: the first. */
  readonly flipY?: boolean;
  /** Of a view, which does not tell it. */
  readonly format?: GPUTextureFormat;
  /** Of a view, in pixels. */
  readonly width?: number;
  /** Of a view, in pixels. */
  readonly height?: number;
}

/** Where a map goes. */
export type MapOutput = BufferPlace | MapBuffer | GPUTexture | MapTexture;

/** How a map is made of a gradient. */
export interface MapLook {
  readonly channels: ChannelRule;
  readonly smoothing: number;
  /** Forgets the maps before. */
  readonly restart: boolean;
  readonly scale: Scale;
  /** Null: the numbers themselves. */
  readonly colours: ColourMapName | null;
  /** Null: opaque. */
  readonly opacity: Opacity | null;
}

/** A place that a map is drawn to, checked. */
export type MapTarget = Size & { readonly linear: boolean; readonly flipY: boolean } & (
    | { readonly to: 'bytes'; readonly place: Place }
    | { readonly to: MapFormat; readonly view: () => GPUTextureView }
  );

/** What a map is laid over, and how it lies there. */
export interface Below {
  readonly placement: Placement;
  readonly size: Size;
  /** If it is to be seen. */
  readonly picture?: ReadableTexture | undefined;
}

const STEPS = 1024;

export class LiveMap {
  private readonly buffers: Buffers;
  private made: { readonly map: GPUBuffer; readonly state: GPUBuffer } | null = null;
  private readonly tables = new Map<ColourMapName, GPUBuffer>();
  /** Coloured maps on their way to a buffer, by their bytes. */
  private readonly drawn = new Map<number, GPUBuffer>();

  constructor(
    private readonly device: Device,
    private readonly dims: MapDims,
    private readonly loose: LooseKernels,
  ) {
    this.buffers = new Buffers(device);
  }

  /** The kernels of such a map. */
  kernelsOf(look: MapLook, target: MapTarget | null, below: Below | null): readonly Kernel[] {
    const { dims } = this;
    return [
      mapOf(dims, look),
      ...(look.colours ? [scaleOf(dims, look.scale)] : []),
      ...(look.colours && target ? [this.colourKernel(look, target, below)] : []),
    ];
  }

  /** Records the map's numbers of a gradient, `[N, H, W]`, and their copy to where a host wants them. */
  encodeNumbers(encoder: Encoder, gradient: GPUBuffer, look: MapLook, { buffer, offset }: Place): void {
    const { map } = this.encodeMap(encoder, gradient, look);
    encoder.copyBufferToBuffer(map, 0, buffer, offset, this.bytes);
  }

  /** Records the picture of a gradient's map. */
  encodePicture(
    encoder: Encoder,
    gradient: GPUBuffer,
    { look, target, below }: { readonly look: MapLook; readonly target: MapTarget; readonly below: Below | null },
  ): void {
    const { map, state } = this.encodeMap(encoder, gradient, look);
    const colours = this.tableOf(look.colours!);
    const bytes = this.dims.N * target.width * target.height * 4;
    const drawn = target.to === 'bytes' ? this.drawnOf(bytes) : null;
    this.loose.record(encoder, this.colourKernel(look, target, below), () => ({
      map: { buffer: map },
      state: { buffer: state },
      colours: { buffer: colours },
      ...(below?.picture ? { picture: below.picture.resource() } : {}),
      out: target.to === 'bytes' ? { buffer: drawn! } : target.view(),
    }));
    if (target.to === 'bytes') encoder.copyBufferToBuffer(drawn!, 0, target.place.buffer, target.place.offset, bytes);
  }

  get bytes(): number {
    const { N, H, W } = this.dims;
    return N * H * W * 4;
  }

  dispose(): void {
    this.buffers.dispose();
    this.made = null;
    this.tables.clear();
    this.drawn.clear();
  }

  private encodeMap(encoder: Encoder, gradient: GPUBuffer, look: MapLook) {
    const made = (this.made ??= this.device.guardNow(
      'allocating a map',
      () => {
        const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
        return {
          map: this.buffers.allocate('map', this.bytes, STORAGE | COPY_SRC),
          state: this.buffers.allocate('map state', this.dims.N * 8, STORAGE | COPY_DST),
        };
      },
      () => (this.made = null),
    ));
    const { map, state } = { map: { buffer: made.map }, state: { buffer: made.state } };
    if (look.restart) encoder.clearBuffer(made.state);
    this.loose.record(encoder, mapOf(this.dims, look), () => ({ gradient: { buffer: gradient }, state, map }));
    const scale = look.colours ? look.scale : 0; // of numbers it only says that there was a map
    this.loose.record(encoder, scaleOf(this.dims, scale), () => ({ map, state }));
    return made;
  }

  private colourKernel(look: MapLook, target: MapTarget, below: Below | null): Kernel {
    const { N, H, W } = this.dims;
    const { colours, channels, opacity } = look;
    const { width, height, to, linear, flipY } = target;
    const alone: Placement = { FROM_X: 0, FROM_Y: 0, FROM_W: W, FROM_H: H, TO_X: 0, TO_Y: 0, TO_W: W, TO_H: H };
    const { placement, size } = below ?? { placement: alone, size: { width: W, height: H } };
    const form: ColourForm = {
      to,
      centred: channels === 'sum' || isDiverging(colours!),
      steps: STEPS,
      linear,
      flipY,
      opacity: opacity ?? undefined,
      overlay: below?.picture && overlayOf(below.picture),
    };
    return colourMap(
      {
        ...scaledPlacement(placement, width / size.width, height / size.height),
        N,
        H,
        W,
        OUT_H: height,
        OUT_W: width,
      },
      form,
    );
  }

  private tableOf(colours: ColourMapName): GPUBuffer {
    return this.device.keptNow(this.tables, colours, 'allocating colours', () => {
      const rgb = colourTable(colours, STEPS);
      const words = Uint32Array.from(
        { length: STEPS },
        (_, k) => rgb[3 * k]! + rgb[3 * k + 1]! * 2 ** 8 + rgb[3 * k + 2]! * 2 ** 16 + 255 * 2 ** 24,
      );
      return this.buffers.allocate(colours, words.byteLength, GPUBufferUsage.STORAGE, words);
    });
  }

  private drawnOf(bytes: number): GPUBuffer {
    return this.device.keptNow(this.drawn, bytes, 'allocating a picture', () =>
      this.buffers.allocate('coloured map', bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC),
    );
  }
}

const overlayOf = ({ read, size, linear }: ReadableTexture): NonNullable<ColourForm['overlay']> => ({
  in: read === 'external' ? 'external' : 'texture',
  ...size,
  linear,
});

/**
 * Where the numbers of a map go.
 *
 * @throws GradlensError `validation`, `shape` as {@link placeIn} and {@link assertBuffer}
 */
export function numbersTarget(output: MapOutput, bytes: number): Place {
  const place = placeIn('output', output as BufferPlace);
  assertBuffer(place, { bytes, usage: 'COPY_DST' }, 'the map takes');
  return place;
}

/** Whether it is a buffer: what is drawn to a texture always has colours. */
export const isBufferOutput = (output: unknown): boolean => isPlace(output);

/**
 * Where the picture of a map goes.
 *
 * @throws GradlensError `validation` for what cannot be written to; `shape` for what is too small, or a texture of a
 *   batch
 */
export function pictureTarget(output: MapOutput, { N, H, W }: MapDims): MapTarget {
  if (isPlace(output)) {
    const { width = W, height = H } = placed(output) as { width?: number; height?: number };
    check('output.width', width, whole(1));
    check('output.height', height, whole(1));
    const place = placeIn('output', output);
    assertBuffer(place, { bytes: N * width * height * 4, usage: 'COPY_DST' }, 'the picture takes');
    return { to: 'bytes', place, width, height, linear: false, flipY: false };
  }
  const is = (value: unknown): value is { texture: GPUTexture } =>
    typeof value === 'object' && value !== null && 'texture' in value;
  check('output', output, {
    says: 'a GPUBuffer, { buffer, offset, width, height }, a GPUTexture or { texture, format, width, height }',
    holds: (value) => is(value) || (typeof value === 'object' && value !== null && 'createView' in value),
  });
  const given = is(output) ? (output as Extract<MapOutput, { texture: unknown }>) : { texture: output as GPUTexture };
  const { texture, colorSpace = 'srgb', flipY = false } = given;
  check('output.colorSpace', colorSpace, oneOf('srgb', 'linear'));
  check('output.flipY', flipY, oneOf(true, false));
  const linear = colorSpace === 'linear';
  if (N > 1)
    throw new GradlensError('shape', `a texture holds one map, the batch is ${N}; a buffer would be right`, { N });
  if (isView(texture)) {
    const { format, width, height } = given as { format?: string; width?: number; height?: number };
    if (format === undefined || width === undefined || height === undefined)
      throw new GradlensError(
        'validation',
        "a view does not tell its format and extents; { texture, format: 'rgba8unorm', width: 640, height: 480 } " +
          'would be right',
      );
    return { to: writable(format), view: () => texture, width, height, linear, flipY };
  }
  const { format, width, height, usage, dimension, depthOrArrayLayers } = texture;
  if (dimension !== '2d' || depthOrArrayLayers !== 1)
    throw new GradlensError(
      'shape',
      `the output texture is ${dimension}, of ${depthOrArrayLayers} layer(s); 2d, of one`,
    );
  if (!(usage & GPUTextureUsage.STORAGE_BINDING))
    throw new GradlensError(
      'validation',
      'the output texture lacks the usage STORAGE_BINDING, by which it is written',
      {
        usage,
      },
    );
  const view = (): GPUTextureView => viewOf(texture);
  return { to: writable(format), view, width, height, linear, flipY };
}

function writable(format: string): MapFormat {
  check('the format of output', format, oneOf(...MAP_FORMATS));
  return format as MapFormat;
}
