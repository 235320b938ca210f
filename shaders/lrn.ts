/**
 * Local response normalization across channels (Krizhevsky et al. 2012, §3.3).
 *
 *   y[c] = x[c] · s[c]^−β,  s[c] = k + α/size · Σ_{c′ = c−BELOW}^{c+ABOVE} x[c′]²
 *
 * The way back reads x and s again. For each c′ whose window holds c:
 *
 *   dX[c] = dY[c] · s[c]^−β − 2αβ/size · x[c] · Σ_{c′ = c−ABOVE}^{c+BELOW} dY[c′] · x[c′] · s[c′]^(−β−1)
 */
import { type BackwardEpilogue, CHANNELS, gradientOf } from './epilogue';
import { type Kernel, eachPixel, kernel } from './kernel';
import { OVERFLOWED } from './overflow';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface LrnDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
  /** Channels of the window before and after its own. */
  readonly BELOW: number;
  readonly ABOVE: number;
  /** As the bits of f32s: α/size, β, k. */
  readonly ALPHA: number;
  readonly BETA: number;
  readonly K: number;
}

/**
 * One invocation owns one pixel × four channels. It also writes s, `scales`, for the way back; in lanes past C that is
 * 1.
 */
export function lrnForward(d: LrnDims, slices: Slices<'x' | 'y'>): Kernel {
  return kernel({
    name: 'lrnForward',
    dims: { ...d },
    slices,
    tensors: [
      reads('x', 'N C/4 H W', ANY_PRECISION),
      writes('y', 'N C/4 H W', ANY_PRECISION),
      writes('scales', 'N C/4 H W'),
    ],
    functions: CHANNELS + OVERFLOWED,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
let channels = channelsOf(b);
let begin = max(b * 4u, d.BELOW) - d.BELOW;
let end = min(b * 4u + 4u + d.ABOVE, d.C);
var squares = vec4f();
for (var c = begin; c < end; c++) {
  let value = load_x(n, c / 4u, h, w)[c % 4u];
  let inside = (vec4u(c + d.BELOW) >= channels) & (vec4u(c) <= channels + vec4u(d.ABOVE));
  squares += select(vec4f(), vec4f(value * value), inside);
}
let scale = select(vec4f(1.0), bitcast<f32>(d.K) + bitcast<f32>(d.ALPHA) * squares, channels < vec4u(d.C));
store_scales(n, b, h, w, scale);
let value = load_x(n, b, h, w) * pow(scale, vec4f(-bitcast<f32>(d.BETA)));
store_y(n, b, h, w, select(value, scale, overflowed(scale)));`,
  });
}

/** One invocation owns one pixel × four channels of dX. */
export function lrnBackward(d: LrnDims, slices: Slices<'x' | 'dX' | 'dY'>, epilogue: BackwardEpilogue): Kernel {
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'lrnBackward',
    dims: { ...d, ...gradient.dims },
    slices,
    tensors: [
      reads('dY', 'N C/4 H W'),
      reads('x', 'N C/4 H W', ANY_PRECISION),
      reads('scales', 'N C/4 H W'),
      ...gradient.tensors,
    ],
    functions: gradient.functions + CHANNELS,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
let beta = bitcast<f32>(d.BETA);
let channels = channelsOf(b);
let begin = max(b * 4u, d.ABOVE) - d.ABOVE;
let end = min(b * 4u + 4u + d.BELOW, d.C);
var sum = vec4f();
for (var c = begin; c < end; c++) {
  let lane = c % 4u;
  let scale = load_scales(n, c / 4u, h, w)[lane];
  let term = load_dY(n, c / 4u, h, w)[lane] * load_x(n, c / 4u, h, w)[lane] * pow(scale, -beta - 1.0);
  let holds = (vec4u(c + d.ABOVE) >= channels) & (vec4u(c) <= channels + vec4u(d.BELOW));
  sum += select(vec4f(), vec4f(term), holds);
}
let own = load_dY(n, b, h, w) * pow(load_scales(n, b, h, w), vec4f(-beta));
let value = own - 2.0 * beta * bitcast<f32>(d.ALPHA) * load_x(n, b, h, w) * sum;
storeGradient(n, b, h, w, value);`,
  });
}
