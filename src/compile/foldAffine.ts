import type { Weight } from '../graph';
import { type AffineNode, type BatchNormNode, affineOf } from '../ops/affine';
import type { ConvNode } from '../ops/conv';
import type { FullyConnectedNode } from '../ops/fullyConnected';
import type { Layer } from './network';
import { inferExtents } from './extents';
import { type ExtentsByName, type Rewrite, isKept, readersOf, without } from './network';

/**
 * A scale and a bias per channel (batch-norm is one) after a convolution, a fully connected layer or another such
 * scale, that nothing else reads, are a scale of its weights and a change of its bias: computed in float64, once. Where
 * it cannot fold it stands. Front to back, so that a whole row of them folds into one layer.
 */
export const foldAffine: Rewrite = (network) => {
  const readers = readersOf(network);
  const extents = inferExtents(network);
  const weights = new Map(network.weights);
  const changed = new Map<string, Layer>();
  const removed = new Map<string, string>();
  const into = (name: string): string => (removed.has(name) ? into(removed.get(name)!) : name);
  const layers = new Map(network.layers.map((layer) => [layer.name, layer]));
  for (const layer of network.layers) {
    if (layer.op !== 'batchNorm' && layer.op !== 'affine') continue;
    const read = layer.inputs[0]!;
    const target = into(read);
    const before = changed.get(target) ?? layers.get(target);
    if (!before || readers.get(read)!.length > 1 || isKept(network, read)) continue;
    const merged = merge(before, layer, { extents, weights });
    if (!merged) continue;
    changed.set(target, merged);
    removed.set(layer.name, target);
  }
  return without(
    { ...network, weights, layers: network.layers.map((layer) => changed.get(layer.name) ?? layer) },
    removed,
  );
};

interface Surroundings {
  readonly extents: ExtentsByName;
  readonly weights: Map<string, Weight>;
}

function merge(
  before: Layer,
  layer: BatchNormNode | AffineNode,
  { extents, weights }: Surroundings,
): Layer | undefined {
  if (before.relu || before.pooled) return undefined;
  const plane = extents.get(layer.name)!;
  const second = affineOf(layer, plane, weights);
  if (before.op === 'conv' || before.op === 'fullyConnected')
    return second.perElement && plane.H * plane.W > 1 ? undefined : fold(before, layer, second, weights);
  if (before.op !== 'batchNorm' && before.op !== 'affine') return undefined;
  const first = affineOf(before, plane, weights);
  if (first.perElement !== second.perElement) return undefined;
  const shape = first.perElement ? [plane.C, plane.H, plane.W] : [plane.C];
  const count = shape.reduce((a, b) => a * b, 1);
  const named = (role: string, value: (i: number) => number): string => {
    const name = `${before.name}·${layer.name}.${role}`;
    weights.set(name, { shape, data: Float32Array.from({ length: count }, (_, i) => value(i)) });
    return name;
  };
  const at = (values: Float64Array | null, i: number, otherwise: number): number => values?.[i] ?? otherwise;
  const { name, inputs } = before;
  return {
    op: 'affine',
    name,
    inputs,
    scale: named('scale', (i) => at(first.scale, i, 1) * at(second.scale, i, 1)),
    bias: named('bias', (i) => at(first.bias, i, 0) * at(second.scale, i, 1) + at(second.bias, i, 0)),
  };
}

function fold(
  layer: ConvNode | FullyConnectedNode,
  next: BatchNormNode | AffineNode,
  { scale, bias }: { readonly scale: Float64Array | null; readonly bias: Float64Array | null },
  weights: Map<string, Weight>,
): Layer {
  const weight = weights.get(layer.weight)!;
  const channels = weight.shape[0]!;
  const perChannel = weight.data.length / channels;
  const before = layer.bias === undefined ? null : weights.get(layer.bias)!.data;
  const names = {
    weight: scale ? `${layer.weight}·${next.name}` : layer.weight,
    bias: `${layer.bias ?? layer.name}·${next.name}.bias`,
  };
  if (scale)
    weights.set(names.weight, {
      shape: weight.shape,
      data: weight.data.map((value, i) => value * scale[Math.floor(i / perChannel)]!),
    });
  const shifted = (c: number): number => (bias?.[c] ?? 0) + (before ? before[c]! * (scale?.[c] ?? 1) : 0);
  weights.set(names.bias, { shape: [channels], data: Float32Array.from({ length: channels }, (_, c) => shifted(c)) });
  return { ...layer, ...names };
}
