/** Steps and weights of class models mean the same for one net, however pictures are prepared for it. */
import { describe, expect, test } from 'vitest';
import { type ClassModelOptions, type Model, classModel, presetNames, presetSpec } from '../../src';
import type { Graph } from '../../src/graph';
import { inputUnits } from '../../src/image/inputUnits';
import type { InputSpec } from '../../src/options';
import { relativeL2 } from '../oracle/compare';
import { engineOn, graph } from './support';

const extents = graph.input.extents;
const own = presetSpec('torchvision', extents);

/** The same net for pictures that are prepared otherwise: a 1×1 convolution before it brings them to `own`. */
function reexpressed(input: InputSpec): Graph {
  const weight = new Float32Array(9);
  const bias = new Float32Array(3);
  for (let c = 0; c < 3; c++) {
    const from = input.order === own.order ? c : 2 - c;
    // pixel = (value · std + mean) / scale, there and here
    const toOwn = own.scale / input.scale / own.std[c]!;
    weight[c * 3 + from] = input.std[from]! * toOwn;
    bias[c] = input.mean[from]! * toOwn - own.mean[c]! / own.std[c]!;
  }
  return {
    ...graph,
    nodes: [
      { op: 'conv', name: 'prepared', inputs: ['image'], weight: 'p', bias: 'q', kernel: [1, 1] },
      ...graph.nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((name) => (name === 'image' ? 'prepared' : name)),
      })),
    ] as Graph['nodes'],
    weights: new Map([
      ...graph.weights,
      ['p', { shape: [3, 3, 1, 1], data: weight }],
      ['q', { shape: [3], data: bias }],
    ]),
  };
}

async function finish(model: Model, options: ClassModelOptions) {
  const run = classModel(model, options);
  for (;;) {
    const next = await run.next();
    if (next.done) return next.value;
  }
}

/** In pixels of 0 to 1, RGB, not clamped. */
function inPixels(data: Float32Array, { order, scale, mean, std }: InputSpec): Float64Array {
  const plane = data.length / 3;
  return Float64Array.from({ length: data.length }, (_, i) => {
    const rgb = Math.floor(i / plane);
    const c = order === 'BGR' ? 2 - rgb : rgb;
    return (data[c * plane + (i % plane)]! * std[c]! + mean[c]!) / scale / 255;
  });
}

const moved = { jitter: 2, rotate: 5, parametrisation: 'fourier' } as const;
const options = { class: 1, preset: 'vivid', iterations: 12, totalVariation: 1e-3, ...moved } as const;

describe('one net, prepared for in', () => {
  test.each(presetNames.filter((name) => name !== 'torchvision'))('%s: the same picture', async (name) => {
    using engine = await engineOn();
    const spec = presetSpec(name, extents);
    const expected = await finish(await engine.load(graph, { input: own }), options);
    const actual = await finish(await engine.load(reexpressed(spec), { input: spec }), options);
    expect(relativeL2(inPixels(actual.data, spec), inPixels(expected.data, own))).toBeLessThan(1e-5);
    expect(relativeL2(actual.scores[0]!, [...expected.scores[0]!])).toBeLessThan(1e-4);
  });
});

test('0 is one colour and 1 one difference for all of them, in the order of the channels', () => {
  const colours = presetNames.map((name) => {
    const input = presetSpec(name, extents);
    const { centre, spread } = inputUnits(input, 3);
    const plane = (values: readonly number[]): Float64Array => inPixels(Float32Array.from(values), input);
    return [plane(centre), plane(centre.map((value, c) => value + spread[c]!))].flatMap((values) => [...values]);
  });
  for (const colour of colours) expect(relativeL2(colour, colours[0]!)).toBeLessThan(1e-6);
  expect(colours[0]![3]! - colours[0]![0]!).toBeCloseTo(0.281289, 6);
});

test('a net that tells nothing of its pictures, or takes other channels, has its own units', () => {
  expect(inputUnits(null, 2)).toEqual({ centre: [0, 0], spread: [1, 1], colours: [1, 0, 0, 1] });
  expect(inputUnits(own, 4).spread).toEqual([1, 1, 1, 1]);
  const grey = inputUnits({ ...presetSpec('unit', { C: 1, H: 4, W: 4 }) }, 1);
  expect(grey.centre[0]).toBeCloseTo((0.468287 + 0.460839 + 0.432832) / 3, 6);
});

test('a picture that stayed flat, or went far beyond white, is told', async () => {
  using engine = await engineOn();
  const model = await engine.load(reexpressed(presetSpec('raw', extents)), { input: presetSpec('raw', extents) });
  const remarks = async (step: number, l2 = 0) =>
    (await finish(model, { class: 1, preset: 'vivid', iterations: 4, step, l2 })).remarks;
  expect(await remarks(0.002)).toEqual(['flat']);
  expect(await remarks(0.1)).toEqual([null]);
  expect(await remarks(20)).toEqual(['exploded']);
});
