/** Graph → Plan, without a GPU. */
import type { Half } from '../../shaders/tensor';
import { GradlensError } from '../errors';
import type { Extents, Graph } from '../graph';
import { PLAIN, type Variants } from '../variants/variants';
import { type Steps, differentiate } from './differentiate';
import { inferExtents } from './extents';
import { foldAffine } from './foldAffine';
import { foldPad } from './foldPad';
import { fusePool } from './fusePool';
import { fuseRelu } from './fuseRelu';
import { halve } from './halve';
import { joinPasses, joinSiblings } from './joinSiblings';
import { type Network, type Rewrite, networkOf } from './network';
import { type Plan, plan } from './plan';
import { mergeMoves, sinkMoves } from './moves';
import { absorbReshapes, dropIdentities, nameRelus, prune, takeScore } from './simplify';
import { enterImage } from './spaceToDepth';

import { windowPools } from './windowPools';

export type { Memory, Plan } from './plan';

export interface CompileOptions {
  /** Items per run. */
  readonly batch: number;
  /** The device's `maxStorageBufferBindingSize`. */
  readonly bindingBytes: number;
  /** Which kernels; default: the plain ones, which run on every device. */
  readonly variants?: Variants;
  /** The tensor to differentiate, a soft-max too; default: the class scores. */
  readonly target?: string;
  /** Tensors that are read and seeded from outside; then the way back begins there, and at no score. */
  readonly taps?: readonly string[];
  /** Look at the margins of its decisions, by this (`watch.ts`), which few fetch; default: do not. */
  readonly watching?: typeof import('./watch');
  /** Weights and activations in half precision, and how; default: in float32. */
  readonly half?: Half;
}

/** In this order: each finds what it looks for because of those before it. */
export const REWRITES: readonly Rewrite[] = [
  takeScore,
  prune,
  nameRelus,
  dropIdentities,
  windowPools,
  sinkMoves,
  mergeMoves,
  absorbReshapes,
  foldPad,
  foldAffine,
  fuseRelu,
  fusePool,
  enterImage,
];

/**
 * @throws GradlensError `shape`, `model-format`, `unsupported-op` or `limit`, naming the layer.
 */
export function compile(graph: Graph, options: CompileOptions): Plan {
  return planOf(graph, options, REWRITES);
}

/** Where decisions are watched, they have layers of their own. */
const FUSING: readonly Rewrite[] = [fuseRelu, fusePool, enterImage];

const rewritten = (network: Network, rewrites: readonly Rewrite[]): Network =>
  rewrites.reduce((current, rewrite) => rewrite(current), network);

/** As {@link compile}, by these rewrites: to see what one of them buys. */
export function planOf(graph: Graph, options: CompileOptions, rewrites: readonly Rewrite[]): Plan {
  const { batch, bindingBytes, variants = PLAIN, target, taps, half, watching } = options;
  const [begin, chosen] =
    target === undefined
      ? [networkOf(graph, taps), rewrites]
      : [networkOf({ ...graph, output: target }), rewrites.filter((rewrite) => rewrite !== takeScore)];
  const unfused = watching
    ? rewritten(
        begin,
        chosen.filter((rewrite) => !FUSING.includes(rewrite)),
      )
    : null;
  const unit = watching ? watching.UNIT[half ? 'f16' : 'f32'] : 0;
  const network =
    watching && unfused ? rewritten(unfused, [watching.watch(unit), enterImage]) : rewritten(begin, chosen);
  if (!network.layers.some(({ name }) => name === network.output)) {
    throw new GradlensError(
      'model-format',
      `'${target ?? graph.output}' is the input itself under another name: nothing is computed`,
      { output: target ?? graph.output },
    );
  }
  const untapped = [...network.kept].find(([, name]) => !network.layers.some((layer) => layer.name === name));
  if (untapped)
    throw new GradlensError('shape', `'${untapped[0]}' is the input itself under another name`, {
      tensor: untapped[0],
    });
  const steps = differentiate(network, batch, bindingBytes, variants);
  const stored = half ? halve(steps, half) : steps;
  // what is asked for is taken out of its layer and copied, by steps that mostly do not wait for one another
  const joinOthers = taps === undefined ? (alone: Steps) => alone : joinPasses;
  return plan(graph.name, batch, (variants.joined ? joinSiblings : joinOthers)(stored), {
    bindingBytes,
    inputExtents: graph.input.extents,
    watched: watching && unfused ? watching.watchedIn(unfused, unit, steps.backward) : null,
  });
}

/** The tensors that a graph computes from its input, by its own names. */
export function tensorsOf(graph: Graph): readonly (Extents & { readonly name: string })[] {
  const extents = inferExtents(networkOf(graph));
  return graph.nodes.filter(({ op }) => op !== 'constant').map(({ name }) => ({ name, ...extents.get(name)! }));
}

/** The last tensor before the scores that has more than one pixel; the input's name, if none has. */
export function lastPlaneOf(graph: Graph): string {
  return planesIn(graph).at(-1)?.name ?? graph.input.name;
}

/**
 * For each extents of a plane the last tensor that has them, in the graph's order, without those that have a channel
 * per class.
 */
export function planesOf(graph: Graph, classes: number): readonly string[] {
  const last = new Map(
    planesIn(graph)
      .filter(({ C }) => C !== classes)
      .map(({ name, H, W }) => [`${H}×${W}`, name]),
  );
  const names = new Set(last.values());
  return graph.nodes.map(({ name }) => name).filter((name) => names.has(name));
}

/** The tensors before the scores, as the graph names them, that have more than one pixel. */
function planesIn(graph: Graph): readonly (Extents & { readonly name: string })[] {
  const network = rewritten(networkOf(graph), [takeScore, prune, dropIdentities, windowPools]);
  const extents = inferExtents(network);
  const ofTheGraph = new Set(
    graph.nodes.filter(({ op }) => op !== 'flatten' && op !== 'reshape').map(({ name }) => name),
  );
  return network.layers
    .filter(({ name }) => ofTheGraph.has(name))
    .map(({ name }) => ({ name, ...extents.get(name)! }))
    .filter(({ H, W }) => H * W > 1);
}
