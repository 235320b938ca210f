/** A map per frame: gradients to a plane of numbers, their scale, and colours, all where they lie. */
import { type Kernel, floatBits, kernel } from './kernel';
import { type ChannelRule, valueAt } from './overChannels';
import type { Placement } from './placement';
import { decodeSrgb, encodeSrgb } from './prepare';
import { type Declaration, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface MapDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
}

const F32 = { element: 'f32' } as const;
/** Of each item: the value that takes the last colour, and 1 once there was a map. */
const STATE = 'state';
const STATE_ELEMENT = { element: 'vec2f' } as const;

/**
 *   map[n, h, w] = M                      of a first frame, M = max_c |gradient[n, c, h, w]| (or a sum over c)
 *                = (1 − s) · M + s · map  of those after it, with the smoothing s
 *
 * One invocation owns one pixel. Bindings: gradient state map.
 */
export function mapOf(d: MapDims, { channels, smoothing }: { channels: ChannelRule; smoothing: number }): Kernel {
  return kernel({
    name: 'mapOf',
    dims: { ...d, ...(smoothing > 0 ? { SMOOTHING: floatBits(smoothing) } : {}) },
    tensors: [
      reads('gradient', 'N C H W', F32),
      smoothing > 0 && reads(STATE, 'N', STATE_ELEMENT),
      writes('map', 'N H W', F32),
    ],
    functions: valueAt(channels),
    each: { x: { h: 'H', w: 'W' }, z: { n: 'N' } },
    body: wgsl`
var value = valueAt(n, vec2u(w, h));
#if ${smoothing > 0}
if (load_state(n).y > 0.0) { value = mix(value, load_map(n, h, w), bitcast<f32>(d.SMOOTHING)); }
#endif
store_map(n, h, w, value);`,
  });
}

/** What the last colour stands for: a value, or a percentile of |map|, which may fall by a share per frame at most. */
export type Scale = number | { readonly percentile: number; readonly keeps: number };

const LANES = 256;

/**
 *   state[n].x = the percentile of |map[n]|, between neighbours in proportion; at least `keeps` times what it was
 *
 * A workgroup owns an item. The bits of positive floats are ordered as the floats are, so four histograms of eight bits
 * each find the value of a rank exactly, whatever the range. Counts are whole numbers: the same bits in every run.
 * Bindings: map state.
 */
export function scaleOf({ N, H, W }: MapDims, scale: Scale): Kernel {
  const fixed = typeof scale === 'number';
  const { percentile, keeps } = fixed ? { percentile: 0, keeps: 0 } : scale;
  const at = (percentile / 100) * (H * W - 1);
  return kernel({
    name: 'scaleOf',
    dims: {
      N,
      H,
      W,
      ...(fixed
        ? { FIXED: floatBits(scale) }
        : { RANK: Math.floor(at), PART: floatBits(at - Math.floor(at)), KEEPS: floatBits(keeps) }),
    },
    tensors: [!fixed && reads('map', 'N H W', F32), writes(STATE, 'N', STATE_ELEMENT)],
    functions: fixed
      ? ''
      : `
var<workgroup> counts: array<atomic<u32>, ${LANES}>;
var<workgroup> bitsSoFar: u32;
var<workgroup> rank: u32;
var<workgroup> beyond: atomic<u32>;

fn bitsOf(i: u32) -> u32 { return bitcast<u32>(abs(load_map_at(i))); }`,
    workgroups: [N, 1, 1],
    workgroupSize: [fixed ? 1 : LANES],
    takes: fixed ? ['group'] : ['group', 'me'],
    body: wgsl`
let n = group.x;
#if ${fixed}
store_state(n, vec2f(bitcast<f32>(d.FIXED), 1.0));
#else
let first = n * d.H * d.W;
let end = first + d.H * d.W;
if (me == 0u) {
  bitsSoFar = 0u;
  rank = d.RANK;
  atomicStore(&beyond, 0xffffffffu);
}
for (var turn = 0u; turn < 4u; turn++) {
  let shift = 24u - 8u * turn;
  let known = select(0xffffffffu << (shift + 8u), 0u, turn == 0u);
  atomicStore(&counts[me], 0u);
  workgroupBarrier();
  for (var i = first + me; i < end; i += ${LANES}u) {
    let bits = bitsOf(i);
    if ((bits & known) == bitsSoFar) { atomicAdd(&counts[(bits >> shift) & 255u], 1u); }
  }
  workgroupBarrier();
  if (me == 0u) {
    var digit = 0u;
    for (; digit < 255u; digit++) {
      let count = atomicLoad(&counts[digit]);
      if (rank < count) { break; }
      rank -= count;
    }
    bitsSoFar |= digit << shift;
  }
  workgroupBarrier();
}
for (var i = first + me; i < end; i += ${LANES}u) {
  let bits = bitsOf(i);
  if (bits > bitsSoFar) { atomicMin(&beyond, bits); }
}
workgroupBarrier();
if (me == 0u) {
  let low = bitcast<f32>(bitsSoFar);
  let next = atomicLoad(&beyond);
  let isLast = rank + 1u < atomicLoad(&counts[bitsSoFar & 255u]) || next == 0xffffffffu;
  let high = select(bitcast<f32>(next), low, isLast);
  let value = low + (high - low) * bitcast<f32>(d.PART);
  let before = load_state(n);
  store_state(n, vec2f(max(value, before.x * before.y * bitcast<f32>(d.KEEPS)), 1.0));
}
#endif`,
  });
}

/** What maps are drawn to: bytes in a buffer, or a texture of one of these formats. */
export const MAP_FORMATS = ['rgba8unorm', 'bgra8unorm', 'rgba16float', 'rgba32float'] as const;
export type MapFormat = (typeof MAP_FORMATS)[number];

/**
 * The placement is that of the map in the output: FROM in the output's pixels, TO in the map's. FROM travels as f32.
 */
export interface ColourDims extends Placement {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly OUT_H: number;
  readonly OUT_W: number;
}

export interface ColourForm {
  readonly to: 'bytes' | MapFormat;
  /** Whether ½ of the colours stands for zero. */
  readonly centred: boolean;
  readonly steps: number;
  /** Whether linear light is written. */
  readonly linear: boolean;
  /** Of a texture: whether its last row is the top one. */
  readonly flipY: boolean;
  /** Opaque if it is left out. */
  readonly opacity?: Opacity | undefined;
  /** The picture below. */
  readonly overlay?: Overlay | undefined;
}

/** As opaque as the map is strong. */
export interface Opacity {
  /** Where the map is strongest. */
  readonly alpha: number;
  /** Of what is alone: whether its colours are multiplied by its opacity. */
  readonly premultiplied: boolean;
}

export interface Overlay {
  readonly in: 'texture' | 'external';
  readonly width: number;
  readonly height: number;
  readonly linear: boolean;
}

/**
 *   out[n, y, x] = colours[map there / state[n].x], alone or over the picture; opaque, or as opaque as the map is
 *                  strong, up to ALPHA; transparent where the map shows nothing
 *
 * Bilinear between the map's pixels, and the picture's, centres on centres. One invocation owns one pixel of the
 * output. Bindings: map state colours [picture] out.
 */
export function colourMap(d: ColourDims, { to, centred, steps, linear, flipY, opacity, overlay }: ColourForm): Kernel {
  const { FROM_X, FROM_Y, FROM_W, FROM_H, ...whole } = d;
  const floats = { FROM_X, FROM_Y, FROM_W, FROM_H };
  const out: Declaration =
    to === 'bytes'
      ? writes('out', 'N OUT_H OUT_W', { element: 'u32' })
      : { kind: 'storage-texture', name: 'out', format: to };
  const look: Record<string, number> = {
    ...(opacity && { ALPHA: floatBits(opacity.alpha) }),
    ...(overlay && { PICTURE_W: overlay.width, PICTURE_H: overlay.height, LINEAR: overlay.linear ? 1 : 0 }),
  };
  return kernel({
    name: 'colourMap',
    dims: { ...whole, ...Object.fromEntries(Object.entries(floats).map(([k, v]) => [k, floatBits(v)])), ...look },
    tensors: [
      reads('map', 'N H W', F32),
      reads(STATE, 'N', STATE_ELEMENT),
      reads('colours', String(steps), { element: 'u32' }),
      overlay !== undefined && { kind: overlay.in, name: 'picture' },
      out,
    ],
    functions: `${linear ? decodeSrgb : ''}${
      overlay
        ? `${encodeSrgb}

fn pixelOf(x: u32, y: u32) -> vec3f {
  let pixel = textureLoad(picture, vec2u(x, y)${overlay.in === 'texture' ? ', 0' : ''}).rgb;
  return select(pixel, encodeSrgb(pixel), d.LINEAR == 1u);
}

fn pictureAt(part: vec2f) -> vec3f {
  let size = vec2u(d.PICTURE_W, d.PICTURE_H);
  let at = clamp(part * vec2f(size) - 0.5, vec2f(), vec2f(size - 1u));
  let whole = floor(at);
  let share = at - whole;
  let low = vec2u(whole);
  let high = min(low + 1u, size - 1u);
  let above = mix(pixelOf(low.x, low.y), pixelOf(high.x, low.y), share.x);
  let below = mix(pixelOf(low.x, high.y), pixelOf(high.x, high.y), share.x);
  return mix(above, below, share.y);
}`
        : ''
    }`,
    each: { x: { h: 'OUT_H', w: 'OUT_W' }, z: { n: 'N' } },
    body: wgsl`
let place = vec2f(f32(w), f32(h)) + 0.5;
let begin = vec2f(bitcast<f32>(d.FROM_X), bitcast<f32>(d.FROM_Y));
let size = vec2f(bitcast<f32>(d.FROM_W), bitcast<f32>(d.FROM_H));
let inside = (place - begin) / size;
let shown = all(inside >= vec2f(0.0)) && all(inside <= vec2f(1.0));
let corner = vec2u(d.TO_X, d.TO_Y);
let last = corner + vec2u(d.TO_W, d.TO_H) - 1u;
let at = clamp(vec2f(corner) + inside * vec2f(f32(d.TO_W), f32(d.TO_H)) - 0.5, vec2f(corner), vec2f(last));
let low = vec2u(at);
let high = min(low + 1u, last);
let part = at - floor(at);
let above = mix(load_map(n, low.y, low.x), load_map(n, low.y, high.x), part.x);
let below = mix(load_map(n, high.y, low.x), load_map(n, high.y, high.x), part.x);
let clip = load_state(n).x;
var share = 0.0;
if (clip > 0.0) { share = mix(above, below, part.y) / clip; }
var opacity = select(0.0, 1.0, shown);
#if ${opacity !== undefined}
opacity *= bitcast<f32>(d.ALPHA) * min(1.0, abs(share));
#endif
#if ${centred}
share = 0.5 + share / 2.0;
#endif
let level = u32(floor(clamp(share, 0.0, 1.0) * ${steps - 1}.0 + 0.5));
let colour = unpack4x8unorm(load_colours_at(level)).rgb;
#if ${overlay !== undefined}
let under = pictureAt(place / vec2f(f32(d.OUT_W), f32(d.OUT_H)));
var pixel = vec4f(mix(under, colour, opacity), 1.0);
#else
var pixel = select(vec4f(), vec4f(colour, opacity), shown);
#endif
#if ${linear}
pixel = vec4f(decodeSrgb(pixel.rgb), pixel.a);
#endif
#if ${opacity?.premultiplied === true}
pixel = vec4f(pixel.rgb * pixel.a, pixel.a);
#endif
#if ${to === 'bytes'}
store_out(n, h, w, pack4x8unorm(pixel));
#elif ${flipY}
textureStore(out, vec2u(w, d.OUT_H - 1u - h), pixel);
#else
textureStore(out, vec2u(w, h), pixel);
#endif`,
  });
}
