/**
 * Operators that ONNX Runtime's optimised files have (domain `com.microsoft`), and those of early converters: each is a
 * few of ONNX's own.
 */
import { create } from '@bufbuild/protobuf';
import { NodeProtoSchema, type NodeProto } from 'onnx-buf';
import { unsupported, type Call } from './call';
import { nodeOf, renamed, tensorOf, type Replacement, type StandIn } from './standIns';

interface Fused {
  /** Undefined: the nodes that stand for it know which they have. */
  readonly attributes?: readonly string[];
  readonly inputs: readonly [fewest: number, most: number];
  readonly standIn: StandIn;
}

// ── layers that end in an activation ──

/** The parameters of an activation, by the attributes of its own operator. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  Elu: ['alpha'],
  HardSigmoid: ['alpha', 'beta'],
  LeakyRelu: ['alpha'],
  ThresholdedRelu: ['alpha'],
};

/** A layer; what is added to it, where input number `addend` is given; and its activation, which is a text. */
const activated =
  (opType: string, addend = Infinity): StandIn =>
  (node, call) => {
    const [output = ''] = node.output;
    const activation = call.string('activation', '');
    const added = node.input[addend];
    const sum = activation ? `${output}/sum` : output;
    const layer = added ? `${output}/layer` : sum;
    const attribute = node.attribute.filter(({ name }) => !name.startsWith('activation'));
    const nodes = [
      create(NodeProtoSchema, { opType, input: node.input.slice(0, addend), output: [layer], attribute }),
      ...(added ? [nodeOf('Add', [layer, added], [sum])] : []),
    ];
    if (!activation) return { nodes };
    const parameters =
      call.floats('activation_params') ??
      ['activation_alpha', 'activation_beta'].flatMap((name) => (call.hasAttribute(name) ? [call.float(name, 0)] : []));
    const ending = activation === 'Clip' ? clip(call, sum, parameters) : ended(activation, sum, output, parameters);
    return { nodes: [...nodes, ...ending.nodes], initializers: ending.initializers ?? [] };
  };

function ended(activation: string, x: string, output: string, parameters: readonly number[]): Replacement {
  const own = (PARAMETERS[activation] ?? []).flatMap((name, k) =>
    parameters[k] === undefined ? [] : [[name, { f: parameters[k] }] as const],
  );
  return { nodes: [nodeOf(activation, [x], [output], Object.fromEntries(own))] };
}

/** Its limits are attributes before opset 11, inputs since. */
function clip(call: Call, x: string, [low = -Infinity, high = Infinity]: readonly number[]): Replacement {
  const output = call.name;
  if (call.model.opset < 11) return { nodes: [nodeOf('Clip', [x], [output], { min: { f: low }, max: { f: high } })] };
  const limits = [tensorOf(`${output}/min`, [], [low]), tensorOf(`${output}/max`, [], [high])];
  return { nodes: [nodeOf('Clip', [x, ...limits.map(({ name }) => name)], [output])], initializers: limits };
}

/** A function of a sum, whose second term may be missing. */
const biased =
  (attributes: Readonly<Record<string, string>>): StandIn =>
  ({ input: [x = '', bias = ''], output: [output = ''] }) => {
    const sum = `${output}/sum`;
    return bias
      ? { nodes: [nodeOf('Add', [x, bias], [sum]), nodeOf('Gelu', [sum], [output], attributes)] }
      : { nodes: [nodeOf('Gelu', [x], [output], attributes)] };
  };

// ── products and normalizations ──

/** `alpha · A · B`, either one transposed. */
const fusedMatMul: StandIn = (node, call) => {
  const [output = ''] = node.output;
  if (call.int('transBatchA', 0) || call.int('transBatchB', 0))
    throw unsupported('it transposes batches of matrices', 'transA and transB alone');
  const turns: NodeProto[] = [];
  const factors = node.input.map((name, k) => {
    if (!call.int(k === 0 ? 'transA' : 'transB', 0)) return name;
    const axes = call.operandShape(k).map((_, axis) => axis);
    const turned = `${output}/${k === 0 ? 'A' : 'B'} transposed`;
    turns.push(nodeOf('Transpose', [name], [turned], { perm: [...axes.slice(0, -2), ...axes.slice(-2).reverse()] }));
    return turned;
  });
  const alpha = call.float('alpha', 1);
  if (alpha === 1) return { nodes: [...turns, nodeOf('MatMul', factors, [output])] };
  const product = `${output}/product`;
  const factor = tensorOf(`${output}/alpha`, [], [alpha]);
  return {
    nodes: [...turns, nodeOf('MatMul', factors, [product]), nodeOf('Mul', [product, factor.name], [output])],
    initializers: [factor],
  };
};

/** Normalizes `input + skip + bias`, which is its fourth output. Inputs: input, skip, gamma, [beta], [bias]. */
const skipNorm =
  (opType: 'LayerNormalization' | 'RMSNormalization'): StandIn =>
  (node, call) => {
    const [x = '', skip = '', gamma = '', ...rest] = node.input;
    const [beta = '', bias = ''] = opType === 'LayerNormalization' ? rest : ['', ...rest];
    const [output = '', , , handedOn = ''] = node.output;
    const sum = handedOn || `${output}/sum`;
    const first = bias ? `${output}/without bias` : sum;
    const epsilon = { f: call.float('epsilon', 1e-12) };
    return {
      nodes: [
        nodeOf('Add', [x, skip], [first]),
        ...(bias ? [nodeOf('Add', [first, bias], [sum])] : []),
        nodeOf(opType, [sum, gamma, ...(beta ? [beta] : [])], [output], { axis: -1, epsilon }),
      ],
    };
  };

// ── planes whose channels are last ──

/** The same between two transpositions; filters lie as ONNX has them, what is added as the input does. */
const channelsLast =
  (inner: StandIn): StandIn =>
  (node, call) => {
    const [x = '', weight = '', bias = '', addend = ''] = node.input;
    const [output = ''] = node.output;
    const axes = call.operandShape(0).map((_, axis) => axis);
    const toFirst = { perm: [0, axes.length - 1, ...axes.slice(1, -1)] };
    const toLast = { perm: [0, ...axes.slice(2), 1] };
    const turned = (name: string): string => (name === '' ? '' : `${output}/${name} channels first`);
    const written = `${output}/channels first`;
    const input = node.input.length === 1 ? [turned(x)] : [turned(x), weight, bias, turned(addend)];
    const { nodes, initializers = [] } = inner(create(NodeProtoSchema, { ...node, input, output: [written] }), call);
    return {
      nodes: [
        ...[x, addend].filter(Boolean).map((name) => nodeOf('Transpose', [name], [turned(name)], toFirst)),
        ...nodes,
        nodeOf('Transpose', [written], [output], toLast),
      ],
      initializers,
    };
  };

// ── early converters ──

/** Times a number, plus another one, or one for each channel. */
const scaled =
  (factor: string, shift: (call: Call) => readonly number[]): StandIn =>
  ({ input: [x = ''], output: [output = ''] }, call) => {
    const added = shift(call);
    const scale = tensorOf(`${output}/scale`, [], [call.float(factor, 1)]);
    const bias = tensorOf(`${output}/bias`, added.length === 1 ? [] : [added.length, 1, 1], added);
    const times = `${output}/times`;
    return {
      nodes: [nodeOf('Mul', [x, scale.name], [times]), nodeOf('Add', [times, bias.name], [output])],
      initializers: [scale, bias],
    };
  };

const MOST_OF_CONV = 4;
const skipped = (opType: 'LayerNormalization' | 'RMSNormalization', most: number): Fused => ({
  attributes: ['epsilon'],
  inputs: [3, most],
  standIn: skipNorm(opType),
});

const FUSED: Readonly<Record<string, Fused>> = {
  Affine: {
    attributes: ['alpha', 'beta'],
    inputs: [1, 1],
    standIn: scaled('alpha', (call) => [call.float('beta', 0)]),
  },
  ImageScaler: {
    attributes: ['scale', 'bias'],
    inputs: [1, 1],
    standIn: scaled('scale', (call) => call.floats('bias') ?? [0]),
  },
  SimplifiedLayerNormalization: { inputs: [2, 2], standIn: renamed('RMSNormalization') },
  'com.microsoft.BiasGelu': { attributes: [], inputs: [2, 2], standIn: biased({}) },
  'com.microsoft.DequantizeLinear': { inputs: [2, 3], standIn: renamed('DequantizeLinear') },
  'com.microsoft.FastGelu': { attributes: [], inputs: [1, 2], standIn: biased({ approximate: 'tanh' }) },
  'com.microsoft.FusedConv': { inputs: [2, MOST_OF_CONV], standIn: activated('Conv', 3) },
  'com.microsoft.FusedGemm': { inputs: [2, 3], standIn: activated('Gemm') },
  'com.microsoft.FusedMatMul': {
    attributes: ['alpha', 'transA', 'transB', 'transBatchA', 'transBatchB'],
    inputs: [2, 2],
    standIn: fusedMatMul,
  },
  'com.microsoft.Gelu': { inputs: [1, 1], standIn: renamed('Gelu') },
  'com.microsoft.NhwcConv': { inputs: [2, 3], standIn: channelsLast(activated('Conv', 3)) },
  'com.microsoft.NhwcFusedConv': { inputs: [2, MOST_OF_CONV], standIn: channelsLast(activated('Conv', 3)) },
  'com.microsoft.NhwcMaxPool': { inputs: [1, 1], standIn: channelsLast(renamed('MaxPool')) },
  'com.microsoft.QuantizeLinear': { inputs: [2, 3], standIn: renamed('QuantizeLinear') },
  'com.microsoft.QuickGelu': {
    attributes: ['alpha'],
    inputs: [1, 1],
    standIn: ({ input, output }, call) => ({
      nodes: [nodeOf('Swish', input, output, { alpha: { f: call.float('alpha', 1.702) } })],
    }),
  },
  'com.microsoft.SimplifiedLayerNormalization': { inputs: [2, 2], standIn: renamed('RMSNormalization') },
  'com.microsoft.SkipLayerNormalization': skipped('LayerNormalization', 5),
  'com.microsoft.SkipSimplifiedLayerNormalization': skipped('RMSNormalization', 4),
};

/** Whether an operator is one of these. */
export const isFused = (name: string): boolean => Object.hasOwn(FUSED, name);

/** ONNX's own nodes for one of these; undefined for all others. */
export function unfused(name: string, node: NodeProto, call: Call): Replacement | undefined {
  const fused = isFused(name) ? FUSED[name] : undefined;
  if (!fused) return undefined;
  call.checkKnown(fused.attributes ?? node.attribute.map((attribute) => attribute.name), fused.inputs);
  return fused.standIn(node, call);
}
