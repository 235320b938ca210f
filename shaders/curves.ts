/**
 * Functions of one number, applied to every element: one record each, from which all else about them follows (node,
 * kernels, schema, ONNX entry, words). Those of straight pieces keep one bit per element for the way back, as ReLUs do;
 * curved ones keep nothing and read their input again.
 *
 * Every expression is WGSL of type `vec4f` (a `bit` of type `vec4<bool>`) in `x`, and in `p.name` for each parameter.
 */

/** The largest float32. As a parameter it means no limit; WGSL has no infinity. */
export const LARGEST = 3.4028234663852886e38;

/** A parameter is a number that every node states, unless it says otherwise. */
export interface Parameter {
  /** It may be left out, and is this then. An infinite one becomes the largest float32, since WGSL has no infinity. */
  readonly otherwise?: number;
  /** There is one for each channel, `[C]`: a weight of the graph, and a `vec4f` in WGSL. */
  readonly perChannel?: true;
}
export type Parameters = Readonly<Record<string, Parameter>>;

/** The ONNX operator that computes the same. One that needs more than this has its entry in `src/formats/onnx/`. */
export interface OnnxCurve {
  readonly name: string;
  /** The first opset that has it, if that is above 17. */
  readonly opset?: number;
  /** Which parameter an attribute is, and what it is where the file leaves it out. */
  readonly attributes?: Readonly<Record<string, { readonly parameter: string; readonly otherwise: number }>>;
  /** Attributes that must be this, if the file has them. */
  readonly fixed?: Readonly<Record<string, number>>;
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

// log(1 + t) for t from 0 to 1, as 2·artanh(t / (2 + t)), whose series has no difference that could cancel.
const LOG1P = `
fn log1p(t: vec4f) -> vec4f {
  let s = t / (2.0 + t);
  let q = s * s;
  let tail = 1.0 / 9.0 + q * (1.0 / 11.0 + q * (1.0 / 13.0 + q / 15.0));
  return 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * tail))));
}`;

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
    says: 'x / (1 + exp(−x))',
    uses: [LOGISTIC],
    value: 'x * logistic(x)',
    slope: 'logistic(x) * (1.0 + x * logistic(-x))',
    onnx: { name: 'Swish', fixed: { alpha: 1 } },
  }),
  softplus: curve({
    title: 'softplus',
    says: 'log(1 + exp(x)), whose derivative is the sigmoid',
    uses: [LOG1P, LOGISTIC],
    value: 'max(x, vec4f()) + log1p(exp(-abs(x)))',
    slope: 'logistic(x)',
    onnx: { name: 'Softplus' },
  }),
  elu: curve({
    title: 'ELU',
    says: 'x if x > 0, else alpha · (exp(x) − 1); the derivative at 0 is alpha',
    parameters: { alpha: {} },
    uses: [EXPM1],
    value: 'select(p.alpha * expm1(min(x, vec4f())), x, x > vec4f())',
    slope: 'select(p.alpha * exp(min(x, vec4f())), vec4f(1.0), x > vec4f())',
    onnx: { name: 'Elu', attributes: { alpha: { parameter: 'alpha', otherwise: 1 } } },
  }),
  // lanes past the last channel hold 0, and have to stay finite on the way back
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
};
export type CurveName = keyof typeof CURVES;

/** Whether it is of straight pieces: then its backward pass reads bits, else its input. */
export const isStraight = (name: CurveName): boolean => CURVES[name].bit !== undefined;
