/**
 * Every example of every operator's record, on a GPU against the oracle: in float32, and with weights and activations
 * in half precision, by the type `f16` and packed. An operator is tested here as soon as it has a record.
 */
import { describe, expect, test } from 'vitest';
import type { Graph, GraphNode } from '../../src/graph';
import { type Features, type NodeDriver, nodeDrivers } from '../node';
import { inputAwayFromKinks } from '../oracle/kinks';
import { oracleOf, oracles } from '../oracle/operators';
import type { Example } from '../oracle/oracle';
import { Net, ROUNDING, engineOn, errorOf, real } from './check';

/** Two strips in a row, and a block of which half is no channel. */
const INPUT = { C: 6, H: 5, W: 9 };
const CLASSES = [3, 1];

/** A few times what a half rounds by. One wrong element in a thousand is more. */
const HALF_ROUNDING = 2e-3;
/** As far as the image stays from the corners of functions, so that no rounding to halves carries it over one. */
const MARGIN = 4e-3;

const cases = (Object.keys(oracles) as GraphNode['op'][]).flatMap((op) =>
  oracleOf(op).examples.map((example, k) => {
    const graph = around(example);
    const images = CLASSES.map((_, seed) => inputAwayFromKinks(graph, MARGIN, seed, 1000).map(asHalf));
    return { title: `${op}, example ${k + 1}`, graph, images };
  }),
);

/** The example between an image and five scores. */
function around(example: Example<GraphNode>): Graph {
  const net = new Net(INPUT, 1, real);
  return net.graph(net.fullyConnected(net.add(example(net, 'image')), 5));
}

/** A number near it that a half holds, so that what reads the image itself reads the same in float64. */
function asHalf(value: number): number {
  return Math.round(value * 256) / 256;
}

/** Every driver in float32, and one of them in half precision: all compile the same WGSL, and lavapipe slowly. */
const WAYS: readonly (readonly [driver: NodeDriver, precision: 'f32' | 'f16', features: Features])[] = [
  ...nodeDrivers.map((driver) => [driver, 'f32', 'all'] as const),
  [nodeDrivers.at(-1)!, 'f16', 'all'],
  [nodeDrivers.at(-1)!, 'f16', 'none'],
];

describe.each(WAYS)('on %s in %s with %s of its features, scores and gradient are those of float64:', (...way) => {
  const [driver, precision, features] = way;
  test.each(cases)('$title', async ({ graph, images }) => {
    const engine = await engineOn(driver, features);
    const loader = { load: (of: Graph, options?: object) => engine.load(of, { ...options, precision }) };
    const error = await errorOf(loader, graph, images, { classes: CLASSES });
    expect(error).toBeLessThan(precision === 'f32' ? ROUNDING : HALF_ROUNDING);
  });
});
