import { beforeAll, describe, expect, test } from 'vitest';
import type { Graph } from '../../src/graph';
import type { ReluRule } from '../../src/options';
import { type ChromiumPage, chromiumPage } from '../chromium';
import { branched, imageOf, small } from '../engine/support';
import { nodeDrivers } from '../node';
import { SHARE_OF_RUNS } from '../runs';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import { mixedGraph } from '../oracle/mixedGraph';
import { randomGraph } from '../oracle/randomGraph';
import { Net, RULES, batchOf, engineOn } from '../ops/check';
import type { Answer } from './harness';
import { written } from './written';

let opened: ChromiumPage;
beforeAll(async () => {
  opened = await chromiumPage('test/browser/harness.html');
  await opened.page.waitForFunction(() => 'loseDevice' in window);
});

const inChromium = (
  graph: Graph,
  images: readonly Float64Array[],
  classes: readonly number[],
  relu: ReluRule,
  score: 'logit' | 'probability' = 'logit',
): Promise<Answer> =>
  opened.page.evaluate((job) => window.gradient(job), {
    graph: written(graph),
    images: images.map((image) => [...image]),
    classes,
    relu,
    score,
  });

/** Chromium against the oracle. */
async function expectRight(
  graph: Graph,
  images: readonly Float64Array[],
  classes: readonly number[],
  relu: ReluRule,
): Promise<Answer> {
  const answer = await inChromium(graph, images, classes, relu);
  const { scores, gradient, identical } = answer;
  expect(identical).toBe(true);
  const expected = images.map((image, n) => graphGradient(graph, image, { class: classes[n]!, relu }));
  expect(
    relativeL2(
      scores,
      expected.flatMap((item) => [...item.scores]),
    ),
  ).toBeLessThan(1e-5);
  expect(
    relativeL2(
      gradient,
      expected.flatMap((item) => [...item.gradient]),
    ),
  ).toBeLessThan(1e-5);
  return answer;
}

/** And against Dawn in Node, on the driver that Chromium uses too, if it is here. */
async function expectAsInNode(...job: Parameters<typeof expectRight>): Promise<void> {
  const { scores, gradient } = await expectRight(...job);
  const [graph, images, classes, relu] = job;
  const [driver] = [...nodeDrivers].reverse(); // SwiftShader, where there is one
  using model = await (await engineOn(driver!)).load(graph, { batch: images.length });
  const inNode = await model.inputGradient(batchOf(graph, images), { class: classes, relu });
  expect(relativeL2(gradient, inNode.gradient)).toBeLessThan(1e-6);
  expect(relativeL2(scores, inNode.scores)).toBeLessThan(1e-6);
}

/** Seeds from 100 on; the first of them in Node as well, where every kernel is compiled once more. */
const seeds = (count: number): [seed: number, name: string, expected: typeof expectRight | typeof expectAsInNode][] =>
  Array.from({ length: count }, (_, k) =>
    k < count * IN_NODE ? [k + 100, 'the oracle, and with Node', expectAsInNode] : [k + 100, 'the oracle', expectRight],
  );
const IN_NODE = SHARE_OF_RUNS === 1 ? 1 : 1 / 4;

describe('in Chromium', () => {
  test.each(seeds(15))('random graph %d agrees with %s', async (seed, _, expectRight) => {
    const graph = randomGraph(seed);
    await expectRight(graph, [imageOf(graph, seed)], [seed % 2], RULES[seed % 3]!);
  });

  // seeds take turns through all operators
  test.each(seeds(24))('mixed graph %d agrees with %s', async (seed, _, expectRight) => {
    const graph = mixedGraph(seed);
    await expectRight(graph, [imageOf(graph, seed)], [seed % 2], 'gradient');
  });

  test.each([
    ['small', small],
    ['branched', branched],
  ])('the %s net agrees under every rule, in a batch of three classes', async (_, graph) => {
    for (const rule of RULES)
      await expectAsInNode(
        graph,
        [1, 2, 3].map((seed) => imageOf(graph, seed)),
        [4, 0, 2],
        rule,
      );
  });

  const byHand: [string, (net: Net) => string, readonly number[], readonly number[]][] = [
    [
      'a 2×2 filter',
      (net) =>
        net.fullyConnected(
          net.add({ op: 'conv', inputs: ['image'], kernel: [2, 2], weight: net.parameter([1, 1, 2, 2], [1, 2, 3, 4]) }),
          1,
          [1, 10],
        ),
      [5, -7, 1, 0, 2, 8],
      [1, 12, 20, 3, 34, 40],
    ],
    [
      'a strided filter',
      (net) =>
        net.fullyConnected(
          net.add({
            op: 'conv',
            inputs: ['image'],
            kernel: [1, 2],
            stride: [1, 2],
            pads: [0, 1, 0, 0],
            weight: net.parameter([1, 1, 1, 2], [3, 5]),
          }),
          1,
          [1, 10, 100, 1000],
        ),
      [1, 1, 1, 1, 1, 1],
      [5, 30, 50, 500, 3000, 5000],
    ],
    [
      'ties of a max-pool',
      (net) => net.fullyConnected(net.add({ op: 'maxPool', inputs: ['image'], kernel: [2, 2] }), 1, [1, 10]),
      [7, 7, 7, 7, 7, 7],
      [1, 10, 0, 0, 0, 0],
    ],
    [
      'a ReLU at zero',
      (net) => net.fullyConnected(net.relu('image'), 1, [1, 2, 3, 4, 5, 6]),
      [1, 0, -1, 2, 0, -2],
      [1, 0, 0, 4, 0, 0],
    ],
    [
      'a padded average',
      (net) =>
        net.fullyConnected(
          net.add({
            op: 'averagePool',
            inputs: ['image'],
            kernel: [1, 2],
            stride: [1, 2],
            pads: [0, 1, 0, 0],
            countPadding: true,
          }),
          1,
          [2, 4, 6, 8],
        ),
      [1, 1, 1, 1, 1, 1],
      [1, 2, 2, 3, 4, 4],
    ],
  ];
  test.each(byHand)('by hand: %s', async (_, build, image, expected) => {
    const net = new Net({ C: 1, H: 2, W: 3 });
    const { gradient } = await inChromium(net.graph(build(net)), [Float64Array.from(image)], [0], 'gradient');
    expect(gradient.map((value) => value + 0)).toEqual(expected);
  });

  test('a probability agrees with the oracle', async () => {
    const image = imageOf(branched);
    const { gradient } = await inChromium(branched, [image], [2], 'gradient', 'probability');
    expect(
      relativeL2(gradient, graphGradient(branched, image, { class: 2, score: 'probability' }).gradient),
    ).toBeLessThan(1e-5);
  });

  test('the self-test passes', async () => {
    expect(await opened.page.evaluate(() => window.check())).toMatchObject({ ok: true });
  });

  test('a device that goes in the middle of a run is told as lost', async () => {
    expect(await opened.page.evaluate(() => window.loseDevice())).toBe('device-lost');
  });

  test('the page logged no error', () => expect(opened.errors).toEqual([]));
});
