/** ONNX's own operators that are a few others of its own: by a constant, or by more axes than ours have. */
import type { NodeProto } from 'onnx-buf';
import { unsupported, type Call, type Operators } from './call';
import { affineGrid, roiAlign, sampledByComputed } from './sampling';
import { nodeOf, tensorOf, type Replacement } from './standIns';
import { decode } from './fold/numbers';
import { convByComputed } from './unfold';
import { volumeConv, volumePool } from './volumes';

/** Those that are never translated themselves. */
export const rewriting: Operators = {
  AffineGrid: { attributes: ['align_corners'], inputs: [2, 2] },
  Compress: { attributes: ['axis'], inputs: [2, 2] },
  RoiAlign: {
    attributes: [
      'coordinate_transformation_mode',
      'mode',
      'output_height',
      'output_width',
      'sampling_ratio',
      'spatial_scale',
    ],
    inputs: [3, 3],
  },
};

type Rewrite = (node: NodeProto, call: Call) => Replacement | undefined;

const REWRITES: Readonly<Record<string, Rewrite>> = {
  AffineGrid: affineGrid,
  AveragePool: (node, call) => ofVolumes(call) && volumePool(node, call),
  Compress: compress,
  Conv: (node, call) => {
    if (ofVolumes(call)) return volumeConv(node, call);
    return call.constant(1) ? undefined : convByComputed(node, call);
  },
  GridSample: (node, call) => (call.constant(1) ? undefined : sampledByComputed(node, call)),
  MaxPool: (node, call) => ofVolumes(call) && volumePool(node, call),
  RoiAlign: roiAlign,
};

const ofVolumes = (call: Call): true | undefined => call.operandShape(0).length === 5 || undefined;

/** What stands for one of these; undefined where it stands for itself. */
export function rewritten(name: string, node: NodeProto, call: Call): Replacement | undefined {
  return Object.hasOwn(REWRITES, name) ? REWRITES[name]!(node, call) : undefined;
}

/** The elements along an axis, or without one of all, whose truth is constant. */
function compress({ input: [x = ''], output }: NodeProto, call: Call): Replacement {
  const condition = call.constant(1);
  if (!condition) throw unsupported('which elements it takes is computed from the image', 'a constant');
  const places = Array.from(decode(condition).data).flatMap((truth, i) => (truth ? [i] : []));
  const indices = tensorOf(`${call.name}/places`, [places.length], places, true);
  if (call.hasAttribute('axis'))
    return {
      nodes: [nodeOf('Gather', [x, indices.name], output, { axis: call.int('axis', 0) })],
      initializers: [indices],
    };
  const [flat, all] = [`${call.name}/flat`, tensorOf(`${call.name}/all`, [1], [-1], true)];
  return {
    nodes: [nodeOf('Reshape', [x, all.name], [flat]), nodeOf('Gather', [flat, indices.name], output, { axis: 0 })],
    initializers: [indices, all],
  };
}
