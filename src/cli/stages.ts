/** A net as a readable list: what is done at each size of plane, one line each. */
import { inferExtents } from '../compile/extents';
import { networkOf } from '../compile/network';
import type { Graph } from '../index';

/** Nodes in a row whose tensors have planes of one size. */
export interface Stage {
  readonly height: number;
  readonly width: number;
  /** Channels of its last tensor. */
  readonly channels: number;
  /** How many nodes of each operator. */
  readonly operators: Readonly<Record<string, number>>;
}

/** What squeezes planes to one number and spreads them again belongs to the stage around it. */
export function stagesOf(graph: Graph): readonly Stage[] {
  const extents = inferExtents(networkOf(graph));
  const stages: { height: number; width: number; channels: number; counts: Map<string, number> }[] = [];
  for (const { name, op } of graph.nodes) {
    const { C: channels, H: height, W: width } = extents.get(name)!;
    const same = (stage: (typeof stages)[number] | undefined): boolean =>
      stage?.height === height && stage.width === width;
    if (same(stages.at(-2)) && stages.at(-1)!.height * stages.at(-1)!.width === 1) {
      const { counts } = stages.pop()!;
      for (const [inner, count] of counts) add(stages.at(-1)!.counts, inner, count);
    } else if (!same(stages.at(-1))) stages.push({ height, width, channels, counts: new Map() });
    const stage = stages.at(-1)!;
    stage.channels = channels;
    add(stage.counts, op, 1);
  }
  return stages.map(({ counts, ...stage }) => ({ ...stage, operators: Object.fromEntries(counts) }));
}

function add(counts: Map<string, number>, op: string, count: number): void {
  counts.set(op, (counts.get(op) ?? 0) + count);
}

export function printStages(stages: readonly Stage[]): string[] {
  const sizes = stages.map(({ height, width, channels }) => `${channels}×${height}×${width}`);
  const longest = Math.max(0, ...sizes.map(({ length }) => length));
  return stages.map(({ operators }, k) => {
    const held = Object.entries(operators).map(([op, count]) => (count === 1 ? op : `${count} ${op}`));
    return `${k === 0 ? 'stages' : '      '}        ${sizes[k]!.padEnd(longest)}  ${held.join(', ')}`;
  });
}
