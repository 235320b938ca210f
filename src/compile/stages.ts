/** A net as a readable list: what is done at each size of plane, stage by stage. */
import type { Extents, Graph, GraphNode } from '../graph';
import { type Axis, elements } from '../shape';
import { inferExtents } from './extents';
import { networkOf } from './network';

/** Nodes in a row whose numbers belong to planes of one size. */
export interface Stage {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** The last of its tensors that lies in such planes, whose channels those are; where none does, the last. */
  readonly end: string;
  /** How many nodes of each operator. */
  readonly operators: Readonly<Record<string, number>>;
  /** Its nodes, in the graph's order. */
  readonly nodes: readonly string[];
}

type Plane = Pick<Extents, 'H' | 'W'>;

interface Open {
  readonly plane: Plane;
  end: readonly [name: string, extents: Extents];
  readonly nodes: GraphNode[];
}

/**
 * What squeezes planes to one number and spreads them again belongs to the stage around it, and what only moves numbers
 * to that of the node that comes after it.
 */
export function stagesOf(graph: Graph): readonly Stage[] {
  const extents = inferExtents(networkOf(graph));
  const planes = new Map<string, Plane>([[graph.input.name, graph.input.extents]]);
  const stages: Open[] = [];
  const waiting: GraphNode[] = [];
  for (const node of graph.nodes) {
    const own = extents.get(node.name)!;
    const plane = planeOf(node, own, { extents, planes });
    planes.set(node.name, plane);
    waiting.push(node);
    if (QUIET.includes(node.op) && node.name !== graph.output) continue;
    const same = (stage: Open | undefined): boolean => stage !== undefined && isSame(stage.plane, plane);
    if (same(stages.at(-2)) && isSame(stages.at(-1)!.plane, POINT)) {
      const { nodes } = stages.pop()!;
      stages.at(-1)!.nodes.push(...nodes);
    } else if (!same(stages.at(-1))) stages.push({ plane, end: [node.name, own], nodes: [] });
    const stage = stages.at(-1)!;
    if (isSame(own, plane) || !isSame(stage.end[1], plane)) stage.end = [node.name, own];
    stage.nodes.push(...waiting.splice(0));
  }
  return stages.map(({ end: [end, { C: channels, H: height, W: width }], nodes }) => ({
    height,
    width,
    channels,
    end,
    operators: countsOf(nodes),
    nodes: nodes.map(({ name }) => name),
  }));
}

const POINT: Plane = { H: 1, W: 1 };
const isSame = (a: Plane, b: Plane): boolean => a.H === b.H && a.W === b.W;

/** What only gives numbers other places, or copies of them more. */
const MOVES: readonly GraphNode['op'][] = ['expand', 'flatten', 'pad', 'permute', 'reshape', 'transpose'];
/** The same, and what computes nothing. */
const QUIET: readonly GraphNode['op'][] = [...MOVES, 'constant', 'identity'];
/** What takes one of our tensors for planes, wherever its axes come from. */
const WINDOWS: readonly GraphNode['op'][] = ['averagePool', 'conv', 'convTranspose', 'maxPool'];

/**
 * The planes that a tensor's numbers belong to. Round a layer norm or inside of attention a tensor lies otherwise, as a
 * list of tokens or with its channels last, and means are shorter: the numbers still belong to the planes that they
 * come from.
 */
function planeOf(
  node: GraphNode,
  own: Extents,
  { extents, planes }: { extents: ReadonlyMap<string, Extents>; planes: ReadonlyMap<string, Plane> },
): Plane {
  const area = (name: string): number => planes.get(name)!.H * planes.get(name)!.W;
  const [from] = node.inputs.toSorted((a, b) => area(b) - area(a));
  if (from === undefined) return POINT;
  const plane = planes.get(from)!;
  const lies = extents.get(from)!;
  if (node.op === 'fullyConnected') return own;
  if (node.op === 'reduce') return isMean(node.axes) ? POINT : plane;
  if (MOVES.includes(node.op)) return plane;
  if (isSame(lies, plane)) return own;
  return WINDOWS.includes(node.op) && !isSame(lies, own) ? own : plane;

  /** Whether axes are all places: height and width, or, where channels are last or tokens first, others as many. */
  function isMean(axes: readonly Axis[]): boolean {
    if (isSame(lies, plane)) return isSame(own, POINT);
    return axes.includes('C') && elements(lies) === elements(own) * plane.H * plane.W;
  }
}

function countsOf(nodes: Graph['nodes']): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/**
 * `conv, 3 relu`: what a stage is made of. What only moves numbers is counted, and named where there is nothing else.
 */
export function describeOperators({ operators }: Pick<Stage, 'operators'>): string {
  const all = Object.entries(operators);
  const computing = all.filter(([op]) => !QUIET.some((quiet) => quiet === op));
  const named = computing.length > 0 ? computing : all;
  const moves = all.filter((each) => !named.includes(each)).reduce((sum, [, count]) => sum + count, 0);
  return [
    ...named.map(([op, count]) => (count === 1 ? op : `${count} ${op}`)),
    ...(moves > 0 ? [moves === 1 ? 'a move' : `${moves} moves`] : []),
  ].join(', ');
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
