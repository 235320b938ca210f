/**
 * Maximum flow and minimum cut of a grid, by Boykov and Kolmogorov's algorithm (PAMI 2004): two trees, of arcs that
 * are not yet full, grow from source and sink; where they meet, flow is pushed. A pixel that this cuts off its
 * tree is attached to it elsewhere, or set free.
 */
import { GradlensError } from '../errors';

/** A graph of pixels. All capacities are finite and not negative. */
export interface Grid {
  readonly width: number;
  readonly height: number;
  /** From the source to each pixel: what it costs to label the pixel 0. */
  readonly source: Float64Array;
  /** From each pixel to the sink: what it costs to label the pixel 1. */
  readonly sink: Float64Array;
  /**
   * Between each pixel and its neighbour to the right, below and, if there are four, below to the right and below to
   * the left; the same both ways. What leaves the grid is not looked at.
   */
  readonly pairs: readonly Float64Array[];
}

export interface Cut {
  /** The largest flow from source to sink. */
  readonly flow: number;
  /** Capacity of what the labels cut, summed anew from the grid. It equals the flow, but for rounding. */
  readonly capacity: number;
  /** 1 on the source's side, 0 on the sink's. Of the smallest cuts it is the one with the fewest ones. */
  readonly labels: Uint8Array;
}

/** For each of {@link Grid.pairs}: the neighbour's place. */
export const PAIR_STEPS: readonly (readonly [x: number, y: number])[] = [
  [1, 0],
  [0, 1],
  [1, 1],
  [-1, 1],
];

/**
 * @throws GradlensError `shape` for arrays of another length than the grid's; `validation` for capacities that are
 *   negative or not finite
 */
export function maxFlow(grid: Grid): Cut {
  assertGrid(grid);
  const trees = new Trees(grid);
  trees.fill();
  const labels = trees.labels();
  return { flow: trees.flow, capacity: capacityOf(grid, labels), labels };
}

const [FREE, SOURCE, SINK] = [0, 1, 2];
/** In place of a direction: the parent is the source or the sink; there is none for now. */
const [ROOT, ORPHAN] = [8, 9];

/**
 * The trees of source and sink over the pixels of a grid, and what every arc still takes.
 *
 * A pixel is a number `p`, and a neighbour lies in a direction `d`, so that an arc is `p · 8 + d`; direction `d ^ 1`
 * leads back. A frame of pixels without capacities is laid around the grid, so that every pixel has all its neighbours.
 */
class Trees {
  /** What the trees have pushed from source to sink so far. */
  flow = 0;

  private readonly stride: number;
  /** From a pixel to its neighbour in each direction. */
  private readonly steps: Int32Array;
  /** What each arc still takes. */
  private readonly residual: Float64Array;
  /**
   * What the arc from the source still takes or, if negative, the one to the sink: never both, since that flow is
   * pushed at once.
   */
  private readonly terminal: Float64Array;
  /** Which tree holds a pixel. */
  private readonly tree: Uint8Array;
  /** The direction of a pixel's parent in its tree. */
  private readonly parent: Uint8Array;
  /** How far the root is, as it was known at `stamp`. */
  private readonly distance: Int32Array;
  private readonly stamp: Int32Array;
  private time = 0;
  private readonly active: Queue;
  private readonly orphans: Int32Array;
  private orphaned = 0;

  constructor(private readonly grid: Grid) {
    const { width, height, pairs } = grid;
    this.stride = width + 2;
    const size = this.stride * (height + 2);
    this.steps = Int32Array.from(
      pairs.flatMap((_, k) => [1, -1].map((sign) => sign * (PAIR_STEPS[k]![0] + PAIR_STEPS[k]![1] * this.stride))),
    );
    this.residual = new Float64Array(size * 8);
    this.terminal = new Float64Array(size);
    this.tree = new Uint8Array(size);
    this.parent = new Uint8Array(size);
    this.distance = new Int32Array(size);
    this.stamp = new Int32Array(size);
    this.orphans = new Int32Array(size);
    this.active = new Queue(size);
    this.openArcs();
    this.plant();
  }

  /** Pushes flow until the trees no longer meet. */
  fill(): void {
    const { tree, steps, active } = this;
    for (let p = this.nextActive(); p >= 0; ) {
      const d = this.grow(p);
      if (d < 0) {
        p = this.nextActive();
        continue;
      }
      this.time++;
      active.hold(p); // not all its neighbours were looked at
      if (tree[p] === SOURCE) this.augment(p, d);
      else this.augment(p + steps[d]!, d ^ 1);
      for (let k = 0; k < this.orphaned; k++) this.adopt(this.orphans[k]!); // this may append more; none comes twice
      this.orphaned = 0;
      active.release(p);
      if (tree[p] === FREE) p = this.nextActive();
    }
  }

  /** 1 for pixels in the source's tree. */
  labels(): Uint8Array {
    const { width, height } = this.grid;
    const labels = new Uint8Array(width * height);
    for (let pixel = 0; pixel < labels.length; pixel++)
      labels[pixel] = this.tree[this.inside(pixel % width, Math.floor(pixel / width))] === SOURCE ? 1 : 0;
    return labels;
  }

  /** The pixel's number, within the frame. */
  private inside(x: number, y: number): number {
    return (y + 1) * this.stride + x + 1;
  }

  /** The grid's capacities, both ways between neighbours. */
  private openArcs(): void {
    const { residual, steps } = this;
    const { width, height, pairs } = this.grid;
    for (let k = 0; k < pairs.length; k++) {
      const [dx, dy] = PAIR_STEPS[k]!;
      const capacities = pairs[k]!;
      for (let y = 0; y < height - dy; y++) {
        for (let x = Math.max(-dx, 0); x < width - Math.max(dx, 0); x++) {
          const p = this.inside(x, y);
          const capacity = capacities[y * width + x]!;
          residual[(p << 3) | (2 * k)] = residual[((p + steps[2 * k]!) << 3) | (2 * k + 1)] = capacity;
        }
      }
    }
  }

  /** Pushes through each pixel what source and sink both take; what is left makes it a root of one tree. */
  private plant(): void {
    const { terminal, tree } = this;
    const { width, height, source, sink } = this.grid;
    for (let pixel = 0; pixel < width * height; pixel++) {
      const p = this.inside(pixel % width, Math.floor(pixel / width));
      this.flow += Math.min(source[pixel]!, sink[pixel]!);
      terminal[p] = source[pixel]! - sink[pixel]!;
      if (terminal[p] === 0) continue;
      tree[p] = terminal[p] > 0 ? SOURCE : SINK;
      this.parent[p] = ROOT;
      this.distance[p] = 1;
      this.active.add(p);
    }
  }

  /** The next pixel that may grow and is in a tree; −1 if there is none. */
  private nextActive(): number {
    for (let p = this.active.take(); p >= 0; p = this.active.take()) if (this.tree[p] !== FREE) return p;
    return -1;
  }

  /** Takes free neighbours into the pixel's tree; returns the direction of a neighbour in the other tree, or −1. */
  private grow(p: number): number {
    const { tree, parent, stamp, distance, residual, steps } = this;
    const own = tree[p]!;
    for (let d = 0; d < steps.length; d++) {
      const q = p + steps[d]!;
      const other = tree[q]!;
      if (other === own && (stamp[q]! > stamp[p]! || distance[q]! <= distance[p]!)) continue; // no nearer through p
      if (!((own === SOURCE ? residual[(p << 3) | d]! : residual[(q << 3) | (d ^ 1)]!) > 0)) continue;
      if (other === FREE) {
        tree[q] = own;
        this.active.add(q);
      } else if (other !== own) {
        return d;
      }
      parent[q] = d ^ 1;
      stamp[q] = stamp[p]!;
      distance[q] = distance[p]! + 1;
    }
    return -1;
  }

  /**
   * Pushes what the path from source to sink takes that crosses from tree to tree by the arc d of p. A pixel whose arc
   * from its parent is full then becomes an orphan.
   */
  private augment(p: number, d: number): void {
    const { parent, residual, terminal, steps } = this;
    const q = p + steps[d]!;
    let amount = residual[(p << 3) | d]!;
    let i = p;
    while (parent[i] !== ROOT) {
      const up = parent[i]!;
      i += steps[up]!;
      amount = Math.min(amount, residual[(i << 3) | (up ^ 1)]!);
    }
    let j = q;
    while (parent[j] !== ROOT) {
      const up = parent[j]!;
      amount = Math.min(amount, residual[(j << 3) | up]!);
      j += steps[up]!;
    }
    amount = Math.min(amount, terminal[i]!, -terminal[j]!);

    this.push(p, d, q, amount);
    for (i = p; parent[i] !== ROOT; ) {
      const up = parent[i]!;
      const above = i + steps[up]!;
      if (this.push(above, up ^ 1, i, amount)) this.orphan(i);
      i = above;
    }
    if ((terminal[i]! -= amount) === 0) this.orphan(i);
    for (j = q; parent[j] !== ROOT; ) {
      const up = parent[j]!;
      const above = j + steps[up]!;
      if (this.push(j, up, above, amount)) this.orphan(j);
      j = above;
    }
    if ((terminal[j]! += amount) === 0) this.orphan(j);
    this.flow += amount;
  }

  /** Pushes along the arc d from p to q; returns whether the arc is full now. */
  private push(p: number, d: number, q: number, amount: number): boolean {
    this.residual[(q << 3) | (d ^ 1)]! += amount;
    return (this.residual[(p << 3) | d]! -= amount) === 0;
  }

  private orphan(p: number): void {
    this.parent[p] = ORPHAN;
    this.orphans[this.orphaned++] = p;
  }

  /**
   * Hangs an orphan on the neighbour nearest to the root of its tree; if there is none, sets it free and makes its
   * children orphans.
   */
  private adopt(p: number): void {
    const { tree, parent, steps } = this;
    let nearest = Infinity;
    for (let d = 0; d < steps.length; d++) {
      if (!this.feeds(p, d)) continue;
      const far = this.distanceToRoot(p + steps[d]!);
      if (far >= nearest) continue;
      nearest = far;
      parent[p] = d;
    }
    if (nearest < Infinity) {
      this.stamp[p] = this.time;
      this.distance[p] = nearest + 1;
      return;
    }
    for (let d = 0; d < steps.length; d++) {
      const q = p + steps[d]!;
      if (tree[q] !== tree[p]) continue;
      if (this.feeds(p, d)) this.active.add(q); // it may take p back
      if (parent[q] === (d ^ 1)) this.orphan(q);
    }
    tree[p] = FREE;
  }

  /** Whether the neighbour in that direction is in p's tree, and the arc between them can still carry flow. */
  private feeds(p: number, d: number): boolean {
    const { tree, residual } = this;
    const q = p + this.steps[d]!;
    const own = tree[p]!;
    return tree[q] === own && (own === SOURCE ? residual[(q << 3) | (d ^ 1)]! : residual[(p << 3) | d]!) > 0;
  }

  /**
   * The distance of q's root, or Infinity if q hangs from an orphan. Pixels on the way remember theirs for this round.
   */
  private distanceToRoot(q: number): number {
    const { parent, stamp, distance, steps, time } = this;
    let far = 0;
    for (let i = q; ; i += steps[parent[i]!]!) {
      if (stamp[i] === time) {
        far += distance[i]!;
        break;
      }
      if (parent[i] === ORPHAN) return Infinity;
      far++;
      if (parent[i] === ROOT) {
        stamp[i] = time;
        distance[i] = 1;
        break;
      }
    }
    let left = far;
    for (let i = q; stamp[i] !== time; i += steps[parent[i]!]!) {
      stamp[i] = time;
      distance[i] = left--;
    }
    return far;
  }
}

/** Pixels that may still grow, first in first out; each at most once. */
class Queue {
  private readonly pixels: Int32Array;
  private readonly held: Uint8Array;
  private first = 0;
  private waiting = 0;

  constructor(private readonly size: number) {
    this.pixels = new Int32Array(size);
    this.held = new Uint8Array(size);
  }

  add(p: number): void {
    if (this.held[p]) return;
    this.held[p] = 1;
    const at = this.first + this.waiting++;
    this.pixels[at < this.size ? at : at - this.size] = p;
  }

  /** −1 if none waits. */
  take(): number {
    if (this.waiting === 0) return -1;
    const p = this.pixels[this.first]!;
    this.first = this.first + 1 < this.size ? this.first + 1 : 0;
    this.waiting--;
    this.held[p] = 0;
    return p;
  }

  /** Until it is released, the pixel is not added. */
  hold(p: number): void {
    this.held[p] = 1;
  }

  release(p: number): void {
    this.held[p] = 0;
  }
}

/** What a labelling cuts: its energy. */
export function capacityOf({ width, height, source, sink, pairs }: Grid, labels: Uint8Array): number {
  let sum = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      sum += labels[pixel] ? sink[pixel]! : source[pixel]!;
      for (let k = 0; k < pairs.length; k++) {
        const [dx, dy] = PAIR_STEPS[k]!;
        if (x + dx < 0 || x + dx >= width || y + dy >= height) continue;
        if (labels[pixel] !== labels[pixel + dy * width + dx]) sum += pairs[k]![pixel]!;
      }
    }
  }
  return sum;
}

function assertGrid({ width, height, source, sink, pairs }: Grid): void {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    throw new GradlensError('shape', `a grid of ${width}×${height} has no pixels`);
  if (pairs.length !== 2 && pairs.length !== 4)
    throw new GradlensError(
      'shape',
      `pairs has ${pairs.length} arrays; 2 (four neighbours) or 4 (eight) would be right`,
    );
  for (const [name, capacities] of [
    ['source', source],
    ['sink', sink],
    ...pairs.map((pair, k) => [`pairs[${k}]`, pair] as const),
  ] as const) {
    if (capacities.length !== width * height)
      throw new GradlensError(
        'shape',
        `${name} has ${capacities.length} capacities, the grid has ${width * height} pixels`,
      );
    const bad = capacities.findIndex((value) => !(value >= 0 && value < Infinity));
    if (bad >= 0)
      throw new GradlensError(
        'validation',
        `${name} has the capacity ${capacities[bad]} at ${bad}; capacities are finite and not negative`,
      );
  }
}
