import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FormulaName } from '../../shaders/formulas';
import { compile } from '../../src/compile';
import { nodeDrivers } from '../node';
import { PATIENCE } from '../runs';
import { formulas } from '../oracle/formulas';
import { oracleOf } from '../oracle/operators';
import { Net, ROUNDING, around, channels, engineOn, errorAround, gradientOf, plane, real } from './check';

const NAMES = Object.keys(formulas) as FormulaName[];

/** A net of all functions, each of some rows of the image, added up. */
function allByHand() {
  const cases = NAMES.map((op) => ({ op, ...formulas[op].byHand }));
  const W = Math.max(...cases.map(({ inputs }) => inputs[0]!.length));
  const padded = (numbers: readonly number[], other: number) => [...numbers, ...Array(W - numbers.length).fill(other)];
  const net = new Net({ C: 1, H: cases.reduce((sum, { inputs }) => sum + inputs.length, 0), W });
  const row = (h: number, width: number) =>
    net.add({ op: 'slice', inputs: ['image'], begin: [0, h, 0], extents: [1, 1, width] });
  let h = 0;
  const scores = cases.map(({ op, inputs }) => {
    const width = inputs[0]!.length;
    const y = net.add({ op, inputs: inputs.map(() => row(h++, width)) });
    return net.fullyConnected(y, 1, Array(width).fill(1));
  });
  const all = net.add({ op: 'concat', inputs: scores });
  return {
    graph: net.graph(
      net.fullyConnected(
        all,
        1,
        scores.map(() => 1),
      ),
    ),
    image: cases.flatMap(({ inputs }) => inputs.flatMap((numbers) => padded(numbers, 9))),
    rows: cases.flatMap(({ op, slopes }) => slopes.map((numbers, k) => ({ op, k, slopes: padded(numbers, 0) }))),
    W,
  };
}

describe.each(nodeDrivers)('on %s', (driver) => {
  test('at ties and elsewhere, the derivatives are what one finds by hand', async () => {
    const { graph, image, rows, W } = allByHand();
    const gradient = await gradientOf(await engineOn(driver), graph, image);
    rows.forEach(({ op, k, slopes }, i) =>
      gradient
        .slice(i * W, (i + 1) * W)
        .forEach((value, w) => expect(value, `${op}, input ${k}, number ${w}`).toBeCloseTo(slopes[w] as number, 5)),
    );
  });

  // channels that fill no block of four: 0/0 there must not come out
  test('all agree with the oracle, whatever stands around them', { timeout: PATIENCE }, async () => {
    const engine = await engineOn(driver);
    const surroundings = fc.sample(fc.record({ C: channels, plane, around }), 2 * NAMES.length);
    for (const [k, { C, plane, around }] of surroundings.entries()) {
      if (driver === 'swiftshader' && k % 3 > 0) continue;
      const op = NAMES[k % NAMES.length]!;
      const example = oracleOf(op).examples[0];
      const error = await errorAround(engine, { C, ...plane }, around, (net, x) => net.add(example(net, x)), real);
      expect(error, `${op} of ${C} channels`).toBeLessThan(2 * ROUNDING);
    }
  });

  test('a constant beside an activation gets no gradient, and the activation all of its own', async () => {
    const net = new Net({ C: 5, H: 1, W: 1 });
    const constant = net.add({
      op: 'constant',
      inputs: [],
      value: net.parameter([5, 1, 1], [2, 4, 8, 16, 32]),
      extents: [5, 1, 1],
    });
    const y = net.add({ op: 'divide', inputs: ['image', constant] });
    const z = net.add({ op: 'divide', inputs: [constant, y] });
    const graph = net.graph(net.fullyConnected(z, 1, Array(5).fill(1)));
    // z = constant² / x, whose derivative is −constant² / x²
    expect(await gradientOf(await engineOn(driver), graph, [1, 2, 4, 4, 8])).toEqual([-4, -4, -4, -16, -16]);
  });
});

test('a function of several numbers is refused whose inputs differ in shape', () => {
  const net = new Net({ C: 3, H: 1, W: 2 });
  const pooled = net.add({ op: 'reduce', inputs: ['image'], kind: 'sum', axes: ['W'] });
  const graph = net.graph('y');
  const node = { op: 'divide' as const, name: 'y', inputs: ['image', pooled] };
  expect(() => compile({ ...graph, nodes: [...graph.nodes, node] }, { batch: 1, bindingBytes: 2 ** 27 })).toThrow(
    expect.objectContaining({
      code: 'shape',
      message: "y: its inputs are [3, 1, 2] and [3]; 'divide' needs one shape",
    }),
  );
});
