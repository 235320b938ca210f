/**
 * The ReLU as an epilogue: forward kernels rectify what they store and keep one bit per element, backward kernels multiply what
 * they store by the bits of the tensor that they write the gradient of. So each element is masked once, after all its readers
 * have been summed, and ReLU costs no pass of its own.
 *
 * A word of bits covers one strip: bit `4·(w mod 8) + lane`.
 */
import { wgsl } from './wgsl';

/**
 * How a backward kernel treats the tensor whose gradient it stores:
 * `none` it was not rectified · `bits` by the stored bits · `sign` the bits are implied, since every reader is a max-pool, whose
 * dead windows give nothing back; only the sign rule of guided and deconvnet is left.
 */
export type Gate = 'none' | 'bits' | 'sign';

/** WGSL: `rectify(v)`, where value and bit agree even for a NaN, and `signs(v)`, the four bits of a pixel. */
export const RECTIFY = `
fn rectify(v: vec4f) -> vec4f { return select(vec4f(), v, v > vec4f()); }
fn signs(v: vec4f) -> u32 { return dot(vec4u(v > vec4f()), vec4u(1u, 2u, 4u, 8u)); }`;

/**
 * WGSL: `gated(g, bits)`, the gradient `g` of a rectified pixel under the rule in force (§4 of the paper; three rules, one code):
 *
 *   gradient  g·[x > 0]   ·   deconvnet  g·[g > 0]   ·   guided  g·[x > 0]·[g > 0]
 *
 * The rule is a uniform, so that changing it neither compiles nor allocates.
 */
export function gateFunction(gate: Gate, binding: number): string {
  if (gate === 'none') return '';
  return wgsl`
struct Rule { ignoreInput: u32, testGradient: u32, probability: u32, unused: u32 }
@group(0) @binding(${binding}) var<uniform> rule: Rule;
fn gated(g: vec4f, bits: u32) -> vec4f {
  let lit = (vec4u(bits) & vec4u(1u, 2u, 4u, 8u)) != vec4u();
  let open = lit | vec4<bool>(rule.ignoreInput != 0u);
  let kept = (g > vec4f()) | vec4<bool>(rule.testGradient == 0u);
  return select(vec4f(), g, open & kept);
}`;
}

/** What every backward kernel does as it stores. */
export interface BackwardEpilogue {
  /** Add to what is stored, since another reader of the tensor was there before. */
  readonly accumulate: boolean;
  readonly gate: Gate;
}

/** WGSL: stores the gradient of one pixel with the epilogue of every backward kernel. */
export function storeGradient(index: string, value: string, bits: string, { accumulate, gate }: BackwardEpilogue, target = 'y'): string {
  const sum = accumulate ? `${target}[${index}] + ${value}` : value;
  return `${target}[${index}] = ${gate === 'none' ? sum : `gated(${sum}, ${bits})`};`;
}
