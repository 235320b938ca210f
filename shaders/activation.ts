/**
 * Functions of one number, applied to every element. Those of straight pieces keep one bit per element for the way
 * back, as ReLUs do; the curved ones keep nothing and read their input again.
 */
import { type BackwardEpilogue, epilogueDims, giveFunction } from './epilogue';
import type { ElementwiseDims, Place } from './elementwise';
import { type Kernel, STRIP, grid, stripsOf, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface ActivationDims extends ElementwiseDims {
  /** Channels; lanes past them stay zero, whatever the function of zero is. */
  readonly C: number;
  /** Up to two parameters of the function, as the bits of an f32. */
  readonly A: number;
  readonly B: number;
}

/** `low` and `high`: the derivative where the bit is 0 and where it is 1. `slope` is a number per channel. */
interface Straight {
  readonly value: string;
  readonly bit: string;
  readonly low: string;
  readonly high: string;
}
interface Curved {
  readonly value: string;
  readonly derivative: string;
}

// Every expression is a vec4f (or vec4<bool>) in x, a, b, and with `prelu` slope.
const STRAIGHT = {
  clip: {
    value: 'min(max(x, vec4f(a)), vec4f(b))',
    bit: '(x > vec4f(a)) & (x < vec4f(b))',
    low: 'vec4f()',
    high: 'vec4f(1.0)',
  },
  leakyRelu: { value: 'select(a * x, x, x > vec4f())', bit: 'x > vec4f()', low: 'vec4f(a)', high: 'vec4f(1.0)' },
  prelu: { value: 'select(slope * x, x, x > vec4f())', bit: 'x > vec4f()', low: 'slope', high: 'vec4f(1.0)' },
  hardSigmoid: {
    value: 'clamp(a * x + b, vec4f(), vec4f(1.0))',
    bit: '(a * x + b > vec4f()) & (a * x + b < vec4f(1.0))',
    low: 'vec4f()',
    high: 'vec4f(a)',
  },
} satisfies Record<string, Straight>;

// exp is only taken of what is not positive: WGSL leaves infinities undefined.
const LOGISTIC = `
fn logistic(x: vec4f) -> vec4f {
  let t = exp(-abs(x));
  return select(t, vec4f(1.0), x >= vec4f()) / (1.0 + t);
}`;
// exp(x) − 1 for x ≤ 0; near 0 by its series, where the difference would cancel.
const EXPM1 = `
fn expm1(x: vec4f) -> vec4f {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
  return select(exp(x) - 1.0, series, x > vec4f(-0.1));
}`;

const CURVED = {
  sigmoid: { value: 'logistic(x)', derivative: 'logistic(x) * logistic(-x)' },
  swish: { value: 'x * logistic(x)', derivative: 'logistic(x) * (1.0 + x * logistic(-x))' },
  elu: {
    value: 'select(a * expm1(min(x, vec4f())), x, x > vec4f())',
    derivative: 'select(a * exp(min(x, vec4f())), vec4f(1.0), x > vec4f())',
  },
  // lanes past the last channel hold 0, and have to stay finite on the way back
  sqrt: { value: 'sqrt(x)', derivative: 'select(0.5 / sqrt(x), vec4f(), x <= vec4f())' },
  reciprocal: { value: '1.0 / x', derivative: 'select(-(1.0 / x) * (1.0 / x), vec4f(), x == vec4f())' },
  hardSwish: {
    value: 'x * clamp(x / 6.0 + 0.5, vec4f(), vec4f(1.0))',
    derivative: 'select(select(x / 3.0 + 0.5, vec4f(), x <= vec4f(-3.0)), vec4f(1.0), x >= vec4f(3.0))',
  },
} satisfies Record<string, Curved>;

export type StraightName = keyof typeof STRAIGHT;
export type CurvedName = keyof typeof CURVED;

export const isStraight = (name: string): name is StraightName => name in STRAIGHT;

const parameters = (name: string): string => `  let a = bitcast<f32>(d.A);
  let b = bitcast<f32>(d.B);
${name === 'prelu' ? '  let slope = slopes[id.y];' : ''}`;

/** WGSL: `within(c)`, which lanes of block c hold channels. */
const WITHIN = `
fn within(block: u32) -> vec4<bool> { return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(d.C); }`;

/**
 * y = f(x). One invocation owns a strip, so that it can write its word of bits: `mask` has the bit of each element, in
 * the places of ReLU bits. Bindings: x y [mask] [slopes].
 */
export function activationForward(
  name: StraightName | CurvedName,
  d: ActivationDims,
  [xBlock, xBlocks]: Place,
): Kernel {
  const dims = { ...d, X_BLOCK: xBlock, X_BLOCKS: xBlocks, STRIPS: stripsOf(d.W) };
  const straight = isStraight(name);
  return {
    name: `${name}Forward`,
    dims,
    flops: 0,
    workgroups: grid(dims.STRIPS * d.H, d.BLOCKS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;          // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;    // [N, C/4, H, W]
#if ${straight}
@group(0) @binding(3) var<storage, read_write> mask: array<u32>;   // [N, C/4, H, W/8]
#endif
#if ${name === 'prelu'}
@group(0) @binding(4) var<storage, read> slopes: array<vec4f>;     // [C/4]
#endif
${WITHIN}
${straight ? '' : LOGISTIC + EXPM1}

fn f(x: vec4f, a: f32, b: f32, slope: vec4f) -> vec4f { return ${straight ? STRAIGHT[name].value : CURVED[name].value}; }
#if ${straight}
fn bitOf(x: vec4f, a: f32, b: f32) -> vec4<bool> { return ${straight ? STRAIGHT[name].bit : ''}; }
#endif

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.STRIPS * d.H) { return; }
${parameters(name)}
#if ${name !== 'prelu'}
  let slope = vec4f();
#endif
  let h = id.x / d.STRIPS;
  let strip = id.x % d.STRIPS;
  let source = ((id.z * d.X_BLOCKS + d.X_BLOCK + id.y) * d.H + h) * d.W;
  let place = ((id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y) * d.H + h) * d.W;
  var word = 0u;
  for (var j = 0u; j < ${STRIP}u; j++) {
    let w = strip * ${STRIP}u + j;
    if (w >= d.W) { break; }
    let value = x[source + w];
    y[place + w] = select(vec4f(), f(value, a, b, slope), within(id.y));
#if ${straight}
    word |= dot(vec4u(bitOf(value, a, b)), vec4u(1u, 2u, 4u, 8u)) << (4u * j);
#endif
  }
#if ${straight}
  mask[((id.z * d.BLOCKS + id.y) * d.H + h) * d.STRIPS + strip] = word;
#endif
}`,
  };
}

/**
 * dX = dY · f′(x), by the mask or by x itself. `dX`'s place is `Y_…` of `d`. Bindings: dY dX [bits], and mask [slopes]
 * or x.
 */
export function activationBackward(
  name: StraightName | CurvedName,
  d: ActivationDims,
  [dYBlock, dYBlocks]: Place,
  [xBlock, xBlocks]: Place,
  epilogue: BackwardEpilogue,
): Kernel {
  const dims = {
    ...d,
    DY_BLOCK: dYBlock,
    DY_BLOCKS: dYBlocks,
    X_BLOCK: xBlock,
    X_BLOCKS: xBlocks,
    STRIPS: stripsOf(d.W),
    ...epilogueDims(epilogue),
  };
  const straight = isStraight(name);
  return {
    name: `${name}Backward`,
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, d.BLOCKS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;         // [N, C/4, H, W]
#if ${straight}
@group(0) @binding(2) var<storage, read> mask: array<u32>;         // [N, C/4, H, W/8]
#else
@group(0) @binding(2) var<storage, read> x: array<vec4f>;          // [N, C/4, H, W]
#endif
${giveFunction(3, epilogue)}
#if ${name === 'prelu'}
@group(0) @binding(6) var<storage, read> slopes: array<vec4f>;     // [C/4]
#endif
${straight ? '' : LOGISTIC}

fn derivative(x: vec4f, a: f32) -> vec4f { return ${straight ? 'x' : CURVED[name].derivative}; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
${parameters(name)}
  let h = id.x / d.W;
  let w = id.x % d.W;
  let dy = dY[(id.z * d.DY_BLOCKS + d.DY_BLOCK + id.y) * d.H * d.W + id.x];
#if ${straight}
  let word = mask[((id.z * d.BLOCKS + id.y) * d.H + h) * d.STRIPS + w / ${STRIP}u] >> (w % ${STRIP}u * 4u);
  let high = (vec4u(word) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
  let value = dy * select(${straight ? STRAIGHT[name].low : ''}, ${straight ? STRAIGHT[name].high : ''}, high);
#else
  let value = dy * derivative(x[(id.z * d.X_BLOCKS + d.X_BLOCK + id.y) * d.H * d.W + id.x], a);
#endif
  give(id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y, h, w, value);
}`,
  };
}
