/** What every engine under test looks like to the benchmark. */
import type { Graph, GraphNode, Pads } from '../../src/graph';

/** One network in one engine. */
export interface Session {
  /** An input `[N, C, H, W]` in the engine's own layout; not timed. */
  arrange?(input: Float32Array): Float32Array;
  /** Back to `[N, C, H, W]`; not timed. */
  restore?(gradient: Float32Array): Float32Array;
  /** Uploads the input, computes the scores, and reads them back. */
  forward(input: Float32Array): Promise<Float32Array>;
  /** Uploads the input, computes the scores and the gradient of one class per picture, and reads both back. */
  gradient(input: Float32Array, classes: readonly number[]): Promise<{ readonly scores: Float32Array; readonly gradient: Float32Array }>;
  /** Called before every timed run, and not timed. */
  before?(): Promise<unknown> | undefined;
  /** Bytes by purpose, where the engine knows. */
  readonly memory?: Readonly<Record<string, number>>;
  dispose(): void;
}

export interface Contender {
  readonly name: string;
  readonly version: string;
  /** Where it computes: only contenders on WebGPU have dispatches and bytes that can be counted. */
  readonly backend: 'webgpu' | 'webgl' | 'wasm';
  /** Contenders with the same name here compute on the same device, where the second finds shaders and buffers of the first. */
  readonly device: string;
  /** Fetches its code; not timed. */
  fetch(): Promise<void>;
  /** Takes the weights to where they are needed. Rejects if the engine cannot express the network. */
  prepare(network: Graph, batch: number): Promise<Session>;
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
export function perItem(values: Float32Array, batch: number, arrange: (item: Float32Array) => Float32Array): Float32Array {
  const size = values.length / batch;
  const result = new Float32Array(values.length);
  for (let n = 0; n < batch; n++) result.set(arrange(values.subarray(n * size, (n + 1) * size)), n * size);
  return result;
}

/** Ones at the classes, `[N × classes]`. */
export function oneHot(classes: readonly number[], count: number): Float32Array {
  const rows = new Float32Array(classes.length * count);
  classes.forEach((index, n) => { rows[n * count + index] = 1; });
  return rows;
}

/** The nodes of a graph, each with whether a ReLU directly follows that nothing else stands before; that ReLU itself is left out. */
export function withFusedRelus(graph: Graph): { readonly node: GraphNode; readonly output: string; readonly relu: boolean }[] {
  const readers = (name: string): GraphNode[] => graph.nodes.filter(({ inputs }) => inputs.includes(name));
  const fusedInto = new Map<string, string>();
  for (const node of graph.nodes) {
    const [reader, ...others] = readers(node.name);
    if ((node.op === 'conv' || node.op === 'fullyConnected') && reader?.op === 'relu' && others.length === 0) fusedInto.set(node.name, reader.name);
  }
  const dropped = new Set(fusedInto.values());
  return graph.nodes.filter(({ name }) => !dropped.has(name)).map((node) => ({ node, output: fusedInto.get(node.name) ?? node.name, relu: fusedInto.has(node.name) }));
}

export const isPadded = (pads: Pads | undefined): boolean => pads !== undefined && pads.some((pad) => pad > 0);
