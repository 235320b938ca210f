/** Is arithmetic right on this device? A gradient that was computed in float64 once, computed here twice. */
import { relativeL2 } from '../compare';
import type { Graph, Weight } from '../graph';
import type { Model } from '../model';
import type { CheckReport } from '../options';
import { congruential } from '../random';
import expected from './selfTest.json' with { type: 'json' };

const CHECK_TOLERANCE = 1e-5;

const EXTENTS = { C: 3, H: 13, W: 11 };

/** Numbers in [−1, 1) with a fixed pattern; multiples of 2⁻¹⁰, so float32 holds them exactly. */
function pattern(length: number, seed: number): Float32Array {
  const next = congruential(seed);
  return Float32Array.from({ length }, () => (next() >>> 21) / 1024 - 1);
}

/**
 * Convolution with stride and padding, ReLU, overlapping max-pool, convolution, ReLU, fully connected: one of each
 * kernel.
 */
export function selfTestCase(): { graph: Graph; input: Float32Array; class: number } {
  const weight = (shape: readonly number[], seed: number): Weight => ({
    shape,
    data: pattern(
      shape.reduce((a, b) => a * b),
      seed,
    ),
  });
  const graph: Graph = {
    name: 'self-test',
    input: { name: 'image', extents: EXTENTS },
    nodes: [
      {
        op: 'conv',
        name: 'conv1',
        inputs: ['image'],
        weight: 'w1',
        bias: 'b1',
        kernel: [5, 3],
        stride: [2, 1],
        pads: [2, 1, 2, 1],
      },
      { op: 'relu', name: 'relu1', inputs: ['conv1'] },
      { op: 'maxPool', name: 'pool1', inputs: ['relu1'], kernel: [3, 3], stride: [2, 2], pads: [0, 1, 0, 1] },
      { op: 'conv', name: 'conv2', inputs: ['pool1'], weight: 'w2', bias: 'b2', kernel: [3, 3], pads: [1, 1, 1, 1] },
      { op: 'relu', name: 'relu2', inputs: ['conv2'] },
      { op: 'fullyConnected', name: 'fc', inputs: ['relu2'], weight: 'w3', bias: 'b3' },
    ],
    output: 'fc',
    weights: new Map([
      ['w1', weight([6, 3, 5, 3], 1)],
      ['b1', weight([6], 2)],
      ['w2', weight([9, 6, 3, 3], 3)],
      ['b2', weight([9], 4)],
      ['w3', weight([5, 9 * 3 * 6], 5)],
      ['b3', weight([5], 6)],
    ]),
  };
  return { graph, input: pattern(EXTENTS.C * EXTENTS.H * EXTENTS.W, 7), class: 3 };
}

/** `load` makes a model of a graph on the device that is to be tested. */
export async function check(load: (graph: Graph) => Promise<Model>): Promise<CheckReport> {
  const { graph, input, class: chosen } = selfTestCase();
  const model = await load(graph);
  try {
    const image = { data: input, shape: [EXTENTS.C, EXTENTS.H, EXTENTS.W] };
    const first = (await model.inputGradient(image, { class: chosen })).gradient;
    const second = (await model.inputGradient(image, { class: chosen })).gradient;
    const identical = first.every((value, i) => value === second[i]);
    const error = relativeL2(first, expected.gradient);
    const ok = identical && error < CHECK_TOLERANCE;
    const off = `relative error ${error.toExponential(1)}`;
    return {
      ok,
      relativeL2: error,
      identical,
      message: ok
        ? `passed: ${off}, twice the same bits`
        : identical
          ? `failed: ${off}, at most ${CHECK_TOLERANCE} is right`
          : `failed: two runs differ (${off})`,
    };
  } finally {
    model.dispose();
  }
}
