/**
 * Rewrites of what only moves elements: transposes and reshapings. Exporters turn a tensor before a layer and back
 * behind it; what is element by element in between may as well be done before, and then both turns are none.
 */
import { treatsAllAlike } from '../../shaders/curves';
import { MOST_AXES } from '../../shaders/permute';
import type { Extents, Weight } from '../graph';
import { type AffineNode, affineOf } from '../ops/affine';
import { AXES, elements, product } from '../shape';
import { inferExtents } from './extents';
import { type Layer, type Rewrite, isKept, readersOf } from './network';
import { prune } from './simplify';

/** The elements of a tensor, in order, as a tensor of this shape; its axis `order[k]` becomes axis k. */
interface Move {
  readonly shape: readonly number[];
  readonly order: readonly number[];
}

type MoveLayer = Layer & { readonly op: 'transpose' | 'permute' | 'reshape' | 'flatten' };

const isMove = (layer: Layer | undefined): layer is MoveLayer =>
  layer?.op === 'transpose' || layer?.op === 'permute' || layer?.op === 'reshape' || layer?.op === 'flatten';

function moveOf(layer: MoveLayer, x: Extents): Move {
  if (layer.op === 'permute') return layer;
  if (layer.op === 'transpose')
    return { shape: AXES.map((axis) => x[axis]), order: layer.order.map((axis) => AXES.indexOf(axis)) };
  return { shape: [elements(x)], order: [0] };
}

// ── moves in a row ──

/** Moves in a row are one, where it has no more axes than a permutation can have. */
export const mergeMoves: Rewrite = (network) => {
  const extents = inferExtents(network);
  const merged = new Map<string, { readonly source: string; readonly move: Move }>();
  const layers = network.layers.map((layer): Layer => {
    if (!isMove(layer)) return layer;
    const [read] = layer.inputs as readonly [string];
    const own = moveOf(layer, extents.get(read)!);
    const before = merged.get(read);
    const move = before && composed(before.move, own);
    const { source } = move ? before : { source: read };
    merged.set(layer.name, { source, move: move ?? own });
    if (!move) return layer;
    const { C, H, W } = extents.get(layer.name)!;
    const { name } = layer;
    return isInPlace(move)
      ? { op: 'reshape', name, inputs: [source], extents: [C, H, W] }
      : { op: 'permute', name, inputs: [source], ...move, extents: [C, H, W] };
  });
  return prune({ ...network, layers });
};

const isInPlace = ({ order }: Move): boolean => order.every((axis, k) => axis === k);

/** One move for two, the second on what the first writes; null where it would have too many axes, or none fits. */
function composed(first: Move, second: Move): Move | null {
  const between = refined(
    first.order.map((axis) => first.shape[axis]!),
    second.shape,
  );
  if (!between) return null;
  // every axis between the two, by its place in what the first reads
  const places = between.map(({ left }, k) => ({ k, axis: first.order[left]!, extent: between[k]!.extent }));
  const inPlace = places.toSorted((a, b) => a.axis - b.axis || a.k - b.k);
  const order = second.order.flatMap((axis) =>
    between.flatMap(({ right }, k) => (right === axis ? [inPlace.findIndex((place) => place.k === k)] : [])),
  );
  const move = grouped({ shape: inPlace.map(({ extent }) => extent), order });
  return move.shape.length <= MOST_AXES ? move : null;
}

/** Two shapes of one number of elements, cut so finely that the axes of both are whole runs; null where none does. */
function refined(
  left: readonly number[],
  right: readonly number[],
): readonly { readonly extent: number; readonly left: number; readonly right: number }[] | null {
  const pieces: { extent: number; left: number; right: number }[] = [];
  let [i, j] = [0, 0];
  let [a, b] = [left[0] ?? 1, right[0] ?? 1];
  while (i < left.length && j < right.length) {
    const extent = Math.min(a, b);
    if (a % extent !== 0 || b % extent !== 0) return null;
    if (extent > 1) pieces.push({ extent, left: i, right: j });
    [a, b] = [a / extent, b / extent];
    if (a === 1) a = left[++i] ?? 1;
    if (b === 1) b = right[++j] ?? 1;
  }
  return pieces;
}

/** Neighbours before that are neighbours after are one axis. */
function grouped({ shape, order }: Move): Move {
  const runs: number[][] = [];
  for (const axis of order) {
    const last = runs.at(-1);
    if (last && last.at(-1) === axis - 1) last.push(axis);
    else runs.push([axis]);
  }
  const inPlace = runs.toSorted(([a = 0], [b = 0]) => a - b);
  return {
    shape: inPlace.map((run) => product(run.map((axis) => shape[axis]!))),
    order: runs.map((run) => inPlace.indexOf(run)),
  };
}

// ── moves behind what is element by element ──

/** What is done to every element by itself is done before a move that nothing else reads, and the move behind it. */
export const sinkMoves: Rewrite = (network) => {
  const extents = new Map(inferExtents(network));
  const readers = readersOf(network);
  const weights = new Map(network.weights);
  const moved = new Map(network.layers.filter(isMove).map((layer) => [layer.name, layer]));
  const layers = network.layers.flatMap((layer): readonly Layer[] => {
    const [read = ''] = layer.inputs;
    const move = moved.get(read);
    if (!move || (readers.get(read)?.length ?? 0) > 1 || isKept(network, read)) return [layer];
    const [source] = move.inputs as readonly [string];
    const from = extents.get(source)!;
    const name = `${layer.name} before ${move.name}`;
    const before = layer.op === 'affine' ? unmoved(layer, move, { extents, weights }) : layer;
    if (!isElementwise(before)) return [layer];
    extents.set(name, from);
    const behind = { ...move, name: layer.name, inputs: [name] };
    moved.set(layer.name, behind);
    return [{ ...before, name, inputs: [source] }, behind];
  });
  return prune({ ...network, layers, weights });
};

/** Whether a layer treats all elements alike, or is a scale and bias that {@link unmoved} has turned. */
const isElementwise = ({ op }: Layer): boolean => op === 'relu' || op === 'affine' || treatsAllAlike(op);

/** A scale and a bias as they are before a move: per channel where that is all that they vary with. */
function unmoved(
  layer: AffineNode,
  move: MoveLayer,
  { extents, weights }: { readonly extents: ReadonlyMap<string, Extents>; readonly weights: Map<string, Weight> },
): AffineNode {
  const to = extents.get(move.name)!;
  const from = extents.get(move.inputs[0]!)!;
  const sources = sourcesOf(moveOf(move, from));
  const { scale, bias, perElement } = affineOf(layer, to, weights);
  const plane = to.H * to.W;
  const turned = (values: Float64Array | null, role: 'scale' | 'bias'): { readonly [role: string]: string } => {
    if (!values) return {};
    const data = new Float32Array(elements(from));
    sources.forEach((source, k) => {
      data[source] = values[perElement ? k : Math.floor(k / plane)]!;
    });
    const pixels = from.H * from.W;
    const isPerChannel = data.every((value, i) => value === data[i - (i % pixels)]);
    const name = `${layer.name} before ${move.name}.${role}`;
    weights.set(
      name,
      isPerChannel
        ? { shape: [from.C], data: Float32Array.from({ length: from.C }, (_, c) => data[c * pixels]!) }
        : { shape: [from.C, from.H, from.W], data },
    );
    return { [role]: name };
  };
  const { scale: _, bias: __, ...rest } = layer;
  return { ...rest, ...turned(scale, 'scale'), ...turned(bias, 'bias') };
}

/** Which element of its input each element of a move's result is. */
function sourcesOf({ shape, order }: Move): Uint32Array {
  const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
  let sources = Uint32Array.of(0);
  for (const axis of order) {
    const extent = shape[axis]!;
    const longer = new Uint32Array(sources.length * extent);
    sources.forEach((source, k) => {
      for (let digit = 0; digit < extent; digit++) longer[k * extent + digit] = source + digit * strides[axis]!;
    });
    sources = longer;
  }
  return sources;
}
