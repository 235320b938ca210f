/** Probes of whole nets against the oracle: what is read, and what comes back. */
import { expect } from 'vitest';
import type { Engine } from '../../src/engine';
import type { Graph } from '../../src/graph';
import type { Model } from '../../src/model';
import type { ReluRule } from '../../src/options';
import { batchOf } from '../ops/net';
import { relativeL2 } from '../oracle/compare';
import { inputAwayFromKinks } from '../oracle/kinks';
import { graphGradient } from '../oracle/network';
import { normals, seededRandom } from '../oracle/random';
import { randomGraph } from '../oracle/randomGraph';

export const RULES: readonly ReluRule[] = ['gradient', 'deconvnet', 'guided'];

/** Some tensors of a graph: every one that is computed may be asked for. */
export function someTensors(graph: Graph, seed: number, count = 1 + (seed % 5)): string[] {
  const random = seededRandom(seed);
  const names = graph.nodes.filter(({ inputs }) => inputs.length > 0).map(({ name }) => name);
  return names.toSorted(() => random.uniform() - 0.5).slice(0, count);
}

/** Seeds of these tensors for each item, and what the oracle makes of them by each rule. */
export function expectedOf(
  graph: Graph,
  items: readonly Float64Array[],
  { names, rules }: { readonly names: readonly string[]; readonly rules: readonly ReluRule[] },
) {
  const random = seededRandom(3);
  const each = items.map((item) => {
    const { tensors } = graphGradient(graph, item, { seeds: new Map() });
    const seeds = new Map(names.map((name) => [name, normals(random, tensors.get(name)!.data.length)]));
    const gradients = new Map(rules.map((relu) => [relu, graphGradient(graph, item, { seeds, relu }).gradient]));
    return { tensors, seeds, gradients };
  });
  const joined = (arrays: readonly Float64Array[]): Float32Array<ArrayBuffer> =>
    Float32Array.from(arrays.flatMap((a) => [...a]));
  return {
    tensors: new Map(names.map((name) => [name, joined(each.map(({ tensors }) => tensors.get(name)!.data))])),
    seeds: new Map(names.map((name) => [name, joined(each.map(({ seeds }) => seeds.get(name)!))])),
    gradients: new Map(rules.map((relu) => [relu, joined(each.map(({ gradients }) => gradients.get(relu)!))])),
  };
}

/** Probes a model's tensors at these items, by these rules: within 1e-5 of float64. */
export async function expectProbed(
  model: Model,
  items: readonly Float64Array[],
  asked: { readonly names: readonly string[]; readonly rules: readonly ReluRule[] },
): Promise<void> {
  const { graph } = model.file;
  const right = expectedOf(graph, items, asked);
  const probe = await model.probe(asked.names);
  for (const relu of asked.rules) {
    const found = await probe.vjp(batchOf(graph, items), () => Object.fromEntries(right.seeds), { relu });
    for (const [name, tensor] of right.tensors)
      expect(relativeL2(found.tensors[name]!, tensor), name).toBeLessThan(1e-5);
    expect(relativeL2(found.gradient, right.gradients.get(relu)!), relu).toBeLessThan(1e-5);
  }
}

/** The same of a random net: one seed, one net, its input, and its tensors. */
export async function expectRandomProbed(
  engine: Engine,
  seed: number,
  { batch, count, rules }: { readonly batch: number; readonly count: number; readonly rules: readonly ReluRule[] },
): Promise<void> {
  const graph = randomGraph(seed);
  using model = await engine.load(graph, { batch });
  const items = Array.from({ length: batch }, (_, n) => inputAwayFromKinks(graph, 1e-4, seed + 100 * n));
  await expectProbed(model, items, { names: someTensors(graph, seed + batch, count), rules });
}
