/**
 * Maximum flow and minimum cut of a grid, by Boykov and Kolmogorov's algorithm (PAMI 2004): two trees of arcs that are
 * not yet full grow from source and sink; where they meet, flow is pushed; what that cuts off a tree is adopted by it
 * elsewhere, or set free.
 */

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

/** @throws RangeError for arrays of another length than the grid's, or capacities that are negative or not finite */
export function maxFlow(grid: Grid): Cut {
  assertGrid(grid);
  const { width, height, source, sink, pairs } = grid;
  // a frame of pixels without capacities, so that every pixel has all its neighbours
  const stride = width + 2;
  const size = stride * (height + 2);
  const inside = (x: number, y: number): number => (y + 1) * stride + x + 1;
  // direction d ^ 1 leads back
  const steps = Int32Array.from(
    pairs.flatMap((_, k) => [1, -1].map((sign) => sign * (PAIR_STEPS[k]![0] + PAIR_STEPS[k]![1] * stride))),
  );
  const directions = steps.length;

  /** What an arc, `pixel · 8 + direction`, still takes. */
  const residual = new Float64Array(size * 8);
  /**
   * What the arc from the source still takes or, if negative, the one to the sink: never both, that flow is pushed at
   * once.
   */
  const terminal = new Float64Array(size);
  const tree = new Uint8Array(size);
  /** The direction of a pixel's parent in its tree. */
  const parent = new Uint8Array(size);
  /** How far the root is, as it was known at `stamp`. */
  const distance = new Int32Array(size);
  const stamp = new Int32Array(size);
  /** Pixels that may still grow, first in first out; each at most once. */
  const active = new Int32Array(size);
  const isActive = new Uint8Array(size);
  let [first, waiting] = [0, 0];
  const orphans = new Int32Array(size);
  let orphaned = 0;
  let time = 0;
  let flow = 0;

  const activate = (p: number): void => {
    if (isActive[p]) return;
    isActive[p] = 1;
    const at = first + waiting++;
    active[at < size ? at : at - size] = p;
  };
  const nextActive = (): number => {
    while (waiting > 0) {
      const p = active[first]!;
      first = first + 1 < size ? first + 1 : 0;
      waiting--;
      isActive[p] = 0;
      if (tree[p] !== FREE) return p;
    }
    return -1;
  };
  const orphan = (p: number): void => {
    parent[p] = ORPHAN;
    orphans[orphaned++] = p;
  };

  /** Takes free neighbours into the pixel's tree; returns the direction of a neighbour in the other tree, or −1. */
  const grow = (p: number): number => {
    const own = tree[p]!;
    for (let d = 0; d < directions; d++) {
      const q = p + steps[d]!;
      const other = tree[q]!;
      if (other === own && (stamp[q]! > stamp[p]! || distance[q]! <= distance[p]!)) continue; // it is no nearer to the root through p
      if (!((own === SOURCE ? residual[(p << 3) | d]! : residual[(q << 3) | (d ^ 1)]!) > 0)) continue;
      if (other === FREE) {
        tree[q] = own;
        activate(q);
      } else if (other !== own) {
        return d;
      }
      parent[q] = d ^ 1;
      stamp[q] = stamp[p]!;
      distance[q] = distance[p]! + 1;
    }
    return -1;
  };

  /**
   * Pushes what the path from source to sink takes that crosses from tree to tree by the arc d of p; what it fills
   * makes orphans.
   */
  const augment = (p: number, d: number): void => {
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

    push(p, d, q, amount);
    for (i = p; parent[i] !== ROOT; ) {
      const up = parent[i]!;
      const above = i + steps[up]!;
      if (push(above, up ^ 1, i, amount)) orphan(i);
      i = above;
    }
    if ((terminal[i]! -= amount) === 0) orphan(i);
    for (j = q; parent[j] !== ROOT; ) {
      const up = parent[j]!;
      const above = j + steps[up]!;
      if (push(j, up, above, amount)) orphan(j);
      j = above;
    }
    if ((terminal[j]! += amount) === 0) orphan(j);
    flow += amount;
  };
  /** Returns whether the arc is full now. */
  const push = (p: number, d: number, q: number, amount: number): boolean => {
    residual[(q << 3) | (d ^ 1)]! += amount;
    return (residual[(p << 3) | d]! -= amount) === 0;
  };

  /**
   * The distance of q's root, or Infinity if q hangs from an orphan. Pixels on the way remember theirs for this round.
   */
  const distanceToRoot = (q: number): number => {
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
  };

  /**
   * Hangs an orphan on the neighbour nearest to the root of its tree; if there is none, sets it free and makes its
   * children orphans.
   */
  const adopt = (p: number): void => {
    const own = tree[p]!;
    const feeds = (d: number): boolean => {
      const q = p + steps[d]!;
      return tree[q] === own && (own === SOURCE ? residual[(q << 3) | (d ^ 1)]! : residual[(p << 3) | d]!) > 0;
    };
    let nearest = Infinity;
    for (let d = 0; d < directions; d++) {
      if (!feeds(d)) continue;
      const far = distanceToRoot(p + steps[d]!);
      if (far >= nearest) continue;
      nearest = far;
      parent[p] = d;
    }
    if (nearest < Infinity) {
      stamp[p] = time;
      distance[p] = nearest + 1;
      return;
    }
    for (let d = 0; d < directions; d++) {
      const q = p + steps[d]!;
      if (tree[q] !== own) continue;
      if (feeds(d)) activate(q); // it may take p back
      if (parent[q] === (d ^ 1)) orphan(q);
    }
    tree[p] = FREE;
  };

  for (let k = 0; k < pairs.length; k++) {
    const [dx, dy] = PAIR_STEPS[k]!;
    const capacities = pairs[k]!;
    for (let y = 0; y < height - dy; y++) {
      for (let x = Math.max(-dx, 0); x < width - Math.max(dx, 0); x++) {
        const p = inside(x, y);
        residual[(p << 3) | (2 * k)] = residual[((p + steps[2 * k]!) << 3) | (2 * k + 1)] = capacities[y * width + x]!;
      }
    }
  }
  for (let pixel = 0; pixel < width * height; pixel++) {
    const p = inside(pixel % width, Math.floor(pixel / width));
    flow += Math.min(source[pixel]!, sink[pixel]!);
    terminal[p] = source[pixel]! - sink[pixel]!;
    if (terminal[p] === 0) continue;
    tree[p] = terminal[p] > 0 ? SOURCE : SINK;
    parent[p] = ROOT;
    distance[p] = 1;
    activate(p);
  }

  for (let p = nextActive(); p >= 0; ) {
    const d = grow(p);
    if (d < 0) {
      p = nextActive();
      continue;
    }
    time++;
    isActive[p] = 1; // it is not through with its neighbours
    if (tree[p] === SOURCE) augment(p, d);
    else augment(p + steps[d]!, d ^ 1);
    for (let k = 0; k < orphaned; k++) adopt(orphans[k]!); // which may append more; none comes twice
    orphaned = 0;
    isActive[p] = 0;
    if (tree[p] === FREE) p = nextActive();
  }

  const labels = new Uint8Array(width * height);
  for (let pixel = 0; pixel < labels.length; pixel++)
    labels[pixel] = tree[inside(pixel % width, Math.floor(pixel / width))] === SOURCE ? 1 : 0;
  return { flow, capacity: capacityOf(grid, labels), labels };
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

const [FREE, SOURCE, SINK] = [0, 1, 2];
/** In place of a direction: the parent is the source or the sink; there is none for now. */
const [ROOT, ORPHAN] = [8, 9];

function assertGrid({ width, height, source, sink, pairs }: Grid): void {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    throw new RangeError(`a grid of ${width}×${height} has no pixels`);
  if (pairs.length !== 2 && pairs.length !== 4)
    throw new RangeError(`pairs has ${pairs.length} arrays; 2 (four neighbours) or 4 (eight) would be right`);
  for (const [name, capacities] of [
    ['source', source],
    ['sink', sink],
    ...pairs.map((pair, k) => [`pairs[${k}]`, pair] as const),
  ] as const) {
    if (capacities.length !== width * height)
      throw new RangeError(`${name} has ${capacities.length} capacities, the grid has ${width * height} pixels`);
    const bad = capacities.findIndex((value) => !(value >= 0 && value < Infinity));
    if (bad >= 0)
      throw new RangeError(
        `${name} has the capacity ${capacities[bad]} at ${bad}; capacities are finite and not negative`,
      );
  }
}
