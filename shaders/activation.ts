/** The kernels of a function of one number, made from its record in `curves.ts`. */
import { CURVES, type Curve, type CurveName, LARGEST } from './curves';
import type { ElementwiseDims, Place } from './elementwise';
import { type BackwardEpilogue, epilogueDims, giveFunction } from './epilogue';
import { type Kernel, STRIP, floatBits, grid, lines, stripsOf, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface ActivationDims extends ElementwiseDims {
  /** Channels; lanes past them stay zero, whatever the function of zero is. */
  readonly C: number;
}

/** The parameters that are one number, by name. */
export type Values = Readonly<Record<string, number>>;

/** Fields that {@link parametersOf} needs in the uniform: the bits of an f32 for each parameter that is one number. */
const parameterDims = (values: Values): Record<string, number> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `P_${name.toUpperCase()}`,
      floatBits(Math.max(-LARGEST, Math.min(value, LARGEST))),
    ]),
  );

/**
 * WGSL: `parameters(block)`, what the record's expressions call `p`; `after` declares it as one more argument. A
 * parameter with a number per channel is read from a binding of its name, the first of them number `binding`.
 */
function parametersOf({ parameters }: Curve, binding: number) {
  const all = Object.entries(parameters);
  if (all.length === 0) return { code: '', after: '', argument: '' };
  const perChannel = all.filter(([, { perChannel }]) => perChannel).map(([name]) => name);
  const code = `
struct Parameters { ${all.map(([name, { perChannel }]) => `${name}: ${perChannel ? 'vec4f' : 'f32'}`).join(', ')} }
${lines(perChannel.length, (k) => `@group(0) @binding(${binding + k}) var<storage, read> ${perChannel[k]}: array<vec4f>; // [C/4]`)}
fn parameters(block: u32) -> Parameters {
  return Parameters(${all.map(([name, { perChannel }]) => (perChannel ? `${name}[block]` : `bitcast<f32>(d.P_${name.toUpperCase()})`)).join(', ')});
}`;
  return { code, after: ', p: Parameters', argument: ', parameters(id.y)' };
}

/** WGSL: `within(c)`, which lanes of block c hold channels. */
const WITHIN = `
fn within(block: u32) -> vec4<bool> { return vec4u(block * 4u) + vec4u(0u, 1u, 2u, 3u) < vec4u(d.C); }`;

/**
 * y = f(x). One invocation owns a strip, so that it can write its word of bits: `mask` has the bit of each element, in
 * the places of ReLU bits. Bindings: x y [mask], and the parameters with a number per channel.
 */
export function activationForward(
  name: CurveName,
  d: ActivationDims,
  values: Values,
  [xBlock, xBlocks]: Place,
): Kernel {
  const dims = { ...d, ...parameterDims(values), X_BLOCK: xBlock, X_BLOCKS: xBlocks, STRIPS: stripsOf(d.W) };
  const curve: Curve = CURVES[name];
  const straight = curve.bit !== undefined;
  const parameters = parametersOf(curve, 4);
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
${parameters.code}
${WITHIN}
${(curve.uses ?? []).join('')}

fn f(x: vec4f${parameters.after}) -> vec4f { return ${curve.value}; }
#if ${straight}
fn bitOf(x: vec4f${parameters.after}) -> vec4<bool> { return ${curve.bit ?? ''}; }
#endif

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.STRIPS * d.H) { return; }
  let h = id.x / d.STRIPS;
  let strip = id.x % d.STRIPS;
  let source = ((id.z * d.X_BLOCKS + d.X_BLOCK + id.y) * d.H + h) * d.W;
  let place = ((id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y) * d.H + h) * d.W;
  var word = 0u;
  for (var j = 0u; j < ${STRIP}u; j++) {
    let w = strip * ${STRIP}u + j;
    if (w >= d.W) { break; }
    let value = x[source + w];
    y[place + w] = select(vec4f(), f(value${parameters.argument}), within(id.y));
#if ${straight}
    word |= dot(vec4u(bitOf(value${parameters.argument})), vec4u(1u, 2u, 4u, 8u)) << (4u * j);
#endif
  }
#if ${straight}
  mask[((id.z * d.BLOCKS + id.y) * d.H + h) * d.STRIPS + strip] = word;
#endif
}`,
  };
}

/**
 * dX = dY · f′(x), by the mask or by x itself. `dX`'s place is `Y_…` of `d`. Bindings: dY dX [bits], mask or x, and the
 * parameters with a number per channel.
 */
export function activationBackward(
  name: CurveName,
  d: ActivationDims,
  values: Values,
  { dY: [dYBlock, dYBlocks], x: [xBlock, xBlocks] }: { readonly dY: Place; readonly x: Place },
  epilogue: BackwardEpilogue,
): Kernel {
  const dims = {
    ...d,
    ...parameterDims(values),
    DY_BLOCK: dYBlock,
    DY_BLOCKS: dYBlocks,
    X_BLOCK: xBlock,
    X_BLOCKS: xBlocks,
    STRIPS: stripsOf(d.W),
    ...epilogueDims(epilogue),
  };
  const curve: Curve = CURVES[name];
  const straight = curve.bit !== undefined;
  const parameters = parametersOf(curve, 6);
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
${parameters.code}
#if ${straight}
fn slopeBy(high: vec4<bool>${parameters.after}) -> vec4f {
  return select(${curve.bit === undefined ? '' : `${curve.low}, ${curve.high}`}, high);
}
#else
${(curve.uses ?? []).join('')}
fn slopeAt(x: vec4f${parameters.after}) -> vec4f { return ${curve.bit === undefined ? curve.slope : ''}; }
#endif

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let h = id.x / d.W;
  let w = id.x % d.W;
  let dy = dY[(id.z * d.DY_BLOCKS + d.DY_BLOCK + id.y) * d.H * d.W + id.x];
#if ${straight}
  let word = mask[((id.z * d.BLOCKS + id.y) * d.H + h) * d.STRIPS + w / ${STRIP}u] >> (w % ${STRIP}u * 4u);
  let high = (vec4u(word) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
  let value = dy * slopeBy(high${parameters.argument});
#else
  let value = dy * slopeAt(x[(id.z * d.X_BLOCKS + d.X_BLOCK + id.y) * d.H * d.W + id.x]${parameters.argument});
#endif
  give(id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y, h, w, value);
}`,
  };
}
