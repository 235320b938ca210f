/**
 * A picture becomes the network's input: cropped, resized, put in order, scaled and normalised, in one kernel on every
 * host.
 */
import { type Kernel, floatBits, grid, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface PrepareDims {
  /** The picture, and the part of it that is taken. */
  readonly PICTURE_W: number;
  readonly FROM_X: number;
  readonly FROM_Y: number;
  readonly FROM_W: number;
  readonly FROM_H: number;
  /** The network's input, and the part of it that the picture fills; the rest is 0, the mean. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly TO_X: number;
  readonly TO_Y: number;
  readonly TO_W: number;
  readonly TO_H: number;
  /** 1: channels are stored B, G, R. */
  readonly BGR: 0 | 1;
  /** Which item of the batch. */
  readonly ITEM: number;
}

/** Per channel in R, G, B order: `value · factor + offset`. Travel as the bits of f32. */
export interface PrepareScale {
  readonly factor: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
}

/** Where the picture's pixels lie. */
export type PictureIn = 'buffer' | 'texture';

const PICTURE: Readonly<Record<PictureIn, string>> = {
  buffer: `
@group(0) @binding(1) var<storage, read> picture: array<u32>;   // [PICTURE_H, PICTURE_W], RGBA in bytes
fn pixelAt(x: u32, y: u32) -> vec4f { return unpack4x8unorm(picture[y * d.PICTURE_W + x]); }`,
  texture: `
@group(0) @binding(1) var picture: texture_2d<f32>;
fn pixelAt(x: u32, y: u32) -> vec4f { return textureLoad(picture, vec2u(x, y), 0); }`,
};

/**
 * Bilinear with antialiasing, as Pillow's: a triangle as wide as the reduction, at least two pixels; weights are
 * normalised over the taps inside the picture. Transparent pixels lie on white. A grey input takes luma (ITU-R 601).
 * FROM may be in fractions of a pixel: it travels as f32 too. One invocation owns one pixel of all channels.
 */
export function prepare(d: PrepareDims, { factor, offset }: PrepareScale, pictureIn: PictureIn = 'buffer'): Kernel {
  const dims = {
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
  };
  return {
    name: 'prepare',
    dims,
    flops: 0,
    workgroups: grid(d.W * d.H, 1, 1),
    code: wgsl`
${uniform(dims)}
${PICTURE[pictureIn]}
@group(0) @binding(2) var<storage, read_write> y: array<f32>;   // [N, C, H, W]

fn colour(x: u32, y: u32) -> vec3f {
  let pixel = pixelAt(x, y);
  return mix(vec3f(1.0), pixel.rgb, pixel.a) * 255.0;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.W * d.H) { return; }
  let at = vec2u(id.x % d.W, id.x / d.W);
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
        row += weight * colour(u, v);
        along += weight;
      }
      sum += down * row;
      total += down * along;
    }
    let rgb = sum / total;
    value = rgb * bitcast<vec3f>(vec3u(d.FACTOR_R, d.FACTOR_G, d.FACTOR_B)) + bitcast<vec3f>(vec3u(d.OFFSET_R, d.OFFSET_G, d.OFFSET_B));
  }
  let plane = d.H * d.W;
  let base = d.ITEM * d.C * plane + id.x;
  if (d.C == 1u) {
    y[base] = dot(value, vec3f(0.299, 0.587, 0.114));
  } else {
    y[base] = select(value.r, value.b, d.BGR == 1u);
    y[base + plane] = value.g;
    y[base + 2u * plane] = select(value.b, value.r, d.BGR == 1u);
  }
}`,
  };
}
