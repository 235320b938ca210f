/** The stages of a net with what can be read of each. */
import type { Graph } from '../graph';
import { tensorsOf } from './index';
import { type Stage, stagesOf } from './stages';

export interface ReadableStage extends Stage {
  /** What the stage ends in, as far as it can be read. */
  readonly tensor: string;
}

export function readableStagesOf(graph: Graph): readonly ReadableStage[] {
  const known = new Set(tensorsOf(graph).map(({ name }) => name));
  return stagesOf(graph).flatMap((stage) => {
    const tensor = [...stage.nodes, stage.end].findLast((name) => known.has(name));
    return tensor === undefined ? [] : [{ ...stage, tensor }];
  });
}
