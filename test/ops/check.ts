/**
 * One operator between an image and a few scores, on a GPU and in the oracle. The scores are fully connected, so that
 * the gradient that reaches the operator is dense: a one-hot seed would hide wrong indices.
 *
 * Most cases compute with small whole numbers. Float32 adds those exactly and in any order, so the GPU must equal the
 * oracle to the last bit, and ties and zeros are everywhere.
 */
import * as fc from 'fast-check';
import { afterAll } from 'vitest';
import { Engine } from '../../src/engine';
import type { Extents, Graph, Pair, Window } from '../../src/graph';
import { Device } from '../../src/gpu/device';
import { Model } from '../../src/model';
import { memoryStore } from '../../src/variants/stored';
import { PLAIN, type Variants } from '../../src/variants/variants';
import type { ReluRule } from '../../src/options';
import { type Features, type NodeDriver, nodeDevice, shareOn } from '../node';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import { slide } from '../oracle/window';
import { type Draw, Net, batchOf, whole } from './net';

export * from './net';

export const RULES: readonly ReluRule[] = ['gradient', 'deconvnet', 'guided'];

// The same shapes in every run; another seed by GRADLENS_SEED.
fc.configureGlobal({ seed: Number(process.env['GRADLENS_SEED'] ?? 1) });

/** For what float32 rounds: a few of its ulps, added up over these small shapes. */
export const ROUNDING = 2e-6;

const engines = new Map<string, Promise<Engine>>();

/** An engine on a borrowed device with WebGPU's default limits; one per driver, features and test file. */
export function engineOn(driver: NodeDriver, features: Features = 'all'): Promise<Engine> {
  const key = `${driver} ${features}`;
  const engine =
    engines.get(key) ?? nodeDevice(driver, features).then(({ device, adapter }) => Engine.create({ device, adapter }));
  engines.set(key, engine);
  return engine;
}

afterAll(async () => {
  for (const engine of engines.values()) {
    const { device } = await engine;
    (await engine).dispose();
    device.destroy();
  }
});

/** What loads a graph: an engine, or something that chooses its kernels otherwise. */
export type Loader = { load(graph: Graph, options?: { batch?: number }): Promise<Model> };

/** Loads graphs so that layers run as told, and the rest in the plain way. */
export async function loaderOf(
  driver: NodeDriver,
  variants: Partial<Variants>,
  { features = 'all', precision = 'f32' }: { features?: Features; precision?: 'f32' | 'f16' } = {},
): Promise<Loader> {
  const { device } = await engineOn(driver, features);
  const forced = new Device(device, {
    owned: false,
    tuningStore: memoryStore(),
    variants: { ...PLAIN, ...variants },
  });
  return {
    load: (graph, { batch = 1 } = {}) =>
      forced.calls.run({}, (call) =>
        Model.create(
          forced,
          {
            file: { graph, labels: [], provenance: {} },
            options: { batch, tune: false, precision },
            onDispose: () => {},
            load: () => Promise.reject(new Error('no other batch is tested here')),
          },
          call,
        ),
      ),
  };
}

/** How many of a property's runs are made on a driver. */
export const runsOn = (driver: NodeDriver, runs: number): number => Math.ceil(runs * shareOn(driver));

/** Largest relative error of any item's scores or gradient, each item with its own class. */
export async function errorOf(
  engine: Loader,
  graph: Graph,
  items: readonly Float64Array[],
  {
    classes,
    relu = 'gradient',
    score = 'logit',
  }: { classes: readonly number[]; relu?: ReluRule; score?: 'logit' | 'probability' },
): Promise<number> {
  using model = await engine.load(graph, { batch: items.length });
  const { scores, gradient } = await model.inputGradient(batchOf(graph, items), { class: classes, relu, score });
  const size = gradient.length / items.length;
  return Math.max(
    ...items.flatMap((item, n) => {
      const expected = graphGradient(graph, item, { class: classes[n]!, relu, score });
      return [
        relativeL2(scores.subarray(n * model.classes, (n + 1) * model.classes), expected.scores),
        relativeL2(gradient.subarray(n * size, (n + 1) * size), expected.gradient),
      ];
    }),
  );
}

/** The gradient of class 0 at one image. */
export async function gradientOf(
  engine: Loader,
  graph: Graph,
  image: readonly number[],
  relu: ReluRule = 'gradient',
): Promise<number[]> {
  using model = await engine.load(graph);
  const { gradient } = await model.inputGradient(batchOf(graph, [Float64Array.from(image)]), { class: 0, relu });
  return [...gradient].map((value) => value + 0); // no negative zeros
}

/** What stands around the operator: every epilogue of a backward kernel occurs. */
export interface Around {
  /** A ReLU before it: its gradient is masked. */
  readonly rectified: boolean;
  /**
   * Another reader of its input, which comes earlier or later in the graph: its gradient is added to, masked or not.
   */
  readonly branch: 'none' | 'before' | 'after';
  readonly batch: number;
  readonly rule: ReluRule;
  readonly seed: number;
}

export const around: fc.Arbitrary<Around> = fc.record({
  rectified: fc.boolean(),
  branch: fc.constantFrom('none', 'before', 'after'),
  batch: fc.constantFrom(1, 3),
  rule: fc.constantFrom(...RULES),
  seed: fc.nat(1e6),
});

/** The error of an operator, put between an image and five scores. */
export function errorAround(
  engine: Loader,
  input: Extents,
  { rectified, branch, batch, rule, seed }: Around,
  operator: (net: Net, x: string) => string,
  draw: Draw = whole,
): Promise<number> {
  const net = new Net(input, seed, draw);
  const x = rectified ? net.relu('image') : 'image';
  const early = branch === 'before' ? [net.fullyConnected(x, 5)] : [];
  const scores = net.fullyConnected(operator(net, x), 5);
  const late = branch === 'after' ? [net.fullyConnected(x, 5)] : [];
  const all = [...early, scores, ...late];
  const output = all.length > 1 ? net.add({ op: 'add', inputs: all }) : scores;
  const graph = net.graph(output);
  return errorOf(
    engine,
    graph,
    Array.from({ length: batch }, () => net.image()),
    { classes: Array.from({ length: batch }, (_, n) => [3, 0, 4, 1, 2][n % 5]!), relu: rule },
  );
}

// ── awkward shapes ──

export const channels: fc.Arbitrary<number> = fc.integer({ min: 1, max: 9 });

/** Planes: 1×1 now and then, never square on purpose, wider than one strip of eight. */
export const plane: fc.Arbitrary<{ readonly H: number; readonly W: number }> = fc.record({
  H: fc.oneof({ weight: 1, arbitrary: fc.constant(1) }, { weight: 6, arbitrary: fc.integer({ min: 2, max: 9 }) }),
  W: fc.oneof({ weight: 1, arbitrary: fc.constant(1) }, { weight: 6, arbitrary: fc.integer({ min: 2, max: 19 }) }),
});

const pair = (max: number): fc.Arbitrary<Pair> => fc.tuple(fc.integer({ min: 1, max }), fc.integer({ min: 1, max }));
const pad = fc.nat(3);

export const anyWindow: fc.Arbitrary<Required<Window>> = fc.record({
  kernel: pair(4),
  stride: pair(3),
  pads: fc.oneof(fc.constant([0, 0, 0, 0] as const), fc.tuple(pad, pad, pad, pad)),
  dilation: fc.oneof({ weight: 2, arbitrary: fc.constant([1, 1] as const) }, { weight: 1, arbitrary: pair(3) }),
});

/** Whether a window fits into a plane, and (as pooling needs) each of its positions sees something of it. */
export function fits(
  window: Window & { readonly ceil?: boolean },
  input: Omit<Extents, 'C'>,
  everywhere = false,
): boolean {
  try {
    const { P, Q, taps } = slide(window, { C: 1, ...input }, window.ceil);
    return (
      !everywhere ||
      Array.from({ length: P * Q }, (_, i) => taps(Math.floor(i / Q), i % Q).length).every((count) => count > 0)
    );
  } catch {
    return false;
  }
}
