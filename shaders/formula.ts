/** The kernels of a function of several numbers, made from its record in `formulas.ts`. */
import type { ElementwiseDims } from './elementwise';
import { type BackwardEpilogue, CHANNELS, gradientOf } from './epilogue';
import { type FormulaName, formulaOf, slopeOf } from './formulas';
import { type Kernel, eachPixel, kernel } from './kernel';
import { OVERFLOWED } from './overflow';
import { ANY_PRECISION, type SliceOf, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface FormulaDims extends ElementwiseDims {
  /** Channels. Lanes past them stay zero, whatever the function of zeros is, and so does their gradient. */
  readonly C: number;
}

// input k is the tensor `xk`, since `b` counts blocks
const parameters = (name: FormulaName, read: readonly number[]): string =>
  read.map((k) => `${formulaOf(name).inputs[k]}: vec4f`).join(', ');
const loads = (read: readonly number[]): string => read.map((k) => `load_x${k}(n, b, h, w)`).join(', ');
const tensorsOf = (read: readonly number[]) => read.map((k) => reads(`x${k}`, 'N C/4 H W', ANY_PRECISION));

/** y = f(a, b). One invocation owns one pixel × four channels. Bindings: x0 x1 … y. */
export function formulaForward(name: FormulaName, d: FormulaDims, slices: Readonly<Record<string, SliceOf>>): Kernel {
  const { inputs, uses, value } = formulaOf(name);
  const all = [...inputs.keys()];
  return kernel({
    name: `${name}Forward`,
    dims: { ...d },
    slices,
    tensors: [...tensorsOf(all), writes('y', 'N C/4 H W', ANY_PRECISION)],
    functions: wgsl`
${CHANNELS}
${OVERFLOWED}
${uses.join('')}
fn f(${parameters(name, all)}) -> vec4f {
  return ${inputs.reduce((result, input) => `select(${result}, ${input}, overflowed(${input}))`, value)};
}`,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
let value = f(${loads(all)});
store_y(n, b, h, w, select(vec4f(), value, channelsOf(b) < vec4u(d.C)));`,
  });
}

/** dX = dY · ∂f/∂x, where x is input `k`. Bindings: dY, those of x0 x1 … that this is made of, dX [bits]. */
export function formulaBackward(
  name: FormulaName,
  k: number,
  d: FormulaDims,
  slices: Readonly<Record<string, SliceOf>>,
  epilogue: BackwardEpilogue,
): Kernel {
  const { slope, read } = slopeOf(name, k);
  const gradient = gradientOf(epilogue);
  return kernel({
    name: `${name}Backward`,
    dims: { ...d, ...gradient.dims },
    slices,
    tensors: [reads('dY', 'N C/4 H W'), ...tensorsOf(read), ...gradient.tensors],
    functions: wgsl`
${gradient.functions}
${CHANNELS}
${formulaOf(name).uses.join('')}
fn slope(${parameters(name, read)}) -> vec4f {
  return ${slope};
}`,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
let value = load_dY(n, b, h, w) * slope(${loads(read)});
storeGradient(n, b, h, w, select(vec4f(), value, channelsOf(b) < vec4u(d.C)));`,
  });
}
