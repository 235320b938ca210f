import type { CurveName } from '../../shaders/curves';
import type { FormulaName } from '../../shaders/formulas';
import type { Axis, Graph, GraphNode, Triple } from '../../src/graph';
import { ops } from '../../src/ops';
import { curves } from './curves';
import { formulas } from './formulas';
import { oracleOf } from './operators';
import type { Unnamed } from './oracle';
import { randomParameter, seededRandom } from './random';
import {
  addConv,
  addFullyConnected,
  Builder,
  conv,
  divisors,
  perceptron,
  planeWideConv,
  pool,
  pooledScores,
  residual,
  type Block,
} from './randomGraph';

const OPERATORS = Object.keys(ops) as GraphNode['op'][];
const AT_THE_END = ['softmax', 'logSoftmax'] as const;
const ALL_CURVES = Object.keys(curves) as CurveName[];
/** All but straight-through estimates, which are no slope. */
const CURVE_NAMES = ALL_CURVES.filter((op) => !curves[op].standsFor);
const FORMULA_NAMES = Object.keys(formulas) as FormulaName[];
const FAMILIES: ReadonlySet<string> = new Set([...ALL_CURVES, ...FORMULA_NAMES]);
const OTHERS = OPERATORS.filter((op) => !FAMILIES.has(op));

/** Where blocks that enlarge have to stop. */
const LONGEST = 14;
const AXES: readonly Axis[] = ['C', 'H', 'W'];

/**
 * A small valid graph of what `randomGraph` leaves out: curved functions, normalization across channels, products, and
 * all that moves elements or resamples planes, between convolutions and pools. Seeds take turns through the functions
 * of one number, those of several, and all other operators: they contain one example of each. One seed, one graph.
 */
export function mixedGraph(seed: number): Graph {
  const random = seededRandom(seed + 7000);
  const net = new Builder(random, { C: random.integer(2, 6), H: random.integer(4, 11), W: random.integer(4, 11) });
  const blocks = [
    conv,
    residual,
    pool,
    curve,
    curve,
    lrn,
    affine,
    excited,
    normalized,
    turned,
    regrouped,
    cut,
    padded,
    resized,
    summed,
  ];
  let x = conv(net, 'input');
  for (let block = random.integer(2, 5); block > 0; block--) x = random.pick(blocks)(net, x);
  for (const family of [OTHERS, CURVE_NAMES, FORMULA_NAMES]) x = example(net, x, family[seed % family.length]!);
  const scores = random.pick([planeWideConv, perceptron, pooledScores, strongest])(net, x);
  return net.graph(`mixed${seed}`, random.chance(0.2) ? example(net, scores, random.pick(AT_THE_END)) : scores);
}

/** A node of this operator, as one of its examples has it; beside x, if no gradient comes through. */
function example(net: Builder, x: string, op: GraphNode['op']): string {
  const { examples, isFlat } = oracleOf(op);
  const y = net.add(net.random.pick(examples)(net, x));
  return isFlat ? net.add({ op: 'add', inputs: [x, y] }) : y;
}

const curve: Block = (net, x) => example(net, x, net.random.pick(CURVE_NAMES));

const lrn: Block = (net, x) =>
  net.add({ op: 'lrn', inputs: [x], size: net.random.integer(2, 5), alpha: 0.4, beta: 0.75, k: 1.2 });

/** Per channel or per element, with both parameters or one. */
const affine: Block = (net, x) => {
  const { random } = net;
  const { C, H, W } = net.extents(x);
  const parameter = () => net.weight(randomParameter(random, random.chance(0.5) ? [C] : [C, H, W]));
  return net.add({
    op: 'affine',
    inputs: [x],
    ...random.pick([
      () => ({ scale: parameter() }),
      () => ({ bias: parameter() }),
      () => ({ scale: parameter(), bias: parameter() }),
    ])(),
  });
};

/** Each channel times a number that its own mean or maximum decides. */
const excited: Block = (net, x) => {
  const { random } = net;
  const { C, H, W } = net.extents(x);
  const squeezed = random.pick<() => Unnamed>([
    () => ({ op: 'reduce', inputs: [x], kind: 'mean', axes: ['H', 'W'] }),
    () => ({ op: 'globalAveragePool', inputs: [x] }),
    () => ({ op: 'globalMaxPool', inputs: [x] }),
  ])();
  const gate = net.add({ op: 'sigmoid', inputs: [addConv(net, net.add(squeezed), { kernel: [1, 1] }, C)] });
  return net.add({ op: 'multiply', inputs: [x, net.add({ op: 'expand', inputs: [gate], extents: [C, H, W] })] });
};

/** Divided by the root of the mean square of each channel, as group normalization does. */
const normalized: Block = (net, x) => {
  const { C, H, W } = net.extents(x);
  const square = net.add({ op: 'multiply', inputs: [x, x] });
  const mean = net.add({ op: 'globalAveragePool', inputs: [square] });
  const positive = net.add({
    op: 'affine',
    inputs: [mean],
    bias: net.weight(randomParameter(net.random, [C], () => 0.1 + net.random.uniform())),
  });
  const inverse = net.add({ op: 'reciprocal', inputs: [net.add({ op: 'sqrt', inputs: [positive] })] });
  return net.add({ op: 'multiply', inputs: [x, net.add({ op: 'expand', inputs: [inverse], extents: [C, H, W] })] });
};

const turned: Block = (net, x) =>
  net.add({
    op: 'transpose',
    inputs: [x],
    order: net.random.pick([
      ['C', 'W', 'H'],
      ['H', 'C', 'W'],
      ['W', 'C', 'H'],
      ['H', 'W', 'C'],
      ['W', 'H', 'C'],
    ] as const),
  });

/** The same numbers under other extents, as long as none is large. */
const regrouped: Block = (net, x) => {
  const { C, H, W } = net.extents(x);
  for (;;) {
    const c = net.random.pick(divisors(C * H * W));
    const h = net.random.pick(divisors((C * H * W) / c));
    const extents: Triple = [c, h, (C * H * W) / c / h];
    if (Math.max(...extents) <= Math.max(LONGEST, C, H, W)) return net.add({ op: 'reshape', inputs: [x], extents });
  }
};

const cut: Block = (net, x) => {
  const { random } = net;
  const { C, H, W } = net.extents(x);
  const ranges = [C, H, W].map((extent) => {
    const step = random.pick([1, 1, 2, -1]);
    const count = Math.max(1, Math.floor(random.integer(Math.ceil(extent / 2), extent) / Math.abs(step)));
    const reach = (count - 1) * Math.abs(step);
    const first = random.integer(0, extent - 1 - reach);
    return { begin: step > 0 ? first : first + reach, step, count };
  });
  const three = (field: 'begin' | 'step' | 'count') => ranges.map((range) => range[field]) as unknown as Triple;
  return net.add({ op: 'slice', inputs: [x], begin: three('begin'), step: three('step'), extents: three('count') });
};

const padded: Block = (net, x) => {
  const { random } = net;
  const { C, H, W } = net.extents(x);
  const mode = random.pick(['constant', 'edge', 'reflect'] as const);
  const side = () =>
    [C, H, W].map((extent) =>
      random.integer(0, Math.max(0, Math.min(mode === 'reflect' ? extent - 1 : 2, LONGEST - extent, 2))),
    ) as unknown as Triple;
  return net.add({
    op: 'pad',
    inputs: [x],
    before: side(),
    after: side(),
    mode,
    ...(mode === 'constant' && { value: 0.5 }),
  });
};

const resized: Block = (net, x) => {
  const { random } = net;
  const { H, W } = net.extents(x);
  const scale = [random.pick([0.5, 1, 1.5, 2]), random.pick([0.5, 1, 1.3, 2])] as const;
  const size = [Math.max(1, Math.floor(H * scale[0])), Math.max(1, Math.floor(W * scale[1]))] as const;
  if (Math.max(...size) > LONGEST) return x;
  const coordinates = random.pick([
    'half-pixel',
    'pytorch-half-pixel',
    'half-pixel-symmetric',
    'tensorflow-half-pixel',
    'asymmetric',
    'align-corners',
  ] as const);
  const rounding = random.pick(['floor', 'ceil', 'round-prefer-floor', 'round-prefer-ceil'] as const);
  return net.add({
    op: 'resize',
    inputs: [x],
    size,
    ...(random.chance(0.5) && { scale }),
    mode: random.pick(['nearest', 'linear', 'cubic'] as const),
    coordinates,
    rounding,
  });
};

/** Along one axis, beside the whole: a sum of two tensors of which one is copied. */
const summed: Block = (net, x) => {
  const { C, H, W } = net.extents(x);
  const total = net.add({
    op: 'reduce',
    inputs: [x],
    kind: net.random.pick(['mean', 'sum'] as const),
    axes: [net.random.pick(AXES)],
  });
  return net.add({ op: 'add', inputs: [x, net.add({ op: 'expand', inputs: [total], extents: [C, H, W] })] });
};

const strongest: Block = (net, x) => addFullyConnected(net, net.add({ op: 'globalMaxPool', inputs: [x] }));
