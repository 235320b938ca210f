/** Normalization of groups of elements, on the kernels of `shaders/normalize.ts`. */
import { groupBytes, groupsOf } from '../../shaders/groups';
import { blocksOf, floatBits } from '../../shaders/kernel';
import {
  type NormalizeDims,
  type NormalizeOptions,
  normalizeBackward,
  normalizeForward,
  normalizeStatistics,
  normalizeSums,
  statisticsVectors,
  sumsVectors,
} from '../../shaders/normalize';
import { AXES, type Axis, type Extents } from '../shape';
import { axes, flag, numberFrom0, optional, weight } from './fields';
import { type Node, type OnePlaced, type Tensor, stepOf, unary } from './op';
import { weightOf } from './parameters';

/**
 * `y = (x − mean) / √(mean((x − mean)²) + epsilon)`, means along the axes; not `centred` the mean that is taken off is
 * 0 (RMS). `scale` and `bias` name weights with a number for each element that is normalized together, shaped as the
 * extents along the axes, in C, H, W order: `[C]` where the axis is C, `[H, W]` where they are H and W. What is scaled
 * otherwise has an `affine` node behind it.
 */
export interface NormalizeNode extends Node<'normalize'> {
  readonly axes: readonly Axis[];
  readonly epsilon: number;
  readonly centred: boolean;
  readonly scale?: string;
  readonly bias?: string;
}

const dimsOf = ({ node, batch, x }: OnePlaced<NormalizeNode>): NormalizeDims => ({
  ...groupsOf(batch, x, node.axes),
  EPSILON: floatBits(node.epsilon),
});

const optionsOf = ({ centred, scale, bias }: NormalizeNode): NormalizeOptions => ({
  centred,
  scaled: scale !== undefined || bias !== undefined,
});

/** The shape that scale and bias have. */
const groupShape = ({ axes }: NormalizeNode, x: Extents): number[] =>
  AXES.filter((axis) => axes.includes(axis)).map((axis) => x[axis]);

/** Scale and bias as the kernels read them; along C channels lie in lanes, else all lanes have the same. */
function affineOf({ node, x, weights }: OnePlaced<NormalizeNode>): Tensor | null {
  if (!optionsOf(node).scaled) return null;
  const along = (axis: Axis): number => (node.axes.includes(axis) ? x[axis] : 1);
  const [C, plane] = [along('C'), along('H') * along('W')];
  const alongC = node.axes.includes('C');
  const length = blocksOf(C) * plane * 8;
  const [scale, bias] = [node.scale, node.bias].map((name) =>
    name === undefined ? null : weightOf(weights, node.name, name, groupShape(node, x)),
  );
  return {
    name: `${node.name}.affine`,
    bytes: length * 4,
    kind: 'weight',
    fill: () => {
      const packed = new Float32Array(length);
      for (let c = 0; c < (alongC ? C : 4); c++)
        for (let i = 0; i < plane; i++) {
          const at = ((c >> 2) * plane + i) * 8 + (c & 3);
          const from = (alongC ? c : 0) * plane + i;
          packed[at] = scale ? scale[from]! : 1;
          packed[at + 4] = bias ? bias[from]! : 0;
        }
      return packed;
    },
  };
}

const statisticsOf = (site: OnePlaced<NormalizeNode>): Tensor => ({
  name: `${site.node.name}.statistics`,
  bytes: groupBytes(dimsOf(site), statisticsVectors(site.node.centred)),
  kind: 'saved',
});

export const normalize = unary<NormalizeNode>({
  op: 'normalize',
  title: 'normalization along axes (centred or RMS)',
  fields: { axes: axes(1), epsilon: numberFrom0, centred: flag, scale: optional(weight), bias: optional(weight) },

  extents(node, x, weights) {
    for (const name of [node.scale, node.bias])
      if (name !== undefined) weightOf(weights, node.name, name, groupShape(node, x));
    return x;
  },

  forward(site) {
    const { node, x, y, step } = site;
    const d = dimsOf(site);
    const statistics = statisticsOf(site);
    return [
      stepOf(node.name, 'normalizeStatistics', normalizeStatistics(d, { x }, node.centred), { x, statistics }),
      step('normalizeForward', normalizeForward(d, { x, y }, optionsOf(node)), {
        x,
        statistics,
        affine: affineOf(site),
        y,
      }),
    ];
  },

  backward(site) {
    const { node, x, dY, dX, epilogue, step } = site;
    const options = optionsOf(node);
    const affine = affineOf(site);
    const d = dimsOf(site);
    const statistics = statisticsOf(site);
    const sums: Tensor = {
      name: `d.${node.name}.sums`,
      bytes: groupBytes(d, sumsVectors(node.centred)),
      kind: 'transient',
    };
    return [
      stepOf(node.name, 'normalizeSums', normalizeSums(d, { x, dY }, options), {
        dY,
        x,
        statistics,
        affine,
        sums,
      }),
      step('normalizeBackward', normalizeBackward(d, { x, dX, dY }, options, epilogue), {
        dY,
        x,
        statistics,
        sums,
        affine,
        dX,
      }),
    ];
  },

  keepsInputs: true,
});
