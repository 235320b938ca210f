/** The kernels of a function of one number, made from its record in `curves.ts`. */
import { CURVES, type Curve, type CurveName } from './curves';
import type { ElementwiseDims } from './elementwise';
import { type BackwardEpilogue, CHANNELS, gradientOf } from './epilogue';
import { type Kernel, STRIP, eachPixel, floatBits, kernel, stripsOf } from './kernel';
import { OVERFLOWED, inFloat32 } from './overflow';
import { ANY_PRECISION, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface ActivationDims extends ElementwiseDims {
  /** Channels. Lanes past them stay zero, whatever the function of zero is, and so does their gradient. */
  readonly C: number;
}

/** The parameters that are one number, by name. */
export type Values = Readonly<Record<string, number>>;

/** Fields that {@link parametersOf} needs in the uniform: the bits of an f32 for each parameter that is one number. */
const parameterDims = (values: Values): Record<string, number> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`P_${name.toUpperCase()}`, floatBits(inFloat32(value))]),
  );

/**
 * WGSL: `parameters(b)` of block `b`, what the record's expressions call `p`; `after` declares it as one more argument,
 * and `argument` hands it over. A parameter with a number per channel is read from a tensor of its name.
 */
function parametersOf({ parameters }: Curve) {
  const all = Object.entries(parameters);
  if (all.length === 0) return { tensors: [], code: '', after: '', argument: '' };
  const perChannel = all.filter(([, { perChannel }]) => perChannel).map(([name]) => name);
  const fields = all.map(([name, { perChannel }]) => `${name}: ${perChannel ? 'vec4f' : 'f32'}`);
  const values = all.map(([name, { perChannel }]) =>
    perChannel ? `${name}[b]` : `bitcast<f32>(d.P_${name.toUpperCase()})`,
  );
  const code = `
struct Parameters { ${fields.join(', ')} }
fn parameters(b: u32) -> Parameters {
  return Parameters(${values.join(', ')});
}`;
  return {
    tensors: perChannel.map((name) => reads(name, 'C/4')),
    code,
    after: ', p: Parameters',
    argument: ', parameters(b)',
  };
}

/** The bit of each element, where ReLU bits would be. */
const MASK = ['mask', 'N C/4 H STRIPS', { element: 'u32' }] as const;

/**
 * y = f(x). One invocation owns a strip, so that it can write its word of bits. Bindings: x y [mask], and the
 * parameters with a number per channel.
 */
export function activationForward(
  name: CurveName,
  d: ActivationDims,
  values: Values,
  slices: Slices<'x' | 'y'>,
): Kernel {
  const curve: Curve = CURVES[name];
  const straight = curve.bit !== undefined;
  const { tensors, code, after, argument } = parametersOf(curve);
  return kernel({
    name: `${name}Forward`,
    dims: { ...d, ...parameterDims(values), STRIPS: stripsOf(d.W) },
    slices,
    tensors: [
      reads('x', 'N C/4 H W', ANY_PRECISION),
      writes('y', 'N C/4 H W', ANY_PRECISION),
      straight && writes(...MASK),
      ...tensors,
    ],
    functions: wgsl`
${CHANNELS}
${OVERFLOWED}
${code}
${(curve.uses ?? []).join('')}

fn f(x: vec4f${after}) -> vec4f {
  return select(${curve.value}, x, overflowed(x));
}
#if ${straight}
fn bitOf(x: vec4f${after}) -> vec4<bool> {
  return ${curve.bit ?? ''};
}
#endif`,
    each: eachPixel({ h: 'H', strip: 'STRIPS' }),
    body: wgsl`
let within = channelsOf(b) < vec4u(d.C);
var word = 0u;
for (var j = 0u; j < ${STRIP}u; j++) {
  let w = strip * ${STRIP}u + j;
  if (w >= d.W) { break; }
  let value = load_x(n, b, h, w);
  store_y(n, b, h, w, select(vec4f(), f(value${argument}), within));
#if ${straight}
  word |= dot(vec4u(bitOf(value${argument})), vec4u(1u, 2u, 4u, 8u)) << (4u * j);
#endif
}
#if ${straight}
store_mask(n, b, h, strip, word);
#endif`,
  });
}

/**
 * dX = dY · f′(x), by the mask or by x itself. Bindings: dY dX [bits], mask or x, and the
 * parameters with a number per channel.
 */
export function activationBackward(
  name: CurveName,
  d: ActivationDims,
  values: Values,
  slices: Slices<'x' | 'dX' | 'dY'>,
  epilogue: BackwardEpilogue,
): Kernel {
  const curve: Curve = CURVES[name];
  const straight = curve.bit !== undefined;
  const { tensors, code, after, argument } = parametersOf(curve);
  const gradient = gradientOf(epilogue);
  const slope = straight
    ? `
fn slopeBy(high: vec4<bool>${after}) -> vec4f {
  return select(${curve.low}, ${curve.high}, high);
}`
    : `
${(curve.uses ?? []).join('')}
fn slopeAt(x: vec4f${after}) -> vec4f {
  return ${curve.slope};
}`;
  return kernel({
    name: `${name}Backward`,
    dims: { ...d, ...parameterDims(values), STRIPS: stripsOf(d.W), ...gradient.dims },
    slices,
    tensors: [
      reads('dY', 'N C/4 H W'),
      straight ? reads(...MASK) : reads('x', 'N C/4 H W', ANY_PRECISION),
      ...gradient.tensors,
      ...tensors,
    ],
    functions: gradient.functions + CHANNELS + code + slope,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
let dy = load_dY(n, b, h, w);
#if ${straight}
let word = load_mask(n, b, h, w / ${STRIP}u) >> (w % ${STRIP}u * 4u);
let high = (vec4u(word) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
let value = dy * slopeBy(high${argument});
#else
let value = dy * slopeAt(load_x(n, b, h, w)${argument});
#endif
storeGradient(n, b, h, w, select(vec4f(), value, channelsOf(b) < vec4u(d.C)));`,
  });
}
