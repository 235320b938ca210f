/** What every engine under test looks like to the benchmark. */
import type { Graph, GraphNode, Pads } from '../../src/graph';
import type { Profile } from '../../src';
import type { Precision, What } from '../networks';

/** One network in one engine. */
export interface Session {
  /** An input `[N, C, H, W]` in the engine's own layout; not timed. */
  arrange?(input: Float32Array): Float32Array;
  /** Back to `[N, C, H, W]`; not timed. */
  restore?(gradient: Float32Array): Float32Array;
  /** Uploads the input, computes the scores, and reads them back. */
  forward(input: Float32Array): Promise<Float32Array>;
  /** Uploads the input, computes the scores and the gradient of one class per picture, and reads both back. */
  gradient?(
    input: Float32Array,
    classes: readonly number[],
  ): Promise<{ readonly scores: Float32Array; readonly gradient: Float32Array }>;
  /** Begins a gradient ascent on one class per picture at an image in the engine's own layout. */
  ascend?(start: Float32Array, classes: readonly number[]): Promise<Ascending>;
  /** How long each of the engine's own steps takes, where it can tell. */
  profile?(input: Float32Array, classes: readonly number[], signal: AbortSignal | undefined): Promise<Profile>;
  /** Called before every timed run, and not timed. */
  before?(): Promise<unknown> | undefined;
  /** Bytes by purpose, where the engine knows. */
  readonly memory?: Readonly<Record<string, number>>;
  dispose(): void;
}

/** A gradient ascent under way, whose image stays where it is computed. */
export interface Ascending {
  /**
   * Up to `most` iterations, as many as the engine puts in a row; resolves with their number when the scores of the
   * last are in JavaScript.
   */
  advance(most: number): Promise<number>;
  /** The image so far, in the engine's own layout. */
  read(): Promise<Float32Array>;
  dispose(): void;
}

/** One iteration:  D = ∂S_c/∂I − 2λI,  I ← I + step · D / rms(D), for each picture by itself. */
export const ASCENT = { step: 0.05, l2: 1e-3, normalise: true } as const;

export interface Contender {
  readonly name: string;
  readonly version: string;
  /** Where it computes: only contenders on WebGPU have dispatches and bytes that can be counted. */
  readonly backend: 'webgpu' | 'webgl' | 'wasm';
  /**
   * Contenders with the same name here compute on the same device (one for each precision), where the second finds
   * shaders and buffers of the first.
   */
  readonly device: string;
  /** Fetches its code; not timed. */
  fetch(): Promise<void>;
  /** What it can be asked for; by default everything. */
  readonly offers?: readonly What[];
  /** What it can compute in; by default `f32` only. */
  readonly precisions?: readonly Precision[];
  /** Takes the weights to where they are needed. Rejects if the engine cannot express the network. */
  prepare(network: Graph, batch: number, precision: Precision): Promise<Session>;
  dispose(): void;
}

/** `[rows][columns]` of blocks → `[columns][rows]` of them. */
export function transposed(source: Float32Array, rows: number, columns: number, block = 1): Float32Array {
  const result = new Float32Array(source.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      for (let k = 0; k < block; k++) result[(c * rows + r) * block + k] = source[(r * columns + c) * block + k]!;
    }
  }
  return result;
}

/** Applies `arrange` to each of the `batch` items. */
export function perItem(
  values: Float32Array,
  batch: number,
  arrange: (item: Float32Array) => Float32Array,
): Float32Array {
  const size = values.length / batch;
  const result = new Float32Array(values.length);
  for (let n = 0; n < batch; n++) result.set(arrange(values.subarray(n * size, (n + 1) * size)), n * size);
  return result;
}

/** Ones at the classes, `[N × classes]`. */
export function oneHot(classes: readonly number[], count: number): Float32Array {
  const rows = new Float32Array(classes.length * count);
  classes.forEach((index, n) => {
    rows[n * count + index] = 1;
  });
  return rows;
}

/**
 * The nodes of a graph, each with whether a ReLU directly follows that nothing else stands before; that ReLU itself is
 * left out.
 */
export function withFusedRelus(
  graph: Graph,
): { readonly node: GraphNode; readonly output: string; readonly relu: boolean }[] {
  const readers = (name: string): GraphNode[] => graph.nodes.filter(({ inputs }) => inputs.includes(name));
  const fusedInto = new Map<string, string>();
  for (const node of graph.nodes) {
    const [reader, ...others] = readers(node.name);
    if ((node.op === 'conv' || node.op === 'fullyConnected') && reader?.op === 'relu' && others.length === 0)
      fusedInto.set(node.name, reader.name);
  }
  const dropped = new Set(fusedInto.values());
  return graph.nodes
    .filter(({ name }) => !dropped.has(name))
    .map((node) => ({ node, output: fusedInto.get(node.name) ?? node.name, relu: fusedInto.has(node.name) }));
}

export const isPadded = (pads: Pads | undefined): boolean => pads !== undefined && pads.some((pad) => pad > 0);

const PACE_MILLISECONDS = 80;
const MOST_IN_A_ROW = 64;

/**
 * An ascent of an engine that only knows single iterations: in a row go as many as take about 80 ms, as with gradlens.
 */
export function paced(
  iterate: () => void,
  scores: () => Promise<unknown>,
  rest: Omit<Ascending, 'advance'>,
): Ascending {
  let inARow = 1;
  return {
    ...rest,
    async advance(most) {
      const count = Math.min(most, inARow);
      const began = performance.now();
      for (let k = 0; k < count; k++) iterate();
      await scores();
      const each = (performance.now() - began) / count;
      inARow = Math.max(1, Math.min(MOST_IN_A_ROW, 2 * count, Math.floor(PACE_MILLISECONDS / each)));
      return count;
    },
  };
}
