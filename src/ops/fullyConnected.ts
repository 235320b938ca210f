import { fullyConnectedBackward, fullyConnectedForward, fullyConnectedSum } from '../../shaders/fullyConnected/direct';
import { COLUMNS, parallelBackward, parallelForward, parallelSum } from '../../shaders/fullyConnected/parallel';
import { DENSE, type FullyConnectedDims, type RowChunk, packFullyConnected } from '../../shaders/fullyConnected/shape';
import { blocksOf } from '../../shaders/kernel';
import { GradlensError } from '../errors';
import { type Extents, elements, shapeError } from '../shape';
import type { FullyConnectedVariant } from '../variants/variants';
import { optional, weight } from './fields';
import { type Node, type OnePlaced, type Step, type Tensor, type Weights, stepOf, unary } from './op';
import { blockedVector, weightOf } from './parameters';

/**
 * `weight`: `[out, in]`, where `in` counts the input in C, H, W order; `bias`: `[out]`. Takes any `C×H×W`: flattening
 * is implied.
 */
export interface FullyConnectedNode extends Node<'fullyConnected'> {
  readonly weight: string;
  readonly bias?: string;
}

/**
 * How a forward sum is cut: spans until a pass has so many invocations, unless they got shorter than what is worth a
 * partial sum.
 */
interface Cut {
  readonly invocations: number;
  /** In blocks of four rows. */
  readonly shortest: number;
  readonly fewest: 1 | 2;
}

/** The kernels of one family, and how it cuts. */
interface Family {
  readonly cut: Cut;
  readonly forward: typeof parallelForward;
  readonly sum: typeof parallelSum;
  readonly backward: typeof parallelBackward;
}

/**
 * Where whole batches are summed, even the smallest layer is cut in two on software adapters: so all of a network's run
 * the same code, and a cold start compiles it once.
 */
const familyOf = (variant: FullyConnectedVariant, batch: number): Family =>
  variant.family === 'parallel'
    ? {
        cut: { invocations: variant.workgroups * COLUMNS, shortest: 16, fewest: 1 },
        forward: parallelForward,
        sum: parallelSum,
        backward: parallelBackward,
      }
    : {
        cut: { invocations: 4096, shortest: 64, fewest: batch >= DENSE ? 2 : 1 },
        forward: (d, slices, chunk, epilogue) => fullyConnectedForward(d, slices, chunk, variant, epilogue),
        sum: fullyConnectedSum,
        backward: (d, slices, chunk, epilogue) => fullyConnectedBackward(d, slices, chunk, variant, epilogue),
      };

function outputsOf(node: FullyConnectedNode, input: Extents, weights: Weights): number {
  const weight = weights.get(node.weight);
  if (!weight) throw shapeError(node.name, `its weight '${node.weight}' is not among the weights`);
  const [out = 0, inputs = 0] = weight.shape;
  if (weight.shape.length !== 2 || inputs !== elements(input)) {
    throw shapeError(
      node.name,
      `weights are [${weight.shape.join(', ')}], its input has ${elements(input)} elements: [out, ` +
        `${elements(input)}] would be right`,
    );
  }
  return out;
}

/** Rows cut into chunks that a binding holds, and chunks into spans. */
function chunksOf(
  name: string,
  rows: number,
  outBlocks: number,
  bindingBytes: number,
  { invocations, shortest, fewest }: Cut,
): RowChunk[] {
  const rowBytes = 4 * outBlocks * 16;
  const perChunk = Math.floor(bindingBytes / rowBytes);
  if (perChunk < 1)
    throw new GradlensError(
      'limit',
      `${name}: four rows of its weights take ${rowBytes} bytes; the device binds at most ${bindingBytes}`,
      { limit: 'maxStorageBufferBindingSize', need: rowBytes, have: bindingBytes, layer: name },
    );
  const wanted = Math.min(Math.ceil(invocations / outBlocks), Math.max(fewest, Math.floor(rows / shortest)));
  const SPAN = Math.min(Math.ceil(rows / wanted), perChunk);
  const chunks: Omit<RowChunk, 'SPANS'>[] = [];
  let FIRST_SPAN = 0;
  for (let FIRST = 0; FIRST < rows; ) {
    const ROWS = Math.min(Math.floor(perChunk / SPAN) * SPAN, rows - FIRST);
    chunks.push({ FIRST, ROWS, SPAN, FIRST_SPAN });
    FIRST += ROWS;
    FIRST_SPAN += Math.ceil(ROWS / SPAN);
  }
  return chunks.map((chunk) => ({ ...chunk, SPANS: FIRST_SPAN }));
}

function layout({ node, batch, x, y, weights, bindingBytes, variants }: OnePlaced<FullyConnectedNode>) {
  const plane = x.H * x.W;
  const dims: FullyConnectedDims = {
    N: batch,
    H: x.H,
    W: x.W,
    IN: blocksOf(x.C) * plane,
    OUT: blocksOf(y.C),
  };
  const family = familyOf(variants.fullyConnected, batch);
  const chunks = chunksOf(node.name, dims.IN, dims.OUT, bindingBytes, family.cut);
  const data = weightOf(weights, node.name, node.weight, [y.C, elements(x)]);
  const weightOfChunk = (chunk: RowChunk, index: number): Tensor => ({
    // Layers that share a weight share its packing only if their inputs have the same extents.
    name: `${node.weight}/rows of ${x.C}×${plane}${chunks.length === 1 ? '' : `, ${index + 1} of ${chunks.length}`}`,
    bytes: chunk.ROWS * 4 * dims.OUT * 16,
    kind: 'weight',
    fill: () => packFullyConnected(data, { out: y.C, C: x.C, plane }, chunk.FIRST, chunk.ROWS),
  });
  return { family, dims, chunks, weightOfChunk };
}

export const fullyConnected = unary<FullyConnectedNode>({
  op: 'fullyConnected',
  title: 'fully connected layer',
  fields: { weight, bias: optional(weight) },

  extents(node, x, weights) {
    const C = outputsOf(node, x, weights);
    if (node.bias !== undefined) weightOf(weights, node.name, node.bias, [C]);
    return { C, H: 1, W: 1 };
  },

  forward(site) {
    const { node, x, y, bits, weights, step } = site;
    const { family, dims, chunks, weightOfChunk } = layout(site);
    const epilogue = { relu: node.relu === true, bits: bits !== null };
    const bias = blockedVector(
      `${node.bias ?? node.weight + ' without bias'}/blocks`,
      y.C,
      node.bias === undefined ? null : weightOf(weights, node.name, node.bias, [y.C]),
    );
    const spans = chunks[0]?.SPANS ?? 1;
    if (spans === 1)
      return chunks.map((chunk, index) =>
        step('fullyConnectedForward', family.forward(dims, { x, y }, chunk, epilogue), {
          x,
          weight: weightOfChunk(chunk, index),
          bias,
          y,
        }),
      );
    const partial: Tensor = { name: `${node.name}.partial`, bytes: spans * dims.N * dims.OUT * 16, kind: 'transient' };
    const sums: Step[] = chunks.map((chunk, index) =>
      stepOf(node.name, 'fullyConnectedForward', family.forward(dims, { x, y }, chunk, epilogue), {
        x,
        weight: weightOfChunk(chunk, index),
        partial,
      }),
    );
    return [...sums, step('fullyConnectedSum', family.sum(dims, { y }, spans, epilogue), { partial, bias, y })];
  },

  backward(site) {
    const { dY, dX, epilogue, step } = site;
    const { family, dims, chunks, weightOfChunk } = layout(site);
    return chunks.map((chunk, index) =>
      step('fullyConnectedBackward', family.backward(dims, { dX, dY }, chunk, epilogue), {
        dY,
        weight: weightOfChunk(chunk, index),
        dX,
      }),
    );
  },

  storesOnce: () => true,
});
