/**
 * Functions of one number, applied to every element: one record each, from which all else about them follows (node,
 * kernels, schema, ONNX entry, words). Those of straight pieces keep one bit per element for the way back, as ReLUs do;
 * curved ones keep nothing and read their input again.
 *
 * Every expression is WGSL of type `vec4f` (a `bit` of type `vec4<bool>`) in `x`, and in `p.name` for each parameter.
 */
import {
  ARCOSH,
  ARC_SINE,
  ARC_TANGENT,
  ARSINH,
  ARTANH,
  ARTANH_TAIL,
  ERF,
  EXPM1,
  EXPONENTIAL,
  EXP_TAIL,
  HYPERBOLIC_COSINE,
  HYPERBOLIC_SINE,
  HYPERBOLIC_TANGENT,
  IS_NAN,
  LOG1P,
  LOGARITHM,
  LOGISTIC,
  NORMAL_CDF,
  POWER,
  SINE,
  TANGENT,
} from './numerics';

export { LARGEST, inFloat32 } from './overflow';

/** A parameter is a number that every node states, unless it says otherwise. */
export interface Parameter {
  /** It may be left out, and is this then. An infinite one becomes the largest float32, since WGSL has no infinity. */
  readonly otherwise?: number;
  /** There is one for each channel, `[C]`: a weight of the graph, and a `vec4f` in WGSL. */
  readonly perChannel?: true;
}
export type Parameters = Readonly<Record<string, Parameter>>;

/** Which parameter an attribute is, and what it is where the file leaves it out; of ONNX's type `int`, or `float`. */
export interface OnnxAttribute {
  readonly parameter: string;
  readonly otherwise: number;
  readonly isWhole?: true;
}

/** The ONNX operator that computes the same. One that needs more than this has its entry in `src/formats/onnx/`. */
export interface OnnxCurve {
  readonly name: string;
  /** The first opset that has it, if that is above 17. */
  readonly opset?: number;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** WGSL for both directions. `low` and `high`: the slope where the bit is 0 and where it is 1. */
type Pieces = { readonly value: string } & (
  | { readonly slope: string; readonly bit?: undefined }
  | { readonly bit: string; readonly low: string; readonly high: string }
);

export type Curve<P extends Parameters = Parameters> = Pieces & {
  /** Its name in words, in lower case and without an article. */
  readonly title: string;
  /** Its equation, and its slope where it has a corner. */
  readonly says: string;
  readonly parameters: P;
  /** WGSL functions that the expressions call. */
  readonly uses?: readonly string[];
  readonly onnx?: OnnxCurve;
};

const curve = <const P extends Parameters = Record<never, never>>(
  record: Omit<Curve, 'parameters'> & Pieces & { readonly parameters?: P },
): Curve<P> => ({ ...record, parameters: record.parameters ?? ({} as P) });

// 2u of GELU by tanh, and x · 2u′. Beyond ±20 the logistic of 2u is 0 or 1, and its cube would overflow before.
const GELU_TANH = `
fn twiceU(x: vec4f) -> vec4f {
  let near = clamp(x, vec4f(-20.0), vec4f(20.0));
  return 1.59576912 * near * (1.0 + 0.044715 * near * near);
}
fn twiceUSlope(x: vec4f) -> vec4f {
  let near = clamp(x, vec4f(-20.0), vec4f(20.0));
  return 1.59576912 * near * (1.0 + 0.134145 * near * near);
}`;

// tanh(log(1 + eˣ)) = n / (n + 2) with n = eˣ · (eˣ + 2), and its derivative; for x > 0 both by e⁻ˣ
const MISH = `
fn gate(x: vec4f) -> vec4f {
  let t = exponential(-abs(x));
  return select(t * (t + 2.0) / (t * (t + 2.0) + 2.0), (1.0 + 2.0 * t) / (1.0 + 2.0 * t * (1.0 + t)), x > vec4f());
}
fn gateSlope(x: vec4f) -> vec4f {
  let t = exponential(-abs(x));
  let below = t * (t + 2.0) + 2.0;
  let above = 1.0 + 2.0 * t * (1.0 + t);
  return select(4.0 * t * (1.0 + t) / (below * below), 4.0 * t * t * (1.0 + t) / (above * above), x > vec4f());
}`;

// What stands before others that need it.
const EXP = [IS_NAN, EXP_TAIL, EXPONENTIAL];
const LOG = [ARTANH_TAIL, LOGARITHM];
const NORMAL = [...EXP, ERF, NORMAL_CDF];

export const CURVES = {
  clip: curve({
    title: 'clip (ReLU6)',
    says: 'min(max(x, min), max), an absent limit being none; flat at the limits too',
    parameters: { min: { otherwise: -Infinity }, max: { otherwise: Infinity } },
    value: 'min(max(x, vec4f(p.min)), vec4f(p.max))',
    bit: '(x > vec4f(p.min)) & (x < vec4f(p.max))',
    low: 'vec4f()',
    high: 'vec4f(1.0)',
  }),
  leakyRelu: curve({
    title: 'leaky ReLU',
    says: 'x if x > 0, else slope · x; the derivative at 0 is the slope',
    parameters: { slope: {} },
    value: 'select(p.slope * x, x, x > vec4f())',
    bit: 'x > vec4f()',
    low: 'vec4f(p.slope)',
    high: 'vec4f(1.0)',
    onnx: { name: 'LeakyRelu', attributes: { alpha: { parameter: 'slope', otherwise: 0.01 } } },
  }),
  prelu: curve({
    title: 'PReLU',
    says: 'a leaky ReLU with a slope per channel, [C]',
    parameters: { slope: { perChannel: true } },
    value: 'select(p.slope * x, x, x > vec4f())',
    bit: 'x > vec4f()',
    low: 'p.slope',
    high: 'vec4f(1.0)',
  }),
  hardSigmoid: curve({
    title: 'hard sigmoid',
    says: 'min(max(alpha · x + beta, 0), 1), flat where it meets 0 and 1',
    parameters: { alpha: {}, beta: {} },
    value: 'clamp(p.alpha * x + p.beta, vec4f(), vec4f(1.0))',
    bit: '(p.alpha * x + p.beta > vec4f()) & (p.alpha * x + p.beta < vec4f(1.0))',
    low: 'vec4f()',
    high: 'vec4f(p.alpha)',
    onnx: {
      name: 'HardSigmoid',
      attributes: { alpha: { parameter: 'alpha', otherwise: 0.2 }, beta: { parameter: 'beta', otherwise: 0.5 } },
    },
  }),
  sigmoid: curve({
    title: 'sigmoid',
    says: '1 / (1 + exp(−x))',
    uses: [LOGISTIC],
    value: 'logistic(x)',
    slope: 'logistic(x) * logistic(-x)',
    onnx: { name: 'Sigmoid' },
  }),
  swish: curve({
    title: 'swish (SiLU)',
    says: 'x / (1 + exp(−alpha · x)); alpha is 1 if absent',
    parameters: { alpha: { otherwise: 1 } },
    uses: [LOGISTIC],
    value: 'x * logistic(p.alpha * x)',
    slope: 'logistic(p.alpha * x) * (1.0 + p.alpha * x * logistic(-p.alpha * x))',
    onnx: { name: 'Swish', opset: 24, attributes: { alpha: { parameter: 'alpha', otherwise: 1 } } },
  }),
  softplus: curve({
    title: 'softplus',
    says: 'log(1 + exp(x)), whose derivative is the sigmoid',
    uses: [ARTANH_TAIL, LOG1P, LOGISTIC],
    value: 'max(x, vec4f()) + log1p(exp(-abs(x)))',
    slope: 'logistic(x)',
    onnx: { name: 'Softplus' },
  }),
  elu: curve({
    title: 'ELU',
    says: 'x if x > 0, else alpha · (exp(x) − 1); the derivative at 0 is alpha',
    parameters: { alpha: {} },
    uses: [...EXP, EXPM1],
    value: 'select(p.alpha * expm1(min(x, vec4f())), x, x > vec4f())',
    slope: 'select(p.alpha * exp(min(x, vec4f())), vec4f(1.0), x > vec4f())',
    onnx: { name: 'Elu', attributes: { alpha: { parameter: 'alpha', otherwise: 1 } } },
  }),
  sqrt: curve({
    title: 'square root',
    says: '√x, of what is not negative; the derivative at 0, which is infinite, counts as 0',
    value: 'sqrt(x)',
    slope: 'select(0.5 / sqrt(x), vec4f(), x <= vec4f())',
    onnx: { name: 'Sqrt' },
  }),
  reciprocal: curve({
    title: 'reciprocal',
    says: '1 / x, of what is not 0',
    value: '1.0 / x',
    slope: 'select(-(1.0 / x) * (1.0 / x), vec4f(), x == vec4f())',
    onnx: { name: 'Reciprocal' },
  }),
  hardSwish: curve({
    title: 'hard swish',
    says: 'x · min(max(x / 6 + 1/2, 0), 1); the derivative is 0 at −3 and 1 at 3',
    value: 'x * clamp(x / 6.0 + 0.5, vec4f(), vec4f(1.0))',
    slope: 'select(select(x / 3.0 + 0.5, vec4f(), x <= vec4f(-3.0)), vec4f(1.0), x >= vec4f(3.0))',
    onnx: { name: 'HardSwish' },
  }),
  erf: curve({
    title: 'error function',
    says: '2/√π · ∫ exp(−t²) dt from 0 to x',
    uses: [...EXP, ERF],
    value: 'erf(x)',
    slope: '1.12837917 * exponential(-x * x)',
    onnx: { name: 'Erf' },
  }),
  gelu: curve({
    title: 'GELU',
    says: 'x · Φ(x), where Φ is the normal distribution',
    uses: NORMAL,
    value: 'x * normalCdf(x)',
    slope: 'normalCdf(x) + x * 0.39894228 * exponential(-0.5 * x * x)',
  }),
  geluTanh: curve({
    title: 'GELU by tanh',
    says: 'x · (1 + tanh(u)) / 2, where u = √(2/π) · (x + 0.044715 · x³)',
    uses: [LOGISTIC, GELU_TANH],
    value: 'x * logistic(twiceU(x))',
    slope: 'logistic(twiceU(x)) * (1.0 + logistic(-twiceU(x)) * twiceUSlope(x))',
  }),
  tanh: curve({
    title: 'tanh',
    says: 'tanh(x)',
    uses: [...EXP, EXPM1, HYPERBOLIC_TANGENT, LOGISTIC],
    value: 'hyperbolicTangent(x)',
    slope: '4.0 * logistic(2.0 * x) * logistic(-2.0 * x)',
    onnx: { name: 'Tanh' },
  }),
  mish: curve({
    title: 'Mish',
    says: 'x · tanh(log(1 + exp(x)))',
    uses: [...EXP, MISH],
    value: 'x * gate(x)',
    slope: 'gate(x) + x * gateSlope(x)',
    onnx: { name: 'Mish', opset: 18 },
  }),
  selu: curve({
    title: 'SELU',
    says: 'gamma · x if x > 0, else gamma · alpha · (exp(x) − 1); the derivative at 0 is gamma · alpha',
    parameters: { alpha: {}, gamma: {} },
    uses: [...EXP, EXPM1],
    value: 'p.gamma * select(p.alpha * expm1(min(x, vec4f())), x, x > vec4f())',
    slope: 'p.gamma * select(p.alpha * exponential(min(x, vec4f())), vec4f(1.0), x > vec4f())',
    onnx: {
      name: 'Selu',
      attributes: {
        alpha: { parameter: 'alpha', otherwise: 1.67326319217681884765625 },
        gamma: { parameter: 'gamma', otherwise: 1.05070102214813232421875 },
      },
    },
  }),
  celu: curve({
    title: 'CELU',
    says: 'x if x > 0, else alpha · (exp(x / alpha) − 1)',
    parameters: { alpha: {} },
    uses: [...EXP, EXPM1],
    value: 'select(p.alpha * expm1(min(x, vec4f()) / p.alpha), x, x > vec4f())',
    slope: 'select(exponential(min(x, vec4f()) / p.alpha), vec4f(1.0), x > vec4f())',
    onnx: { name: 'Celu', attributes: { alpha: { parameter: 'alpha', otherwise: 1 } } },
  }),
  softsign: curve({
    title: 'softsign',
    says: 'x / (1 + |x|)',
    value: 'x / (1.0 + abs(x))',
    slope: '1.0 / ((1.0 + abs(x)) * (1.0 + abs(x)))',
    onnx: { name: 'Softsign' },
  }),
  logSigmoid: curve({
    title: 'logarithm of the sigmoid',
    says: '−log(1 + exp(−x))',
    uses: [ARTANH_TAIL, LOG1P, LOGISTIC],
    value: 'min(x, vec4f()) - log1p(exp(-abs(x)))',
    slope: 'logistic(-x)',
  }),
  thresholdedRelu: curve({
    title: 'thresholded ReLU',
    says: 'x if x > alpha, else 0; the derivative at alpha is 0',
    parameters: { alpha: {} },
    value: 'select(vec4f(), x, !(x <= vec4f(p.alpha)))',
    bit: 'x > vec4f(p.alpha)',
    low: 'vec4f()',
    high: 'vec4f(1.0)',
    onnx: { name: 'ThresholdedRelu', attributes: { alpha: { parameter: 'alpha', otherwise: 1 } } },
  }),
  shrink: curve({
    title: 'shrink',
    says: 'x + offset if x < −threshold, x − offset if x > threshold, else 0; the derivative at ±threshold is 0',
    parameters: { threshold: {}, offset: {} },
    value: 'select(select(vec4f(), x - p.offset, x > vec4f(p.threshold)), x + p.offset, x < vec4f(-p.threshold))',
    bit: '(x < vec4f(-p.threshold)) | (x > vec4f(p.threshold))',
    low: 'vec4f()',
    high: 'vec4f(1.0)',
    onnx: {
      name: 'Shrink',
      attributes: { bias: { parameter: 'offset', otherwise: 0 }, lambd: { parameter: 'threshold', otherwise: 0.5 } },
    },
  }),
  abs: curve({
    title: 'absolute value',
    says: '|x|; the derivative at 0 is 0',
    value: 'abs(x)',
    slope: 'sign(x)',
    onnx: { name: 'Abs' },
  }),
  square: curve({
    title: 'square',
    says: 'x²',
    value: 'x * x',
    slope: '2.0 * x',
  }),
  power: curve({
    title: 'power',
    says:
      'x to the power of exponent, of a negative x only where that is a whole number; the derivative at 0, where it ' +
      'is infinite, counts as 0',
    parameters: { exponent: {} },
    uses: [...EXP, ...LOG, POWER],
    value: 'power(x, vec4f(p.exponent))',
    slope:
      'select(p.exponent * power(x, vec4f(p.exponent - 1.0)), vec4f(), (x == vec4f()) & vec4<bool>(p.exponent < 1.0))',
  }),
  exp: curve({
    title: 'exponential',
    says: 'exp(x)',
    uses: EXP,
    value: 'exponential(x)',
    slope: 'exponential(x)',
    onnx: { name: 'Exp' },
  }),
  log: curve({
    title: 'logarithm',
    says: 'log(x), of what is above 0; the derivative at 0, which is infinite, counts as 0',
    uses: LOG,
    value: 'logarithm(x)',
    slope: 'select(1.0 / x, vec4f(), x == vec4f())',
    onnx: { name: 'Log' },
  }),
  sin: curve({
    title: 'sine',
    says: 'sin(x)',
    uses: [SINE],
    value: 'sine(x)',
    slope: 'cosine(x)',
    onnx: { name: 'Sin' },
  }),
  cos: curve({
    title: 'cosine',
    says: 'cos(x)',
    uses: [SINE],
    value: 'cosine(x)',
    slope: '-sine(x)',
    onnx: { name: 'Cos' },
  }),
  tan: curve({
    title: 'tangent',
    says: 'tan(x)',
    uses: [SINE, TANGENT],
    value: 'tangent(x)',
    slope: '1.0 + tangent(x) * tangent(x)',
    onnx: { name: 'Tan' },
  }),
  asin: curve({
    title: 'arcsine',
    says: 'arcsin(x), of −1 to 1; the derivative there, which is infinite, counts as 0',
    uses: [ARC_SINE],
    value: 'arcSine(x)',
    slope: 'select(inverseSqrt((1.0 - x) * (1.0 + x)), vec4f(), abs(x) >= vec4f(1.0))',
    onnx: { name: 'Asin' },
  }),
  acos: curve({
    title: 'arccosine',
    says: 'arccos(x), of −1 to 1; the derivative there, which is infinite, counts as 0',
    uses: [ARC_SINE],
    value: 'arcCosine(x)',
    slope: 'select(-inverseSqrt((1.0 - x) * (1.0 + x)), vec4f(), abs(x) >= vec4f(1.0))',
    onnx: { name: 'Acos' },
  }),
  atan: curve({
    title: 'arctangent',
    says: 'arctan(x)',
    uses: [ARC_TANGENT],
    value: 'arcTangent(x)',
    slope: '1.0 / (1.0 + x * x)',
    onnx: { name: 'Atan' },
  }),
  sinh: curve({
    title: 'hyperbolic sine',
    says: 'sinh(x)',
    uses: [...EXP, HYPERBOLIC_COSINE, HYPERBOLIC_SINE],
    value: 'hyperbolicSine(x)',
    slope: 'hyperbolicCosine(x)',
    onnx: { name: 'Sinh' },
  }),
  cosh: curve({
    title: 'hyperbolic cosine',
    says: 'cosh(x)',
    uses: [...EXP, HYPERBOLIC_COSINE, HYPERBOLIC_SINE],
    value: 'hyperbolicCosine(x)',
    slope: 'hyperbolicSine(x)',
    onnx: { name: 'Cosh' },
  }),
  asinh: curve({
    title: 'inverse hyperbolic sine',
    says: 'arsinh(x)',
    uses: [...LOG, LOG1P, ARSINH],
    value: 'arsinh(x)',
    slope: 'inverseSqrt(1.0 + x * x)',
    onnx: { name: 'Asinh' },
  }),
  acosh: curve({
    title: 'inverse hyperbolic cosine',
    says: 'arcosh(x), of 1 and more; the derivative at 1, which is infinite, counts as 0',
    uses: [...LOG, LOG1P, ARSINH, ARCOSH],
    value: 'arcosh(x)',
    slope: 'select(inverseSqrt((x - 1.0) * (x + 1.0)), vec4f(), x <= vec4f(1.0))',
    onnx: { name: 'Acosh' },
  }),
  atanh: curve({
    title: 'inverse hyperbolic tangent',
    says: 'artanh(x), of what is between −1 and 1; the derivative there, which is infinite, counts as 0',
    uses: [...LOG, LOG1P, ARSINH, ARTANH],
    value: 'artanh(x)',
    slope: 'select(1.0 / ((1.0 - x) * (1.0 + x)), vec4f(), abs(x) >= vec4f(1.0))',
    onnx: { name: 'Atanh' },
  }),
  sign: curve({
    title: 'sign',
    says: '−1, 0 or 1; flat everywhere',
    value: 'sign(x)',
    slope: 'vec4f()',
    onnx: { name: 'Sign' },
  }),
  floor: curve({
    title: 'floor',
    says: 'the largest whole number up to x; flat everywhere',
    value: 'floor(x)',
    slope: 'vec4f()',
    onnx: { name: 'Floor' },
  }),
  ceil: curve({
    title: 'ceiling',
    says: 'the smallest whole number from x on; flat everywhere',
    value: 'ceil(x)',
    slope: 'vec4f()',
    onnx: { name: 'Ceil' },
  }),
  round: curve({
    title: 'round',
    says: 'the nearest whole number, the even one of two; flat everywhere',
    value: 'round(x)',
    slope: 'vec4f()',
    onnx: { name: 'Round' },
  }),
  trunc: curve({
    title: 'whole part',
    says: 'x without its fraction; flat everywhere',
    value: 'trunc(x)',
    slope: 'vec4f()',
  }),
  quantize: curve({
    title: 'quantization',
    says:
      'the nearest whole number, the even one of two, kept from low to high; flat between its steps, so that the ' +
      'derivative is that of what it stands for: 1 where the nearest whole number lies within the limits, else 0 ' +
      '(straight-through)',
    parameters: { low: {}, high: {} },
    value: 'clamp(round(x), vec4f(p.low), vec4f(p.high))',
    bit: '(round(x) >= vec4f(p.low)) & (round(x) <= vec4f(p.high))',
    low: 'vec4f()',
    high: 'vec4f(1.0)',
  }),
  not: curve({
    title: 'not',
    says: '0 if x is true, which is above 1/2, else 1; flat everywhere',
    value: 'select(vec4f(1.0), vec4f(), x > vec4f(0.5))',
    slope: 'vec4f()',
  }),
  isNan: curve({
    title: 'test for NaN',
    says: '1 for a NaN, else 0: what overflowed is handed on instead, and refused; flat everywhere',
    uses: [IS_NAN],
    value: 'select(vec4f(), vec4f(1.0), isNan(x))',
    slope: 'vec4f()',
    onnx: { name: 'IsNaN' },
  }),
  isInfinite: curve({
    title: 'test for infinity',
    says:
      '1 for ∞ unless positive is 0, and for −∞ unless negative is 0, else 0: what overflowed is handed on instead, ' +
      'and refused; flat everywhere',
    parameters: { negative: {}, positive: {} },
    value:
      'select(vec4f(), vec4f(p.positive), bitcast<vec4u>(x) == vec4u(0x7f800000u)) + ' +
      'select(vec4f(), vec4f(p.negative), bitcast<vec4u>(x) == vec4u(0xff800000u))',
    slope: 'vec4f()',
    onnx: {
      name: 'IsInf',
      attributes: {
        detect_negative: { parameter: 'negative', otherwise: 1, isWhole: true },
        detect_positive: { parameter: 'positive', otherwise: 1, isWhole: true },
      },
    },
  }),
};
export type CurveName = keyof typeof CURVES;

/** Whether an operator is a function of one number that has no number per channel: it treats all elements alike. */
export const treatsAllAlike = (op: string): boolean =>
  Object.hasOwn(CURVES, op) &&
  Object.values<Parameter>(CURVES[op as CurveName].parameters).every(({ perChannel }) => !perChannel);

/** Whether it is of straight pieces: then its backward pass reads bits, else its input. */
export const isStraight = (name: CurveName): boolean => CURVES[name].bit !== undefined;
