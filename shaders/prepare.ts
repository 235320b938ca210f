/**
 * A picture becomes the network's input: cropped, resized, put in order, scaled and normalised, in one kernel on every
 * host.
 */
import { type Kernel, floatBits, kernel } from './kernel';
import type { Placement } from './placement';
import { type Declaration, reads, writes } from './tensor';
import { wgsl } from './wgsl';

/** The placement's part of the input is what the picture fills; the rest is 0, the mean. */
export interface PrepareDims extends Placement {
  /** The picture. */
  readonly PICTURE_W: number;
  /** The network's input. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  /** 1: channels are stored B, G, R. */
  readonly BGR: 0 | 1;
  /** 1: the picture holds linear light, as render targets do. */
  readonly LINEAR: 0 | 1;
  /** Which item of the batch. */
  readonly ITEM: number;
}

/** Per channel in R, G, B order: `value · factor + offset`. Travel as the bits of f32. */
export interface PrepareScale {
  readonly factor: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
}

/** Where the picture's pixels lie. */
export type PictureIn = 'buffer' | 'texture' | 'external';

/** The picture's declaration, and WGSL of its pixel (h, w). */
const PICTURE: Readonly<Record<PictureIn, { readonly declared: Declaration; readonly pixel: string }>> = {
  buffer: {
    declared: reads('picture', 'PICTURE_H PICTURE_W', { element: 'u32' }), // RGBA in bytes
    pixel: 'unpack4x8unorm(load_picture(h, w))',
  },
  texture: {
    declared: { kind: 'texture', name: 'picture' },
    pixel: 'textureLoad(picture, vec2u(w, h), 0)',
  },
  external: {
    declared: { kind: 'external', name: 'picture' },
    pixel: 'textureLoad(picture, vec2u(w, h))',
  },
};

/** WGSL: linear light as sRGB has it (IEC 61966-2-1). What is brighter than white is white, as on a screen. */
export const encodeSrgb = `
fn encodeSrgb(linear: vec3f) -> vec3f {
  let light = clamp(linear, vec3f(), vec3f(1.0));
  return select(1.055 * pow(light, vec3f(1.0 / 2.4)) - 0.055, 12.92 * light, light <= vec3f(0.0031308));
}`;

/** WGSL: its inverse, of 0 to 1. */
export const decodeSrgb = `
fn decodeSrgb(colour: vec3f) -> vec3f {
  return select(pow((colour + 0.055) / 1.055, vec3f(2.4)), colour / 12.92, colour <= vec3f(0.04045));
}
`;

/**
 * Bilinear with antialiasing, as Pillow's: a triangle as wide as the reduction, at least two pixels; weights are
 * normalised over the taps inside the picture. Linear light becomes sRGB first, since that is what networks are trained
 * on. Transparent pixels lie on white. A grey input takes luma (ITU-R 601).
 * FROM may be in fractions of a pixel: it travels as f32 too. One invocation owns one pixel of all channels.
 */
export function prepare(d: PrepareDims, { factor, offset }: PrepareScale, pictureIn: PictureIn = 'buffer'): Kernel {
  const { declared, pixel } = PICTURE[pictureIn];
  return kernel({
    name: 'prepare',
    dims: {
      ...d,
      FROM_X: floatBits(d.FROM_X),
      FROM_Y: floatBits(d.FROM_Y),
      FROM_W: floatBits(d.FROM_W),
      FROM_H: floatBits(d.FROM_H),
      ...Object.fromEntries(
        ['R', 'G', 'B'].flatMap((c, k) => [
          [`FACTOR_${c}`, floatBits(factor[k]!)],
          [`OFFSET_${c}`, floatBits(offset[k]!)],
        ]),
      ),
    },
    tensors: [declared, writes('y', 'N C H W', { element: 'f32' })],
    functions: `${encodeSrgb}

fn colour(h: u32, w: u32) -> vec3f {
  var pixel = ${pixel};
  if (d.LINEAR == 1u) { pixel = vec4f(encodeSrgb(pixel.rgb), pixel.a); }
  return mix(vec3f(1.0), pixel.rgb, pixel.a) * 255.0;
}`,
    each: { x: { h: 'H', w: 'W' } },
    body: wgsl`
let at = vec2u(w, h);
let corner = vec2u(d.TO_X, d.TO_Y);
let to = vec2f(f32(d.TO_W), f32(d.TO_H));
var value = vec3f();
if (all(at >= corner) && all(at < corner + vec2u(d.TO_W, d.TO_H))) {
  let begin = vec2f(bitcast<f32>(d.FROM_X), bitcast<f32>(d.FROM_Y));
  let size = vec2f(bitcast<f32>(d.FROM_W), bitcast<f32>(d.FROM_H));
  let end = begin + size;
  let centre = begin + (vec2f(at - corner) + 0.5) * size / to;
  let reach = max(size / to, vec2f(1.0));
  let low = vec2u(max(floor(centre - reach), floor(begin)));
  let high = vec2u(min(ceil(centre + reach), ceil(end)));
  var sum = vec3f();
  var total = 0.0;
  for (var v = low.y; v < high.y; v++) {
    let down = max(0.0, 1.0 - abs(f32(v) + 0.5 - centre.y) / reach.y);
    var row = vec3f();
    var along = 0.0;
    for (var u = low.x; u < high.x; u++) {
      let weight = max(0.0, 1.0 - abs(f32(u) + 0.5 - centre.x) / reach.x);
      row += weight * colour(v, u);
      along += weight;
    }
    sum += down * row;
    total += down * along;
  }
  let factor = bitcast<vec3f>(vec3u(d.FACTOR_R, d.FACTOR_G, d.FACTOR_B));
  let offset = bitcast<vec3f>(vec3u(d.OFFSET_R, d.OFFSET_G, d.OFFSET_B));
  value = sum / total * factor + offset;
}
if (d.C == 1u) {
  store_y(d.ITEM, 0u, h, w, dot(value, vec3f(0.299, 0.587, 0.114)));
} else {
  store_y(d.ITEM, 0u, h, w, select(value.r, value.b, d.BGR == 1u));
  store_y(d.ITEM, 1u, h, w, value.g);
  store_y(d.ITEM, 2u, h, w, select(value.b, value.r, d.BGR == 1u));
}`,
  });
}
