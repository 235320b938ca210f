/**
 * Windows of three dimensions, over `[N, C, D, H, W]`: for each depth of the result, one of two dimensions over the
 * planes that its window has, as so many channels more.
 */
import type { NodeProto } from 'onnx-buf';
import { unsupported, type Call } from './call';
import { NODE, nodeOf, stacked, tensorOf, type Replacement } from './standIns';
import { printShape } from './value';

/** The depths that each window of the result reads; −1 is padding. */
function depthsOf(call: Call, extent: number, kernel: number): readonly (readonly number[])[] {
  const at = (name: string, index: number, otherwise: number): number => call.ints(name)?.[index] ?? otherwise;
  const [stride, dilation] = [at('strides', 0, 1), at('dilations', 0, 1)];
  const auto = call.string('auto_pad', 'NOTSET');
  const span = (kernel - 1) * dilation + 1;
  const same = Math.max(0, (Math.ceil(extent / stride) - 1) * stride + span - extent);
  const isSame = auto.startsWith('SAME');
  const before = isSame ? (auto === 'SAME_UPPER' ? Math.floor(same / 2) : Math.ceil(same / 2)) : at('pads', 0, 0);
  const after = isSame ? same - before : at('pads', 3, 0);
  const left = (extent + before + after - span) / stride;
  const isCeil = auto === 'NOTSET' && call.int('ceil_mode', 0) !== 0;
  let count = (isCeil ? Math.ceil(left) : Math.floor(left)) + 1;
  if (isCeil && (count - 1) * stride >= extent + before) count--; // no window begins in the padding behind
  call.model.spend(count * (kernel + NODE));
  return Array.from({ length: Math.max(0, count) }, (_, d) =>
    Array.from({ length: kernel }, (__, k) => d * stride + k * dilation - before).map((depth) =>
      depth >= 0 && depth < extent ? depth : -1,
    ),
  );
}

/** The attributes of the window without its depth. */
function planar(node: NodeProto): NodeProto['attribute'] {
  return node.attribute.flatMap((attribute) => {
    const { name, ints } = attribute;
    if (name === 'pads') return { ...attribute, ints: [...ints.slice(1, 3), ...ints.slice(4, 6)] };
    return ['kernel_shape', 'strides', 'dilations'].includes(name) ? { ...attribute, ints: ints.slice(1) } : attribute;
  });
}

/** The axis of depth, along which parts `[N, O, H, W]` become one. */
const DEPTH = 2;

function sizesOf(call: Call) {
  const shape = call.operandShape(0);
  const [N = 1, C = 1, D = 1, H = 1, W = 1] = shape;
  if (call.fixesBatch) throw unsupported(`its input is ${printShape(shape)}, of several items`, 'a batch of 1');
  return { N, C, D, H, W };
}

/** `y[o, d] = Σ_k w[o, c, k] ∗ x[c, d + k]`: the filters are the file's, with C·K for C. */
export function volumeConv(node: NodeProto, call: Call): Replacement {
  const [x = '', weight = '', ...bias] = node.input;
  const { name } = call;
  const { N, C, D, H, W } = sizesOf(call);
  const [O = 1, I = 1, K = 1, R = 1, S = 1] = call.operandShape(1);
  call.model.spend(C * H * W);
  const [padded, filters] = [`${name}/padded`, `${name}/filters`];
  const initializers = [
    tensorOf(`${filters}' shape`, [4], [O, I * K, R, S], true),
    tensorOf(`${name}/planes`, [4], [N, C * K, H, W], true),
    tensorOf(`${name}/nothing`, [N, C, 1, H, W], new Float32Array(N * C * H * W)),
  ];
  const attribute = planar(node);
  const nodes = [
    nodeOf('Concat', [x, `${name}/nothing`], [padded], { axis: 2 }), // its last plane is what padding reads
    nodeOf('Reshape', [weight, `${filters}' shape`], [filters]),
  ];
  const parts = depthsOf(call, D, K).map((depths, d) => {
    const part = `${name}/${d}`;
    initializers.push(
      tensorOf(
        `${part}, depths`,
        [K],
        depths.map((depth) => (depth < 0 ? D : depth)),
        true,
      ),
    );
    const conv = nodeOf('Conv', [`${part}, planes`, filters, ...bias], [part]);
    conv.attribute.push(...attribute);
    nodes.push(
      nodeOf('Gather', [padded, `${part}, depths`], [`${part}, window`], { axis: 2 }),
      nodeOf('Reshape', [`${part}, window`, `${name}/planes`], [`${part}, planes`]),
      conv,
    );
    return part;
  });
  const whole = stacked(call, parts, DEPTH, node.output.slice(0, 1));
  return { nodes: [...nodes, ...whole.nodes], initializers: [...initializers, ...whole.initializers] };
}

/** The maximum or mean over the depths of a window of what is pooled in each plane. */
export function volumePool(node: NodeProto, call: Call): Replacement {
  const [x = ''] = node.input;
  const { name } = call;
  const { N, C, D, H, W } = sizesOf(call);
  const [K = 1] = call.ints('kernel_shape') ?? [];
  call.model.spend((C + NODE) * D);
  const isMax = node.opType === 'MaxPool';
  if (isMax && node.output.slice(1).some(Boolean)) throw unsupported('its indices are read', 'its first output');
  const countsPadding = !isMax && call.int('count_include_pad', 0) !== 0;
  const pool = nodeOf(node.opType, [`${name}/planes`], [`${name}/pooled`]);
  pool.attribute.push(...planar(node));
  const initializers = [
    tensorOf(`${name}/planes' shape`, [4], [N, C * D, H, W], true),
    tensorOf(`${name}/1 of ${K}`, [], [1 / K]),
  ];
  const nodes = [nodeOf('Reshape', [x, `${name}/planes' shape`], [`${name}/planes`]), pool];
  // the planes of one depth, each read by several windows
  for (let d = 0; d < D; d++) {
    const channels = Array.from({ length: C }, (_, c) => c * D + d);
    initializers.push(tensorOf(`${name}/channels ${d}`, [C], channels, true));
    nodes.push(nodeOf('Gather', [`${name}/pooled`, `${name}/channels ${d}`], [`${name}/depth ${d}`], { axis: 1 }));
  }
  const parts = depthsOf(call, D, K).map((depths, d) => {
    const part = `${name}/${d}`;
    const read = depths.filter((depth) => depth >= 0).map((depth) => `${name}/depth ${depth}`);
    if (countsPadding)
      nodes.push(nodeOf('Sum', read, [`${part}, sum`]), nodeOf('Mul', [`${part}, sum`, `${name}/1 of ${K}`], [part]));
    else nodes.push(nodeOf(isMax ? 'Max' : 'Mean', read, [part]));
    return part;
  });
  const whole = stacked(call, parts, DEPTH, node.output.slice(0, 1));
  return { nodes: [...nodes, ...whole.nodes], initializers: [...initializers, ...whole.initializers] };
}
