/** A net as a readable list: what is done at each size of plane, stage by stage. */
import type { Graph } from '../graph';
import { inferExtents } from './extents';
import { networkOf } from './network';

/** Nodes in a row whose tensors have planes of one size. */
export interface Stage {
  readonly height: number;
  readonly width: number;
  /** Channels of its last tensor. */
  readonly channels: number;
  /** How many nodes of each operator. */
  readonly operators: Readonly<Record<string, number>>;
  /** Its nodes, in the graph's order; the last one writes the tensor that the stage ends in. */
  readonly nodes: readonly string[];
}

/** What squeezes planes to one number and spreads them again belongs to the stage around it. */
export function stagesOf(graph: Graph): readonly Stage[] {
  const extents = inferExtents(networkOf(graph));
  const stages: { height: number; width: number; channels: number; nodes: Graph['nodes'][number][] }[] = [];
  for (const node of graph.nodes) {
    const { C: channels, H: height, W: width } = extents.get(node.name)!;
    const same = (stage: (typeof stages)[number] | undefined): boolean =>
      stage?.height === height && stage.width === width;
    if (same(stages.at(-2)) && stages.at(-1)!.height * stages.at(-1)!.width === 1) {
      const { nodes } = stages.pop()!;
      stages.at(-1)!.nodes.push(...nodes);
    } else if (!same(stages.at(-1))) stages.push({ height, width, channels, nodes: [] });
    const stage = stages.at(-1)!;
    stage.channels = channels;
    stage.nodes.push(node);
  }
  return stages.map(({ nodes, ...stage }) => ({
    ...stage,
    operators: countsOf(nodes),
    nodes: nodes.map(({ name }) => name),
  }));
}

function countsOf(nodes: Graph['nodes']): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/** `conv, 3 relu`: what a stage is made of. */
export function describeOperators({ operators }: Pick<Stage, 'operators'>): string {
  return Object.entries(operators)
    .map(([op, count]) => (count === 1 ? op : `${count} ${op}`))
    .join(', ');
}

/**
 * The stage that a step of the net's plan belongs to, by the step's label, which begins with the name of its layer.
 * What prepares the image belongs to the first.
 */
export function stageOfStep(stages: readonly Stage[], label: string): number {
  let [found, longest] = [0, 0];
  stages.forEach(({ nodes }, k) => {
    for (const name of nodes)
      if (name.length > longest && (label === name || label.startsWith(`${name}.`)))
        [found, longest] = [k, name.length];
  });
  return found;
}
